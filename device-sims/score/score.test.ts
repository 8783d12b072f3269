import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fact, LedgerRecord } from '../sim/ledger-records.ts';
import { parseStrike } from './fault-score.ts';
import { HubStory, parseEvent } from './hub-story.ts';
import { simulatedClock } from './run-clock.ts';
import { scoreOf } from './score.ts';
import { scoreCommand } from './score-command.ts';
import { type Score, scoreSchema } from './score-file.ts';
import { tableOf } from './table.ts';
import { keyOfHex, keyOfUri } from './tag-key.ts';
import { Truth } from './truth.ts';

const BEGAN = Date.parse('2026-03-02T08:00:00Z');
const GTIN = '09521234543213';
const EPC = '3074257BF7194E4000001A85';
const URI = 'urn:epc:id:sgtin:0614141.812345.6789';

/** A record so many minutes after eight. */
function at(minute: number, fact: Fact): LedgerRecord {
  const ms = BEGAN + minute * 60_000;
  return { ms, time: new Date(ms).toISOString(), ...fact };
}

const shelf = (name: string, sensor: 'scale' | 'none'): Fact => ({
  kind: 'shelf',
  ...{ shelf: name, zone: 'drinks', aisle: '1', gtin: GTIN, facings: 1, capacity: 10, minimum: 3, refill: 5 },
  ...{ unit_weight_g: 500, tare_g: 0, sensor, count: 10 },
});

const OPENING: readonly LedgerRecord[] = [
  at(0, { kind: 'world', format: 1, world: 'hand-made', seed: 1, days: 1, coverage: 50, timezone: 'UTC' }),
  at(0, shelf('A1', 'scale')),
  at(0, shelf('A2', 'none')),
  at(0, { kind: 'item', epc: EPC, gtin: '80614141123458', zone: 'drinks' }),
  at(0, { kind: 'shop-opened', business_day: '2026-03-02' }),
];

const items = {
  ...{ opening: 0, delivered: 0, on_shelves: 0, misplaced: 0, in_back_room: 0, at_dock: 0, with_staff: 0 },
  ...{ in_baskets: 0, lying_about: 0, sold: 0, stolen: 0 },
};
const CLOSING: readonly LedgerRecord[] = [
  at(60, { kind: 'shop-closed', business_day: '2026-03-02' }),
  at(600, { kind: 'ended', parties: 0, persons: 0, sales: 0, items }),
];

const event = (minute: number, type: string, data: object, time = minute): string =>
  JSON.stringify({
    ...{ type, data, timequality: 'ok' },
    time: new Date(BEGAN + time * 60_000).toISOString(),
    receivedtime: new Date(BEGAN + minute * 60_000).toISOString(),
  });

function judge(happened: readonly LedgerRecord[], said: readonly string[]): Score {
  const truth = new Truth();
  for (const record of [...OPENING, ...happened, ...CLOSING]) truth.take(record);
  const hub = new HubStory(simulatedClock(undefined));
  for (const line of said) hub.take(parseEvent(line));
  return scoreOf(truth, hub);
}

const level = (minute: number, name: string, count: number): string =>
  event(minute, 'retail.shelves.level.v1', { shelf: name, gtin: GTIN, count });
const alert = (minute: number, change: string, name: string, id = `alert-${name}`): string =>
  event(minute, `retail.alerts.${change}.v1`, { id, rule: 'shelf-gap', subject: name });
const picked = (minute: number, name: string, count: number): LedgerRecord =>
  at(minute, { kind: 'picked', who: 1, shelf: name, gtin: GTIN, count });

