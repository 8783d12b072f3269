import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, Part } from './contracts/intake.ts';
import { JournalReader } from './journal/reader.ts';
import { batchOf, Clocks, delivery, openWriter, reading, sale, shelfCount, temporaryFolder } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

let clocks: Clocks;
let folder: string;
let writer: Writer;

beforeEach(() => {
  clocks = new Clocks();
  folder = temporaryFolder();
  writer = openWriter(folder, clocks);
  writer.tick(true);
});

afterEach(() => writer.close());

const climate = (celsius: number, identity?: string): Part =>
  delivery(clocks, 'climate', 'sensor-1', reading('fridge-1', { unit: 'fridge-1', celsius }, { identity }));

/** Climate, a shelf and the device's own battery, and how far its source was read. */
const frame = (number: number): Delivery => ({
  ...climate(number, `climate ${number}`),
  also: [
    shelfCount(clocks, number % 20),
    delivery(clocks, 'status', 'sensor-1', reading('sensor-1', { online: true, battery_percent: number % 100 })),
  ],
  position: { source: 'gateway', value: `${number}` },
});

const events = (): string[] => {
  const reader = JournalReader.open(folder);
  const types = reader.page({ limit: 100 }).map(({ type }) => type);
  reader.close();
  return types.filter((type) => /level|measured|seen/.test(type));
};

const position = () => writer.process(batchOf([], [{ op: 'position', source: 'gateway' }])).answers[0];

describe('a frame of several kinds', () => {
  it('has one receipt, which tells what was stored of each part', () => {
    expect(writer.process(batchOf([frame(3), sale(clocks, '1'), frame(3)])).receipts).toEqual([
      { outcome: 'accepted', accepted: 3, repeated: 0, of: [1, 1, 1].map((accepted) => ({ accepted, repeated: 0 })) },
      undefined,
      expect.objectContaining({ accepted: 2, repeated: 1 }),
    ]);
    expect(events()).toHaveLength(3);
    expect(position()).toEqual({ ok: true, value: '3' });
  });

  it('is not stored when the disk refuses one part, and leaves nothing behind', () => {
    const saboteur = new SQLite(join(folder, 'journal.db'));
    saboteur.exec("CREATE TRIGGER no BEFORE INSERT ON events_devices BEGIN SELECT raise(ABORT, 'no'); END");
    const failed = writer.process(batchOf([sale(clocks, '1'), frame(3)]));
    // What makes the hub itself fail is kept apart, all of it and with its position; its neighbour is stored.
    expect(failed.receipts).toEqual([undefined, { outcome: 'refused', letter: expect.any(String) }]);
    saboteur.exec('DROP TRIGGER no');
    saboteur.close();
    expect(events()).toEqual([]);
    expect(position()).toEqual({ ok: true, value: '3' });
    const reader = JournalReader.open(folder);
    expect(
      reader
        .deadLetters()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['climate', 'shelf', 'status']);
    reader.close();
    // Its ids were not remembered.
    expect(writer.process(batchOf([climate(3, 'climate 3')])).receipts).toEqual([undefined]);
  });

  it('is taken on a full disk when nothing of it makes a fact, and else not', () => {
    const { position: _, ...unmarked } = frame(3);
    writer.process(batchOf([unmarked]));
    const reader = JournalReader.open(folder);
    const request = { incarnation: writer.incarnation, from: {}, to: reader.heads(writer.incarnation) };
    reader.close();
    writer.process(batchOf([], [{ op: 'reserve', request }]));
    writer.close();
    writer = openWriter(folder, clocks, { diskBudget: 1000 });
    writer.tick(true);
    const { position: __, ...other } = frame(4);
    const half = { ...unmarked, also: other.also };
    const outcomes = writer.process(batchOf([unmarked, half, other])).receipts.map((receipt) => receipt?.outcome);
    expect(outcomes).toEqual(['accepted', 'not-stored', 'not-stored']);
    expect(events()).toHaveLength(3);
  });
});

it('the position of a source moves with the dead letter of what was not understood', () => {
  const refusal = { kind: 'frame', device: 'sensor-1', received: clocks.wallMs, reason: 'odd', pointers: [] };
  writer.process(batchOf([{ ...refusal, bytes: null, position: { source: 'gateway', value: '7' } }]));
  expect(position()).toEqual({ ok: true, value: '7' });
});
