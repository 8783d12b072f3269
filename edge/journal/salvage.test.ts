/** Damage of every kind, done to real files, and what the next start makes of it. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Vector } from '../contracts/vector.ts';
import {
  batchOf,
  Clocks,
  delivery,
  openWriter,
  reading,
  sale,
  shelfCount,
  temporaryFolder,
} from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { mend, noteDamage } from './damage.ts';
import { PAGE_BYTES as PAGE } from './database.ts';
import { JournalReader } from './reader.ts';
import type { SalvageReport } from './salvage.ts';

const SALES = 3000;

let data: string;
let clocks: Clocks;

beforeEach(() => {
  data = join(temporaryFolder(), 'data');
  mkdirSync(data);
  clocks = new Clocks();
});

const journal = (): string => join(data, 'journal.db');

/** A shop with 3,000 sales of which head office has 1,000, a total of a people counter, and an open alert. */
function fill(acknowledged = 1000): { incarnation: string; alert: string } {
  const writer = openWriter(data, clocks);
  for (let from = 1; from <= SALES; from += 100) {
    writer.process(batchOf(Array.from({ length: 100 }, (_, index) => sale(clocks, String(from + index)))));
  }
  writer.process(batchOf([count(100)]));
  writer.process(batchOf([shelfCount(clocks, 1)]));
  clocks.pass(20_000);
  const [alert] = writer.tick(true).alerts;
  const { incarnation } = writer;
  if (acknowledged > 0) {
    const acked = { sales: acknowledged, devices: 1 };
    writer.process(batchOf([], [{ op: 'acknowledge', request: { incarnation, acked, batch: 'b' } }]));
  }
  writer.close();
  return { incarnation, alert: alert?.id ?? '' };
}

const count = (total: number) =>
  delivery(clocks, 'traffic', 'counter-1', reading('door', { line: 'door', total_in: total, total_out: 0 }));

/** The pages of a table or an index, by the database's own account: root first. */
function pagesOf(name: string): number[] {
  const db = new SQLite(journal(), { readonly: true });
  const root = db.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck().get(name) as number;
  db.close();
  const bytes = readFileSync(journal());
  const page = (number: number) => bytes.subarray((number - 1) * PAGE, number * PAGE);
  const under = (number: number): number[] => {
    const head = page(number);
    if (head[0] !== 5 && head[0] !== 2) return [number];
    const cells = head.readUInt16BE(3);
    const children = Array.from({ length: cells }, (_, index) => head.readUInt32BE(head.readUInt16BE(12 + index * 2)));
    return [number, ...[...children, head.readUInt32BE(8)].flatMap(under)];
  };
  return under(root);
}

function spoil(...pages: (number | undefined)[]): void {
  const descriptor = openSync(journal(), 'r+');
  for (const page of pages) if (page) writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, (page - 1) * PAGE);
  closeSync(descriptor);
}

/** As the edge does it: what the writer meets is noted, then mended, then the writer opens. */
function start(): { report: SalvageReport | undefined; writer: Writer } {
  let report = mend(data, 'store-0042', clocks.wallMs);
  if (!report) {
    try {
      const writer = openWriter(data, clocks);
      for (let i = 0; i < 3; i += 1) writer.tick(true);
      writer.leftovers();
      writer.process(batchOf([sale(clocks, 'probe'), shelfCount(clocks, 2)]));
      const reader = JournalReader.open(data);
      try {
        for (let from = 0; ; ) {
          const rows = reader.page({ from, local: true, limit: 2000 });
          const last = rows.at(-1);
          if (!last) break;
          from = last.sequence + 1;
        }
      } finally {
        reader.close();
      }
      return { report, writer };
    } catch (error) {
      noteDamage(data, String(error));
      report = mend(data, 'store-0042', clocks.wallMs);
    }
  }
  return { report, writer: openWriter(data, clocks) };
}

interface State {
  readonly chain: readonly { incarnation: string; reason: string; previous: string | null }[];
  readonly sales: readonly number[];
  readonly drops: readonly { from: number; to: number; reason: string }[];
  readonly open: readonly { rule: string; id: string }[];
  readonly waiting: Vector;
}

function look(incarnation: string): State {
  const reader = JournalReader.open(data);
  try {
    const sales: number[] = [];
    for (;;) {
      const rows = reader.rows('sales', incarnation, sales.at(-1) ?? 0, 2000);
      if (rows.length === 0) break;
      sales.push(...rows.map((row) => row.streamSequence));
    }
    return {
      chain: reader.incarnations(),
      sales,
      drops: reader.dropped('sales', incarnation, 0, 1_000_000).map((range) => ({ ...range, reason: '' })),
      open: reader.alerts(false),
      waiting: reader.buffer().byStream,
    };
  } finally {
    reader.close();
  }
}

/** Every sale after the acknowledged ones is either there or in a drop, and none in both. */
function explained({ sales, drops }: State, acknowledged: number, to = SALES): void {
  const there = new Set(sales);
  for (let sequence = acknowledged + 1; sequence <= to; sequence += 1) {
    const dropped = drops.some(({ from, to: last }) => from <= sequence && sequence <= last);
    expect({ sequence, known: there.has(sequence) !== dropped }).toEqual({ sequence, known: true });
  }
}