describe('stock', () => {
  it('is wrong by what the hub did not know, for as long as it did not know it', () => {
    // Two shelves of one product: one known all the time, one never, and ten items stand there.
    const known = [level(0, 'A1', 10)];
    expect(judge([], known).stock.all).toMatchObject({ known: 0.5, error_known: 0 });
    // Four are taken after half of the opening hours; the hub hears of it fifteen minutes later.
    const taken = [picked(30, 'A1', 4)];
    const both = [...known, level(0, 'A2', 10)];
    expect(judge(taken, [...both, level(45, 'A1', 6)]).stock.all.error).toBeCloseTo(1);
    expect(judge(taken, [...both, level(30, 'A1', 6)]).stock.all).toMatchObject({ error: 0, skill: 1, known: 1 });
  });

  it('is judged in opening hours only: a level that is right all night is no merit', () => {
    expect(judge([], [level(61, 'A1', 10), level(61, 'A2', 10)]).stock.all).toMatchObject({ known: 0 });
  });

  it('gains nothing by silence, nothing by calling every shelf full, and loses by wild guesses', () => {
    // Half of the ten of each shelf are gone from the beginning.
    const gone = [picked(0, 'A1', 5), picked(0, 'A2', 5)];
    const guess = (count: number) => judge(gone, [level(0, 'A1', count), level(0, 'A2', count)]).stock.all;
    expect(judge(gone, []).stock.all).toMatchObject({ known: 0, error: 10, error_of_silence: 10, skill: 0 });
    expect(guess(10)).toMatchObject({ known: 1, error_known: 5, skill: 0 });
    expect(guess(40).skill).toBe(-6);
    expect(guess(5)).toMatchObject({ known: 1, error_known: 0, skill: 1 });
    // All shelves were half full: here a guess is worth all that there is to know, and the score says so.
    expect(guess(5).skill_of_a_guess).toBe(1);
    // One stays full and one is half full: no single guess is better than silence.
    expect(judge([picked(0, 'A1', 5)], []).stock.all).toMatchObject({ skill: 0, skill_of_a_guess: 0 });
  });

  it('tells shelves with a sensor from those without, which a hub may claim and is judged for', () => {
    const gone = [picked(0, 'A1', 5), picked(0, 'A2', 5)];
    const { with_sensor, without_sensor } = judge(gone, [level(0, 'A1', 5), level(0, 'A2', 0)]).stock;
    expect(with_sensor).toMatchObject({ shelves: 1, known: 1, skill: 1 });
    expect(without_sensor).toMatchObject({ shelves: 1, known: 1, error_known: 5, skill: 0 });
  });

  it('a level of another product says nothing of a shelf, and is wrong by all of its items', () => {
    const other = event(0, 'retail.shelves.level.v1', { shelf: 'A1', gtin: '09521234543220', count: 7 });
    const { all, unplanned } = judge([], [other]).stock;
    expect(all).toMatchObject({ known: 0, error: 7 });
    expect(unplanned).toBe(1);
  });

  it('what is no number is not said, and nothing is known before what the hub had said before', () => {
    const broken = event(0, 'retail.shelves.level.v1', { shelf: 'A1', gtin: GTIN });
    expect(judge([], [broken]).stock.all).toMatchObject({ known: 0, error: 0 });
    // The second is dated back to eight.
    const { with_sensor } = judge([picked(0, 'A1', 5)], [level(30, 'A1', 10), level(0, 'A1', 5)]).stock;
    expect(with_sensor).toMatchObject({ known: 0.5, error_known: 0 });
  });

  it('counts what the hub says against what truly changed', () => {
    const storm = Array.from({ length: 21 }, (_, minute) => level(minute, 'A1', 10 - (minute % 2)));
    expect(judge([picked(5, 'A1', 1), picked(6, 'A1', 1)], storm).stock.events_per_change).toBe(10);
  });
});

describe('gaps', () => {
  it('tell shelves with a sensor from those without', () => {
    const gone = (name: string): LedgerRecord =>
      at(10, { kind: 'gap-began', shelf: name, gtin: GTIN, count: 2, minimum: 3, in_back_room: 4 });
    const { gaps } = judge([gone('A1'), gone('A2')], [alert(11, 'raised', 'A1')]);
    expect(gaps.all).toMatchObject({ episodes: 2, found: 1, missed: 1, recall: 0.5, precision: 1 });
    expect(gaps.with_sensor).toMatchObject({ found: 1, missed: 0, seconds_to_find: { p50: 60, p95: 60 } });
    expect(gaps.without_sensor).toMatchObject({ found: 0, missed: 1, recall: 0, precision: null });
  });

  it('an alert counts until it is resolved or dismissed, however often it is acknowledged', () => {
    const said = [alert(0, 'raised', 'A1'), alert(5, 'acknowledged', 'A1'), alert(30, 'dismissed', 'A1')];
    expect(judge([], said).gaps.all).toMatchObject({ false: 1, stale_hours: 0.5 });
  });
});

