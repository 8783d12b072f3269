/** What the screens of a zone are told, on the real writer: the outbox is what its messages are. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Campaign } from './contracts/campaigns.ts';
import { dataSchemaOf, type EventType } from './contracts/events.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Reply, Request } from './crossing.ts';
import { JournalReader } from './journal/reader.ts';
import { batchOf, Clocks, delivery, openWriter, reading, sale, temporaryFolder, WATER } from './writer.fixture.ts';
import type { Writer, WriterOptions } from './writer.ts';

const JUICE: Facing = { ...WATER, shelf: 'A1-4', gtin: '09521234543237', name: 'Apple juice 1 l' };
const CAMPAIGN: Campaign = {
  ...{ id: 'water-10', zone: 'beverages', gtin: WATER.gtin, text: '10 % off spring water', priority: 1 },
  ...{ from: '2026-11-01', until: '2026-11-30', attribution: 7_200_000, coupon: false },
};
const TOPIC = 'out/offers/zone/beverages';

let folder: string;
let clocks: Clocks;
let writer: Writer;

function open(change: Partial<WriterOptions> = {}): void {
  writer = openWriter(folder, clocks, { planogram: [WATER, JUICE], campaigns: [CAMPAIGN], ...change });
}

beforeEach(() => {
  folder = temporaryFolder();
  clocks = new Clocks();
  open();
});

afterEach(() => writer.close());

function level(shelf: string, gtin: string, count: number): Reply {
  return writer.process(batchOf([delivery(clocks, 'shelf', 'sensor-1', reading(shelf, { shelf, gtin, count }))]));
}

/** What screens hear: the text, or nothing where the topic is cleared. */
function heard({ out }: Pick<Reply, 'out'>): (string | null)[] {
  return out.map(({ topic, payload, retain }) => {
    expect([topic, retain]).toEqual([TOPIC, true]);
    return payload === '' ? null : JSON.parse(payload).text;
  });
}

/** Data of the events of the stream `offers`, each as its schema has it. */
function journaled(): Record<string, unknown>[] {
  const reader = JournalReader.open(folder);
  const rows = reader.rows('offers', writer.incarnation, 0, 100);
  reader.close();
  return rows.map(({ type, data }) => {
    const event = dataSchemaOf(type as EventType).parse(JSON.parse(data)) as Record<string, unknown>;
    return { type, ...event };
  });
}

function delivered({ out }: Pick<Reply, 'out'>): void {
  writer.process(batchOf([], [{ op: 'delivered', ids: out.map(({ id }) => id) }]));
}

it('shows what has stock at once, retained, and clears it at once when the shelf is empty', () => {
  const made = level('A1-3', WATER.gtin, 6);
  expect(heard(made)).toEqual([CAMPAIGN.text]);
  const message = JSON.parse(made.out[0]?.payload ?? '');
  expect(message).toMatchObject({ campaign: 'water-10', gtin: WATER.gtin, expires: '2026-11-30T23:00:00.000Z' });
  expect(heard(level('A1-3', WATER.gtin, 5))).toEqual([]);
  expect(heard(level('A1-3', WATER.gtin, 0))).toEqual([null]);
  const [first, second] = journaled();
  expect(first).toMatchObject({ type: 'retail.offers.made.v1', audience: 'zone', id: message.id });
  expect(first?.events).toEqual(message.events);
  expect(second).toMatchObject({ type: 'retail.offers.withdrawn.v1', id: message.id, reason: 'no-stock' });
});

it('moves to the substitute of the shelf', () => {
  writer.close();
  open({ planogram: [{ ...WATER, substitute: JUICE.gtin }, JUICE] });
  level('A1-4', JUICE.gtin, 6);
  level('A1-3', WATER.gtin, 6);
  const text = 'Apple juice 1 l in place of Spring water 1 l: 10 % off spring water';
  expect(heard(level('A1-3', WATER.gtin, 0))).toEqual([null, text]);
  expect(journaled().at(-1)).toMatchObject({ gtin: JUICE.gtin, text, replaces: journaled().at(-2)?.id });
});

