/** A day of a simulated shop through a real edge, over real sockets, with resends: its facts are the ledger's. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../harness/free-port.ts';
import { has } from '../harness/need-tools.ts';
import { makeStore, type Store } from '../harness/store.ts';
import { scoreFiles } from '../score/score-command.ts';
import type { Score } from '../score/score-file.ts';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { loadWorld } from '../sim/load-world.ts';
import { clockFileOf, run } from '../sim/run.ts';
import { parseFaults } from './faults.ts';
import { configOf } from './fleet.ts';

/** A day of 13 hours in less than a minute. */
const SPEED = 1800;
const COVERAGE = 50;

/** Serial lines are pseudo-terminals. */
const WITH_LINES = has('socat');

interface Exported {
  readonly type: string;
  readonly source: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe('a day of the pharmacy through a real edge, 5 % of it sent twice, 1 % preceded by garbage, connections lost', () => {
  let dir = '';
  let store: Store | undefined;
  let events: readonly Exported[] = [];
  let ledger: readonly LedgerRecord[] = [];
  let score: Score | undefined;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'store-hub-replay-'));
    const file = loadWorld('pharmacy');
    const tills = join(dir, 'tills');
    const places = { dir: tills, serial: WITH_LINES, opcua: await freePort() };
    const own = await makeStore({ config: configOf({ file, coverage: COVERAGE, speed: SPEED, ...places }) });
    store = own;
    await own.edge.start();
    const ledgerFile = join(dir, 'day.jsonl');
    const address = { mqtt: own.mqttUrl, http: own.httpUrl };
    const options = {
      file,
      seed: 7,
      from: '2026-03-05',
      days: 1,
      coverage: COVERAGE,
      speed: SPEED,
      ledger: ledgerFile,
    };
    const hub = { address, faults: parseFaults('resend:5,garbage:1,unplug:0.4,wifi:0.4'), ...places };
    const { finished } = await run({ ...options, hub }, { show: () => undefined }, new AbortController().signal);
    expect(finished).toBe(true);
    const eventsFile = join(dir, 'events.jsonl');
    const exported = await own.run(['journal', 'export']);
    expect(exported.stderr).toBe('');
    writeFileSync(eventsFile, exported.stdout);
    events = linesOf<Exported>(exported.stdout);
    ledger = linesOf<LedgerRecord>(readFileSync(ledgerFile, 'utf8'));
    score = await scoreFiles({ ledger: ledgerFile, events: eventsFile, run: clockFileOf(ledgerFile) });
  }, 180_000);
  afterAll(async () => {
    await store?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('the ledger is the same byte for byte as without devices', async () => {
    const file = loadWorld('pharmacy');
    const alone = join(dir, 'alone.jsonl');
    const options = { file, seed: 7, from: '2026-03-05', days: 1, coverage: COVERAGE, ledger: alone };
    await run(options, { show: () => undefined }, new AbortController().signal);
    expect(readFileSync(alone).equals(readFileSync(join(dir, 'day.jsonl')))).toBe(true);
  });

  it('every sale is there once, with what was sold', () => {
    expect(score?.sales.sales).toBeGreaterThan(100);
    expect(score?.sales).toMatchObject({ missing: 0, doubled: 0, different: 0, invented: 0 });
  });

  it('counts all but a few in groups who crossed a line, though the totals of 16 bits begin again', () => {
    const { true_persons = 0, counted_persons = 0 } = score?.traffic ?? {};
    expect(true_persons).toBeGreaterThan(200);
    // A counter of this make overlooks 8 % of those who follow another closely, and here few do.
    expect(counted_persons).toBeLessThanOrEqual(true_persons);
    expect(counted_persons).toBeGreaterThan(0.97 * true_persons);
  });

  it('knows how many stand on each shelf with a sensor at the end of the day', () => {
    const known = new Map<string, number>();
    for (const { type, data } of events)
      if (type === 'retail.shelves.level.v1') known.set(String(data.shelf), Number(data.count));
    const wrong: string[] = [];
    const sensed = ledger.filter((record) => record.kind === 'shelf' && record.sensor !== 'none');
    for (const record of sensed) {
      if (record.kind !== 'shelf') continue;
      const truly = countAtTheEnd(record, ledger);
      // Nothing else than its own product may lie on a scale for its weight to be a count.
      const others = ledger.some((one) => one.kind === 'put-back' && !one.right && one.shelf === record.shelf);
      if (!others && known.get(record.shelf) !== truly)
        wrong.push(`${record.shelf} (${record.sensor}): ${known.get(record.shelf)}, truly ${truly}`);
    }
    expect(sensed.length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });

  it('measures fridges within what a thermometer of a tenth of a degree can tell', () => {
    const measured = climate().filter(({ data }) => data.celsius !== undefined);
    expect(new Set(measured.map(({ data }) => data.unit)).size).toBe(3);
    for (const { source, data } of measured) {
      expect(data.celsius).toBeGreaterThan(-40);
      expect(data.celsius).toBeLessThan(30);
      // Controllers have no hygrometer.
      expect(data.humidity, source).toBe(source.includes('/thermometer-') ? 50.5 : undefined);
    }
  });

  it('hears from a controller by OPC UA how warm air and goods are, within what truly was', () => {
    const told = climate().filter(({ source }) => source.endsWith('/cold-controller'));
    const was = ledger.filter((record) => record.kind === 'temperature').filter(({ unit }) => unit === 'medicine-1');
    for (const probe of ['air', 'product'] as const) {
      const said = told.filter(({ data }) => data.probe === probe).map(({ data }) => Number(data.celsius));
      const truly = was.map((record) => (probe === 'air' ? record.celsius : record.product_celsius));
      expect(said.length).toBeGreaterThan(10);
      expect(Math.min(...said)).toBeGreaterThan(Math.min(...truly) - 0.1);
      expect(Math.max(...said)).toBeLessThan(Math.max(...truly) + 0.1);
    }
    expect(told.some(({ data }) => data.defrost === true)).toBe(true);
    // At this speed a door is mostly shut again before the next sample.
    expect(told.every(({ data }) => typeof data.door_open === 'boolean')).toBe(true);
  });

  it.runIf(WITH_LINES)('has each scan of staff, digit by digit: what they counted, and each pallet', () => {
    const scans = events.filter(({ type }) => type === 'retail.items.scanned.v1').map(({ data }) => data);
    const counted = ledger.flatMap((record) => (record.kind === 'counted' ? [record.gtin] : []));
    const eans = scans.filter(({ symbology }) => symbology === 'ean-13').map(({ gtin }) => gtin);
    expect(eans).toEqual(counted);
    expect(counted.length).toBe(30);
    const pallets = ledger.flatMap((record) => (record.kind === 'put-away' ? [record.sscc] : []));
    const labels = scans.filter(({ symbology }) => symbology === 'gs1-128');
    expect(labels.map(({ sscc, zone }) => [sscc, zone])).toEqual(pallets.map((sscc) => [sscc, 'dock']));
    const packs = scans.filter(({ symbology }) => symbology === 'gs1-datamatrix');
    expect(packs.length).toBe(3 * pallets.length);
    for (const { expiry, lot, serial } of packs)
      expect([expiry, lot, serial]).toEqual([
        expect.stringMatching(/^202[67]-\d\d-\d\d$|^2028-/),
        expect.stringMatching(/^L\d{5}$/),
        expect.stringMatching(/^[0-9A-Z]{4,5}$/),
      ]);
  });

  it('has every opening and closing of a door, once for each time that it was said', () => {
    const doors = (unit: unknown, isOpen: boolean): number =>
      ledger.filter(
        ({ kind, ...rest }) =>
          'unit' in rest && rest.unit === unit && kind === (isOpen ? 'door-opened' : 'door-closed'),
      ).length;
    const told = climate().filter(({ source, data }) => source.includes('/door-') && data.door_open !== undefined);
    expect(told.length).toBeGreaterThan(50);
    for (const unit of new Set(told.map(({ data }) => data.unit))) {
      for (const isOpen of [true, false]) {
        const said = told.filter(({ data }) => data.unit === unit && data.door_open === isOpen);
        // A contact has no numbers: what is sent twice is a second fact, but of the same moment.
        expect(said.length).toBeGreaterThanOrEqual(doors(unit, isOpen));
        expect(said.length).toBeLessThanOrEqual(Math.ceil(doors(unit, isOpen) * 1.3) + 2);
      }
    }
  });

  it('keeps what it could not read as dead letters, and took every file of the old till', async () => {
    const letters = linesOf<{ count?: number; device: string }>(
      (await store?.run(['dead-letters', 'list', '--json']))?.stdout ?? '',
    );
    expect(letters.length).toBeGreaterThan(0);
    expect(
      events.filter(({ type, data }) => type === 'retail.sales.sold.v1' && data.till === 'counter-3').length,
    ).toBeGreaterThan(20);
    const left = readdirSync(join(dir, 'tills', 'export-counter-3'), { withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });

  const climate = (): readonly Exported[] => events.filter(({ type }) => type === 'retail.climate.measured.v1');

  it('finds gaps of shelves that it can see', () => {
    expect(score?.gaps.without_sensor.found).toBe(0);
    const { found = 0, missed = 0, brief = 0 } = score?.gaps.with_sensor ?? {};
    expect(found + missed + brief).toBeGreaterThan(0);
    expect(missed).toBeLessThanOrEqual(0.1 * (found + missed));
  });
});

function countAtTheEnd(shelf: Extract<LedgerRecord, { kind: 'shelf' }>, ledger: readonly LedgerRecord[]): number {
  let count = shelf.count;
  for (const record of ledger) {
    if (!('shelf' in record) || record.shelf !== shelf.shelf || !('gtin' in record) || record.gtin !== shelf.gtin)
      continue;
    if (record.kind === 'picked') count -= record.count;
    else if (record.kind === 'put-back' || record.kind === 'restocked') count += record.count;
  }
  return count;
}

function linesOf<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