describe('alerts as the journal tells them', () => {
  const gone = [at(10, { kind: 'gap-began', shelf: 'A1', gtin: GTIN, count: 2, minimum: 3, in_back_room: 4 })];

  it('a storm under one id is as many alerts', () => {
    const storm = [11, 12, 13].map((minute) => alert(minute, 'raised', 'A1', 'same'));
    expect(judge(gone, storm).gaps.all).toMatchObject({ found: 1, repeated: 2, calls_per_episode: 3 });
  });

  it('one that was dismissed and is opened again is a new one; opened again while it stands it only calls again', () => {
    const back = [alert(11, 'raised', 'A1'), alert(12, 'dismissed', 'A1'), alert(13, 'reopened', 'A1')];
    expect(judge(gone, back).gaps.all).toMatchObject({ found: 1, repeated: 1, calls_per_episode: 2 });
    const remind = [alert(11, 'raised', 'A1'), alert(12, 'acknowledged', 'A1'), alert(13, 'reopened', 'A1')];
    expect(judge(gone, remind).gaps.all).toMatchObject({ found: 1, repeated: 0, calls_per_episode: 2 });
  });

  it('those of other rules are counted', () => {
    const other = event(11, 'retail.alerts.raised.v1', { id: 'x', rule: 'device-quiet', subject: 'A1' });
    expect(judge(gone, [other])).toMatchObject({ other_alerts: 1, gaps: { all: { found: 0, false: 0 } } });
  });
});

describe('excursions', () => {
  const unit = 'dairy-1';
  const began = (minute: number): LedgerRecord => at(minute, { kind: 'excursion-began', unit, limit: 8 });
  const ended = (minute: number): LedgerRecord => at(minute, { kind: 'excursion-ended', unit, peak: 9 });
  const air = (from: number, until: number): LedgerRecord[] => [
    at(from, { kind: 'air-warmed', unit }),
    at(until, { kind: 'air-cooled', unit }),
  ];
  const defrost = (minute: number, what: 'began' | 'ended'): LedgerRecord =>
    at(minute, { kind: 'temperature', unit, why: `defrost-${what}`, celsius: 9, product_celsius: 4 });
  const called = (minute: number, change = 'raised', id = 'cold'): string =>
    event(minute, `retail.alerts.${change}.v1`, { id, rule: 'cold-chain', subject: unit });
  /** In order of time. */
  const cold = (records: readonly LedgerRecord[], said: readonly string[]) =>
    judge(
      [...records].sort((a, b) => a.ms - b.ms),
      said,
    ).excursions;

  it('are missed by a hub that says nothing, and one of less than a quarter of an hour need not be found', () => {
    expect(cold([began(100), ended(130)], [])).toMatchObject({ episodes: 1, found: 0, missed: 1, recall: 0 });
    expect(cold([began(100), ended(114)], [])).toMatchObject({ episodes: 0, missed: 0, brief: 1 });
  });

  it('that swing about the limit are one', () => {
    const swings = [began(100), ended(104), began(108), ended(112), began(118), ended(125)];
    expect(cold(swings, [])).toMatchObject({ episodes: 1, missed: 1, brief: 0 });
    expect(cold([began(100), ended(120), began(136), ended(160)], [])).toMatchObject({ episodes: 2 });
  });

  it('are found at once by who called when the air was warm, because of which the goods became warm', () => {
    const failure = [...air(60, 200), began(120), ended(210)];
    expect(cold(failure, [called(80)])).toMatchObject({ found: 1, missed: 0, false: 0, seconds_to_find: { p50: 0 } });
    expect(cold(failure, [called(125)])).toMatchObject({ found: 1, seconds_to_find: { p50: 300 } });
    // Before the air was warm it was a guess.
    expect(cold(failure, [called(59)])).toMatchObject({ found: 0, missed: 1, false: 1 });
    expect(cold(failure, [called(80), called(90, 'resolved')])).toMatchObject({ found: 0, missed: 1, excused: 1 });
  });

  it('warm air of which nothing came excuses an alert after a quarter of an hour, and not before', () => {
    expect(cold(air(60, 80), [called(75), called(80, 'resolved')])).toMatchObject({ excused: 1, false: 0 });
    expect(cold(air(60, 74), [called(62)])).toMatchObject({ excused: 0, false: 1 });
    expect(cold(air(60, 80), [called(62), called(70, 'resolved')])).toMatchObject({ excused: 0, false: 1 });
  });

  it('a defrost is no reason, but one that never ends is', () => {
    const usual = [defrost(60, 'began'), ...air(65, 88), defrost(80, 'ended')];
    expect(cold(usual, [called(82)])).toMatchObject({ false: 1, excused: 0 });
    const stuck = [defrost(60, 'began'), ...air(65, 200)];
    expect(cold(stuck, [called(80)])).toMatchObject({ false: 1 });
    expect(cold(stuck, [called(95)])).toMatchObject({ false: 0, excused: 1 });
    // A defrost in the midst of it interrupts nothing and counts for nothing.
    const through = [...air(60, 100), defrost(65, 'began'), defrost(85, 'ended')];
    expect(cold(through, [called(61), called(94, 'resolved')])).toMatchObject({ false: 1 });
    expect(cold(through, [called(61), called(96, 'resolved')])).toMatchObject({ excused: 1 });
  });
});