describe('a damaged journal', () => {
  test('with pages of events overwritten loses these rows only, and says which', () => {
    const { incarnation } = fill();
    const pages = pagesOf('events_sales');
    spoil(...[0.3, 0.5, 0.6, 0.7, 0.9].map((part) => pages[Math.floor(pages.length * part)]));
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage', incarnation: expect.any(String) });
    expect(existsSync(report?.aside ?? '')).toBe(true);
    const state = look(incarnation);
    explained(state, 1000);
    expect(state.sales.length).toBeGreaterThan(SALES - 6 * 40);
    expect(report?.lost.sales).toBe(state.drops.reduce((sum, { from, to }) => sum + to - from + 1, 0));
    expect(report?.lost.sales).toBeGreaterThan(0);
    expect(state.chain.map(({ reason, previous }) => [reason, previous])).toEqual([
      ['new database', null],
      ['salvage', incarnation],
    ]);
    expect(state.open).toMatchObject(
      expect.arrayContaining(
        [
          { rule: 'shelf-gap' },
          {
            rule: 'journal-damage',
            subject: 'store-0042',
            detail: expect.stringContaining(`${report?.lost.sales} of sales`),
          },
        ].map((one) => expect.objectContaining(one)),
      ),
    );
    writer.close();
  });

  test('with the root of the events overwritten loses nothing of the events', () => {
    const { incarnation } = fill();
    spoil(pagesOf('events_sales')[0]);
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage' });
    expect(report?.lost).toEqual({});
    const state = look(incarnation);
    expect(state.sales.filter((sequence) => sequence <= SALES)).toHaveLength(SALES);
    writer.close();
  });

  test('knows its repeats and totals again, and goes on counting from there', () => {
    const { incarnation } = fill();
    const pages = pagesOf('events_sales');
    spoil(pages[Math.floor(pages.length / 2)]);
    const { writer } = start();
    expect(writer.process(batchOf([sale(clocks, '7')])).receipts).toEqual([
      { outcome: 'accepted', accepted: 0, repeated: 1 },
    ]);
    writer.process(batchOf([count(130)]));
    const reader = JournalReader.open(data);
    const [crossed] = reader.rows('traffic', writer.incarnation, 0, 1);
    expect(JSON.parse(crossed?.data ?? '{}')).toMatchObject({ in: 30 });
    expect(writer.incarnation).not.toBe(incarnation);
    reader.close();
    writer.close();
  });

  test.each([
    'alerts',
    'rule_states',
    'sensed',
    'outbox',
    'replication',
    'head',
    'incarnations',
    'event_types',
    'meta',
  ])('in the table %s starts by itself, and keeps every event', (table) => {
    const { incarnation, alert } = fill();
    spoil(...pagesOf(table));
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage' });
    const state = look(incarnation);
    expect(state.sales.filter((sequence) => sequence <= SALES)).toHaveLength(SALES);
    expect(state.open).toEqual(expect.arrayContaining([expect.objectContaining({ id: alert })]));
    // The rule still knows its alert: refilled, it is resolved and no second one was raised.
    writer.process(batchOf([shelfCount(clocks, 1)]));
    clocks.pass(25_000);
    writer.tick(true);
    expect(look(incarnation).open.filter(({ rule }) => rule === 'shelf-gap')).toMatchObject([{ id: alert }]);
    writer.process(batchOf([shelfCount(clocks, 20)]));
    clocks.pass(25_000);
    writer.tick(true);
    expect(look(incarnation).open.filter(({ rule }) => rule === 'shelf-gap')).toEqual([]);
    writer.close();
  });

  test.each([
    ['its first page overwritten', () => spoil(1)],
    ['its first page zeroed', () => patch(0, Buffer.alloc(PAGE))],
    ['its header spoilt', () => patch(0, Buffer.alloc(100, 0xff))],
    ['its schema spoilt', () => patch(100, Buffer.alloc(PAGE - 100, 0xff))],
  ])('with %s keeps every event and its identity', (_, damage) => {
    const { incarnation } = fill();
    damage();
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage' });
    const state = look(incarnation);
    expect(state.sales.filter((sequence) => sequence <= SALES)).toHaveLength(SALES);
    expect(state.chain[0]).toMatchObject({ incarnation });
    expect(writer.process(batchOf([sale(clocks, '7')])).receipts).toEqual([
      { outcome: 'accepted', accepted: 0, repeated: 1 },
    ]);
    writer.close();
  });

  test('cut short keeps what is left, and the rest is drops', () => {
    const { incarnation } = fill();
    truncateSync(journal(), Math.floor(statSync(journal()).size / PAGE / 2) * PAGE);
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage' });
    expect(report?.lost.sales).toBeGreaterThan(500);
    explained(look(incarnation), 1000);
    writer.close();
  });

  test.each([
    ['zeroed', () => writeFileSync(journal(), Buffer.alloc(statSync(journal()).size))],
    ['empty', () => truncateSync(journal(), 0)],
    ['rubbish', () => writeFileSync(journal(), Buffer.alloc(50_000, 'no database '))],
  ])('that is %s begins anew, as the successor of the lost one', (_, damage) => {
    const { incarnation } = fill();
    damage();
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'lost' });
    expect(report?.saved).toEqual({});
    expect(look(incarnation).chain).toMatchObject([{ incarnation }, { previous: incarnation, reason: 'lost' }]);
    expect(writer.process(batchOf([sale(clocks, 'after')])).receipts).toEqual([undefined]);
    writer.close();
  });

  test('of another hub is not touched', () => {
    fill();
    noteDamage(data, 'somebody said so');
    expect(() => mend(data, 'store-0007', clocks.wallMs)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_OTHER_HUB' }),
    );
    expect(readdirSync(data).filter((name) => /damaged$/.test(name))).toEqual(['journal.damaged']);
  });

  test('interrupted at any point of its salvage is salvaged by the next start', () => {
    const { incarnation } = fill();
    const pages = pagesOf('events_sales');
    spoil(pages[10]);
    noteDamage(data, 'a first look');
    writeFileSync(join(data, 'journal.db.new'), 'half of a salvage');
    writeFileSync(join(data, 'journal.db.new-journal'), 'and its log');
    const { report, writer } = start();
    expect(report).toMatchObject({ cause: 'a first look', reason: 'salvage' });
    writer.close();
    expect(mend(data, 'store-0042', clocks.wallMs)).toBeUndefined();
    expect(look(incarnation).chain).toHaveLength(2);
    expect(readdirSync(data).filter((name) => /new|exchange|journal\.damaged/.test(name))).toEqual([]);
  });
});