it("ends by itself as the campaign's last day ends", () => {
  level('A1-3', WATER.gtin, 6);
  clocks.wallMs = Date.parse('2026-11-30T22:00:00Z');
  writer.tick(true);
  clocks.pass(3_599_999);
  expect(heard(writer.tick(true))).toEqual([]);
  clocks.pass(1);
  expect(heard(writer.tick(true))).toEqual([null]);
  expect(journaled().at(-1)).toMatchObject({ reason: 'ended' });
});

it('ends after a night in which the hub was off', () => {
  clocks.wallMs = Date.parse('2026-11-30T22:00:00Z');
  writer.tick(true);
  delivered(level('A1-3', WATER.gtin, 6));
  writer.close();
  clocks.pass(8 * 3_600_000);
  clocks.monotonicMs = 5;
  open();
  expect(heard(writer.leftovers())).toEqual([CAMPAIGN.text]);
  expect(heard(writer.tick(true))).toEqual([null]);
});

it('is told again after a restart, with the same id', () => {
  const made = level('A1-3', WATER.gtin, 6);
  delivered(made);
  writer.close();
  open();
  const { out } = writer.leftovers();
  expect(out.map(({ topic, payload, retain }) => ({ topic, payload, retain }))).toEqual(
    made.out.map(({ topic, payload, retain }) => ({ topic, payload, retain })),
  );
  expect(heard(writer.tick(true))).toEqual([]);
});

it('is cleared when the campaign is gone from the configuration, and when its shelf is', () => {
  delivered(level('A1-3', WATER.gtin, 6));
  writer.close();
  open({ campaigns: [] });
  expect(heard(writer.leftovers())).toEqual([null]);
  writer.close();
  open();
  expect(heard(writer.leftovers())).toEqual([null, CAMPAIGN.text, CAMPAIGN.text]);
  writer.close();
  open({ planogram: [JUICE] });
  expect(heard(writer.leftovers()).at(-1)).toBeNull();
  expect(journaled().at(-1)).toMatchObject({ reason: 'configuration' });
});

it('ends when all that may be redeemed is taken', () => {
  writer.close();
  open({ campaigns: [{ ...CAMPAIGN, quantity: 1 }] });
  level('A1-3', WATER.gtin, 6);
  const claim = { till: 'till-1', transaction: '1', business_day: '2026-11-20', campaign: 'water-10' };
  expect(heard(writer.process(batchOf([], [{ op: 'claim', claim }])))).toEqual([null]);
  expect(journaled().at(-1)).toMatchObject({ reason: 'ended' });
});

it('is played for the record, also when it has just ended; what never was is not', () => {
  level('A1-3', WATER.gtin, 6);
  const offer = String(journaled()[0]?.id);
  level('A1-3', WATER.gtin, 0);
  const play = (id: string): Request => ({ op: 'offer-played', offer: id, screen: 'left', seconds: 12 });
  const { answers } = writer.process(batchOf([], [play(offer), play('x'.repeat(26))]));
  expect(answers).toEqual([
    { ok: true, value: true },
    { ok: true, value: false },
  ]);
  const played = { type: 'retail.offers.played.v1', offer, campaign: 'water-10', screen: 'left', seconds: 12 };
  expect(journaled().at(-1)).toMatchObject(played);
});

it('is what the journal says, also after a transaction that was rolled back half way', () => {
  level('A1-3', WATER.gtin, 6);
  const db = new SQLite(join(folder, 'journal.db'));
  db.exec("CREATE TRIGGER failing BEFORE INSERT ON events_sales BEGIN SELECT RAISE(ABORT, 'this one'); END");
  const counted = [0, 5, 4].map((count) => reading('A1-3', { shelf: 'A1-3', gtin: WATER.gtin, count }));
  const levels = counted.map((one) => delivery(clocks, 'shelf', 'sensor-1', one));
  writer.process(batchOf([...levels, sale(clocks, '1')]));
  db.exec('DROP TRIGGER failing');
  db.close();
  level('A1-3', WATER.gtin, 0);
  const told = journaled().map(({ type, id }) => [String(type).split('.')[2], id]);
  const [first, , third] = told.map(([, id]) => id);
  expect(told).toEqual([
    ['made', first],
    ['withdrawn', first],
    ['made', third],
    ['withdrawn', third],
  ]);
});