describe('faults', () => {
  it('tell apart what was found while one struck', () => {
    const gone = (minute: number, name: string): LedgerRecord =>
      at(minute, { kind: 'gap-began', shelf: name, gtin: GTIN, count: 2, minimum: 3, in_back_room: 4 });
    const truth = new Truth();
    for (const record of [...OPENING, gone(10, 'A1'), gone(10, 'A2'), ...CLOSING]) truth.take(record);
    const hub = new HubStory(simulatedClock(undefined));
    hub.take(parseEvent(alert(12, 'raised', 'A2')));
    const from = new Date(BEGAN + 5 * 60_000).toISOString();
    const until = new Date(BEGAN + 15 * 60_000).toISOString();
    const strike = parseStrike(JSON.stringify({ fault: 'silence', device: 'g', from, until, watches: ['A1'] }));
    const [silence, none] = scoreOf(truth, hub, [strike]).faults ?? [];
    expect(silence).toMatchObject({ fault: 'silence', times: 1, gaps: { episodes: 1, found: 0, p50_seconds: null } });
    expect(none).toMatchObject({ fault: 'none', gaps: { episodes: 1, found: 1, p50_seconds: 120 } });
  });
});

describe('items', () => {
  const moved = (minute: number, to?: string): LedgerRecord =>
    at(minute, { kind: 'item-moved', epc: EPC, gtin: '80614141123458', from: 'drinks', ...(to && { to }) });
  const said = (minute: number, what: string, zone: string): string =>
    event(minute, `retail.items.${what}.v1`, { epc: URI, zone });

  it('are right for the share of the time in which the hub has them where they are', () => {
    const { items: right } = judge([moved(30, 'tills')], [said(0, 'arrived', 'drinks'), said(45, 'moved', 'tills')]);
    // The arrival by which the hub found it is no move.
    expect(right).toEqual({ items: 1, right_zone: 0.75, true_moves: 1, events_per_move: 1 });
  });

  it('that nobody saw are wrong, and so are those that left and are shown still', () => {
    expect(judge([], []).items.right_zone).toBe(0);
    expect(judge([moved(30)], [said(0, 'arrived', 'drinks')]).items.right_zone).toBe(0.5);
    const gone = [said(0, 'arrived', 'drinks'), said(30, 'departed', 'drinks')];
    expect(judge([moved(30)], gone).items.right_zone).toBe(1);
  });

  it('that there never were are wrong', () => {
    const ghost = event(0, 'retail.items.arrived.v1', { epc: 'urn:epc:id:sgtin:0614141.812345.1', zone: 'drinks' });
    expect(judge([], [said(0, 'arrived', 'drinks'), ghost]).items.right_zone).toBe(0.5);
  });

  it('have one name in hex and in the URI', () => {
    expect(keyOfHex(EPC)).toBe('80614141123458/6789');
    expect(keyOfUri(URI)).toBe(keyOfHex(EPC));
    expect(keyOfHex('3174257BF4499602D2000000')).toBeUndefined();
  });
});

describe('traffic', () => {
  const crossed = (minute: number, persons: number): LedgerRecord =>
    at(minute, { kind: 'line-crossed', line: 'door', direction: 'in', who: 1, persons });
  const counted = (minute: number, persons: number, time?: number): string =>
    event(minute, 'retail.traffic.crossed.v1', { line: 'door', in: persons, out: 0 }, time);

  it('is wrong hour by hour: too many in one does not make up for too few in another', () => {
    const { traffic } = judge([crossed(10, 10), crossed(70, 10)], [counted(20, 15), counted(80, 5)]);
    expect(traffic).toEqual({ hours: 2, true_persons: 20, counted_persons: 20, error_per_hour: 0.5 });
  });

  it('counts at the time that the counter gave', () => {
    expect(judge([crossed(59, 4)], [counted(61, 4, 59)]).traffic.error_per_hour).toBe(0);
  });
});