describe('a write-ahead log', () => {
  /** As kill -9 leaves it: the database and a log that was not taken over. */
  function killed(): { incarnation: string } {
    const filled = fill();
    const writer = openWriter(data, clocks);
    for (let number = 1; number <= 20; number += 1) writer.process(batchOf([sale(clocks, `late-${number}`)]));
    const copies = ['journal.db', 'journal.db-wal'].map((name) => [name, readFileSync(join(data, name))] as const);
    writer.close();
    for (const [name, bytes] of copies) writeFileSync(join(data, name), bytes);
    rmSync(join(data, 'journal.db-shm'), { force: true });
    return filled;
  }

  const wal = (): string => join(data, 'journal.db-wal');

  test('outlives the loss of the whole database beside it', () => {
    const { incarnation } = killed();
    truncateSync(join(data, 'journal.db'), 0);
    const { report, writer } = start();
    expect(report).toMatchObject({
      reason: 'salvage',
      cause: 'the file is empty',
      saved: { sales: expect.any(Number) },
    });
    explained(look(incarnation), 1000, SALES + 20);
    expect(look(incarnation).sales.at(-1)).toBe(SALES + 20);
    expect(readdirSync(data).filter((name) => /damaged-wal$/.test(name))).toHaveLength(1);
    writer.close();
  });

  test('as kill -9 leaves it is taken over without a word', () => {
    const { incarnation } = killed();
    expect(mend(data, 'store-0042', clocks.wallMs)).toBeUndefined();
    openWriter(data, clocks).close();
    expect(look(incarnation).sales).toHaveLength(SALES + 20);
  });

  test('with a torn end loses only what was never acknowledged', () => {
    const { incarnation } = killed();
    truncateSync(wal(), statSync(wal()).size - 5000);
    expect(mend(data, 'store-0042', clocks.wallMs)).toBeUndefined();
    openWriter(data, clocks).close();
    expect(look(incarnation).sales.length).toBeGreaterThanOrEqual(SALES + 18);
  });

  test('damaged in its middle is noticed, and what lies behind is saved', () => {
    const { incarnation } = killed();
    const descriptor = openSync(wal(), 'r+');
    writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, 32 + 10 * (PAGE + 24) + 24);
    closeSync(descriptor);
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage', cause: expect.stringContaining('write-ahead log') });
    const state = look(incarnation);
    explained(state, 1000, SALES + 20);
    expect(state.sales.at(-1)).toBe(SALES + 20);
    writer.close();
  });

  test('that is rubbish is noticed: the next events get a new incarnation', () => {
    const { incarnation } = killed();
    writeFileSync(wal(), Buffer.alloc(statSync(wal()).size, 'rubbish'));
    const { report, writer } = start();
    expect(report).toMatchObject({ reason: 'salvage', cause: expect.stringContaining('write-ahead log') });
    expect(writer.incarnation).not.toBe(incarnation);
    expect(look(incarnation).sales).toHaveLength(SALES);
    const aside = readdirSync(data).filter((name) => /\.damaged(-wal)?$/.test(name));
    expect(aside).toHaveLength(2);
    writer.close();
  });
});

function patch(at: number, bytes: Buffer): void {
  const descriptor = openSync(journal(), 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}