describe('sales', () => {
  const price = { amount: 129, currency: 'EUR' };
  const sold = (transaction: string, count: number): LedgerRecord =>
    at(20, {
      ...{ kind: 'sold', who: 1, till: 'till-1', is: 'fixed', zone: 'tills', transaction, business_day: '2026-03-02' },
      ...{ lines: [{ gtin: GTIN, count, price }], total: price },
    });
  const heard = (transaction: string, quantity: number, more: object = {}): string =>
    event(20, 'retail.sales.sold.v1', {
      ...{ till: 'till-1', transaction, business_day: '2026-03-02' },
      lines: [{ gtin: GTIN, quantity, kind: 'sale', price, ...more }],
    });

  it('are each there once, with what was sold', () => {
    const made = [sold('1', 1), sold('2', 2), sold('3', 3)];
    expect(judge(made, [heard('1', 1), heard('2', 2), heard('3', 3)]).sales).toEqual({
      ...{ sales: 3, missing: 0, doubled: 0, different: 0, invented: 0 },
    });
    expect(judge(made, [heard('1', 1), heard('1', 1), heard('2', 5), heard('9', 1)]).sales).toEqual({
      ...{ sales: 3, missing: 1, doubled: 1, different: 1, invented: 1 },
    });
  });

  it('are different when the amount is another, though the goods are the same', () => {
    const made = [sold('1', 1), sold('2', 2)];
    const dear = heard('1', 1, { price: { amount: 12_900, currency: 'EUR' } });
    expect(judge(made, [dear, heard('2', 2, { discount: { amount: 29 } })]).sales.different).toBe(2);
    const split = heard('2', 2, { price: { amount: 150, currency: 'EUR' }, discount: 42 });
    expect(judge(made, [heard('1', 1), split]).sales.different).toBe(0);
  });
});

describe('the command', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'store-hub-score-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const lines = (records: readonly object[]): string => records.map((record) => JSON.stringify(record)).join('\n');
  async function run(ledger: string, events: string, more: readonly string[] = []): Promise<string> {
    writeFileSync(join(dir, 'ledger.jsonl'), ledger);
    writeFileSync(join(dir, 'events.jsonl'), events);
    let printed = '';
    const command = scoreCommand((text) => {
      printed += text;
    });
    const files = ['--ledger', join(dir, 'ledger.jsonl'), '--events', join(dir, 'events.jsonl')];
    await command.parseAsync([...files, ...more], { from: 'user' });
    return printed;
  }

  it('prints a table, and the same figures as JSON', async () => {
    const ledger = lines([...OPENING, ...CLOSING]);
    expect(await run(ledger, level(0, 'A1', 10))).toMatch(/stock known, against silence .*50\.0 % of shelf-time known/);
    const score = JSON.parse(await run(ledger, level(0, 'A1', 10), ['--json'])) as Score;
    expect(tableOf(score)).toBe(await run(ledger, level(0, 'A1', 10)));
    expect(scoreSchema.parse(score)).toEqual(score);
    const schema = JSON.parse(await run('', '', ['--schema'])) as { required: string[] };
    expect(schema.required).toContain('format');
  });

  it('follows the clock of a run that was faster than real time', async () => {
    const clock = join(dir, 'run.json');
    const began = new Date(BEGAN).toISOString();
    // The hub lived a minute for each hour of the shop, on another day.
    writeFileSync(clock, JSON.stringify({ hub_began: '2026-11-20T10:00:00Z', simulated_began: began, speed: 60 }));
    const said = { shelf: 'A1', gtin: GTIN, count: 10 };
    const heard = { type: 'retail.shelves.level.v1', data: said, time: '2026-11-20T10:00:30Z' };
    const events = JSON.stringify({ ...heard, receivedtime: '2026-11-20T10:00:30Z' });
    const score = JSON.parse(await run(lines([...OPENING, ...CLOSING]), events, ['--run', clock, '--json'])) as Score;
    expect(score.stock.all.known).toBeCloseTo(0.25);
  });

  it('names file and line of what it cannot read, and refuses a ledger without an end', async () => {
    await expect(run(`${lines(OPENING)}\nno json`, '')).rejects.toThrow(/ledger\.jsonl:6: /);
    await expect(run(lines(OPENING), '')).rejects.toThrow(/has no end/);
    await expect(run('{"kind":"sold"}', '')).rejects.toThrow(/ledger\.jsonl:1: no ledger/);
    await expect(run(lines([...OPENING, ...CLOSING]), '{"type":1}')).rejects.toThrow(/events\.jsonl:1: /);
  });
});
