/**
 * What the devices of the ready worlds say, read by the hub's own decoders: both were written from the vendors' formats,
 * apart from each other. Here without sockets and without waiting; replay.test.ts has both.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { deviceSchema } from '../../config/devices.ts';
import { formatOf } from '../../edge/codecs/all-formats.fixture.ts';
import { mappingFormat } from '../../edge/codecs/mapping.ts';
import type { CodecName, DeviceConfig } from '../../edge/contracts/devices.ts';
import type { Decoder, FileReader, Format, Said } from '../../edge/contracts/formats.ts';
import { isKind, readingSchemas } from '../../edge/contracts/readings.ts';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { loadWorld } from '../sim/load-world.ts';
import { streams } from '../sim/streams.ts';
import { openWorld } from '../sim/world.ts';
import { beaconOf } from './bluetooth.ts';
import { openFleet } from './fleet.ts';
import { type Links, newTally } from './sim-device.ts';

interface Heard extends Said {
  /** The configured device. */
  readonly by: string;
  readonly codec: string;
  /** When it was said, epoch ms of the simulated clock. */
  readonly at: number;
}

interface Day {
  readonly ledger: readonly LedgerRecord[];
  readonly heard: readonly Heard[];
  /** Codecs of the configured devices. */
  readonly codecs: ReadonlySet<string>;
}

/** Its process is that of the built program. */
const mapping = mappingFormat({ program: new URL('../../dist/edge/codecs/mapping-process.js', import.meta.url) });

function format(name: CodecName): Format | undefined {
  return name === 'mapping' ? mapping : formatOf(name);
}

const decoders = new Set<Decoder>();
afterEach(() => {
  for (const decoder of decoders) decoder.close?.();
  decoders.clear();
});

/**
 * A Thursday of a ready world between two hours, its devices beside it, and what the hub's decoders make of their frames;
 * of the reads of a tag by a reader only the first.
 */
async function dayOf(name: string, fromHour: number, untilHour: number): Promise<Day> {
  const file = loadWorld(name);
  const world = openWorld({ file, seed: 5, from: '2026-03-05', days: 1, coverage: 10, until: untilHour * 60 });
  const ledger: LedgerRecord[] = [];
  world.watch((record) => ledger.push(record));
  const heard: Heard[] = [];
  const tags = new Set<string>();
  const configs = new Map<string, DeviceConfig>();
  const readers = new Map<string, Decoder>();
  const take = (by: string, said: readonly Said[]): void => {
    const codec = configs.get(by)?.codec ?? 'hub';
    for (const one of said) {
      const judged = readingSchemas[one.kind].safeParse(one.reading);
      if (!judged.success) throw new Error(`${by}: ${judged.error.message}`);
      const tag = one.kind === 'rfid' ? `${by} ${one.reading.epc}` : undefined;
      if (tag !== undefined && tags.has(tag)) continue;
      if (tag !== undefined) tags.add(tag);
      heard.push({ ...one, by, codec, at: world.now });
    }
  };
  const frame = async (by: string, bytes: Buffer, topic?: string): Promise<void> => {
    const config = configs.get(by);
    if (config === undefined) {
      const kind = topic?.split('/')[1] ?? '';
      if (!isKind(kind)) throw new Error(`${by} publishes on ${topic}`);
      const body: unknown = JSON.parse(bytes.toString());
      const readings = (Array.isArray(body) ? body : [body]) as Said['reading'][];
      take(
        by,
        readings.map((reading) => ({ kind, reading })),
      );
      return;
    }
    const decoder = readers.get(by) ?? format(config.codec)?.open(config);
    if (decoder === undefined) throw new Error(`no codec for ${by}`);
    readers.set(by, decoder);
    decoders.add(decoder);
    const read = decoder.decode({ bytes, topic, received: world.now });
    const understood = read instanceof Promise ? await read : read;
    if (!understood.ok) throw new Error(`${by}: ${understood.reason}`);
    take(by, understood.said);
  };
  const leave = async (by: string, bytes: Buffer): Promise<void> => {
    const config = configs.get(by);
    const reader: FileReader | undefined = config && formatOf(config.codec)?.file?.(config);
    if (reader === undefined) throw new Error(`no files are read of ${by}`);
    for (const records of [reader.push(bytes), reader.end()]) {
      if ('reason' in records) throw new Error(`${by}: ${records.reason}`);
      take(
        by,
        records.map(({ said }) => said),
      );
    }
  };
  const linksOf = (device: string): Links => ({
    publish: (_, topic, payload) => frame(device, Buffer.from(payload), topic),
    post: (path, body) => {
      if (!path.startsWith('/in/')) expect(path).toBe(`/push/${device}`);
      return frame(device, Buffer.from(body), path.slice(1));
    },
    leave: (_, __, bytes) => leave(device, Buffer.from(bytes)),
  });
  const devices = openFleet({
    ...{ world, of: streams(5), tally: newTally(), linksOf, dir: '/tills' },
    clockOf: () => (now) => now,
  });
  const timezone = file.timezone;
  for (const { name: device, entry } of devices)
    if (entry !== undefined) configs.set(device, { ...deviceSchema.parse(entry), timezone });
  for (const device of devices) await device.start();
  world.advance(world.now + fromHour * 3_600_000);
  while (world.now < world.endsAt) {
    world.advance(world.now + 5_000);
    for (const device of devices) device.look(world.now);
    for (const device of devices) await device.settled();
  }
  for (const device of devices) await device.stop();
  return { ledger, heard, codecs: new Set([...configs.values()].map(({ codec }) => codec)) };
}

function salesOf({ ledger, heard }: Day) {
  const said = heard
    .filter(({ kind }) => kind === 'sale')
    .map(({ reading }) => {
      const lines = reading.lines as readonly { gtin: string; quantity: unknown; price: { amount: number } }[];
      return [
        `${reading.till} ${reading.transaction} ${reading.business_day}`,
        ...lines.map(({ gtin, quantity, price }) => `${gtin.padStart(14, '0')} ${Number(quantity)} ${price.amount}`),
      ].join();
    });
  const truly = ledger.flatMap((record) => {
    if (record.kind !== 'sold') return [];
    const lines = record.lines.map(({ gtin, count, price }) => `${gtin} ${count} ${price.amount}`);
    return [[`${record.till} ${record.transaction} ${record.business_day}`, ...lines].join()];
  });
  return { said: said.sort(), truly: truly.sort() };
}

function doorsOf({ ledger, heard }: Day) {
  const said = heard.flatMap(({ kind, reading: { unit, door_open, time } }) =>
    kind === 'climate' && door_open !== undefined ? [`${unit} ${door_open} ${Date.parse(String(time))}`] : [],
  );
  const truly = ledger.flatMap((record) =>
    record.kind === 'door-opened' || record.kind === 'door-closed'
      ? [`${record.unit} ${record.kind === 'door-opened'} ${record.ms}`]
      : [],
  );
  return { said, truly };
}

/** Persons in and out by line. */
function crossingsOf({ ledger, heard }: Day) {
  const truly = new Map<string, number>();
  for (const record of ledger)
    if (record.kind === 'line-crossed') {
      const key = `${record.line} ${record.direction}`;
      truly.set(key, (truly.get(key) ?? 0) + record.persons);
    }
  const said = new Map<string, number>();
  const totals = new Map<string, number>();
  for (const { kind, reading } of heard) {
    if (kind !== 'traffic' || reading.line === undefined) continue;
    for (const direction of ['in', 'out']) {
      const key = `${reading.line} ${direction}`;
      const total = reading[`total_${direction}`];
      let passed = Number(reading[direction] ?? 0);
      if (typeof total === 'number') {
        // The first one only sets the mark; one that falls has begun again at 0.
        const before = totals.get(key) ?? total;
        passed = total - before + (total < before ? Number(reading.wraps_at) : 0);
        totals.set(key, total);
      }
      said.set(key, (said.get(key) ?? 0) + passed);
    }
  }
  return { said: Object.fromEntries(said), truly: Object.fromEntries(truly) };
}

/** Share of the time that members were in a zone in which the hub had them in the same. */
function presenceOf({ ledger, heard }: Day): { readonly share: number; readonly hours: number } {
  const shopperOf = new Map<number, string>();
  const moments: { readonly ms: number; readonly shopper: string; readonly truly?: string; readonly said?: string }[] =
    [];
  for (const record of ledger) {
    if (record.kind === 'entered' && record.shopper !== undefined)
      shopperOf.set(record.who, beaconOf(record.shopper).name);
    const shopper = 'who' in record && record.who !== undefined ? shopperOf.get(record.who) : undefined;
    if (shopper === undefined) continue;
    if (record.kind === 'zone-entered') moments.push({ ms: record.ms, shopper, truly: record.zone });
    else if (record.kind === 'zone-left') moments.push({ ms: record.ms, shopper, truly: '' });
  }
  for (const { kind, at, reading } of heard)
    if (kind === 'presence') moments.push({ ms: at, shopper: String(reading.shopper), said: String(reading.zone) });
  const stand = new Map<string, { ms: number; truly: string; said: string }>();
  let [right, all] = [0, 0];
  for (const { ms, shopper, truly, said } of moments.sort((a, b) => a.ms - b.ms)) {
    const before = stand.get(shopper) ?? { ms, truly: '', said: '' };
    if (before.truly !== '') {
      all += ms - before.ms;
      if (before.truly === before.said) right += ms - before.ms;
    }
    stand.set(shopper, { ms, truly: truly ?? before.truly, said: said ?? before.said });
  }
  return { share: right / all, hours: all / 3_600_000 };
}

/** Persons in a zone, by the ledger. */
class Steps {
  readonly #steps: { readonly ms: number; readonly persons: number }[] = [];

  constructor(ledger: readonly LedgerRecord[], zone: string) {
    let persons = 0;
    for (const record of ledger) {
      if ((record.kind !== 'zone-entered' && record.kind !== 'zone-left') || record.zone !== zone) continue;
      persons += record.kind === 'zone-entered' ? record.persons : -record.persons;
      this.#steps.push({ ms: record.ms, persons });
    }
  }

  at(ms: number): number {
    return this.#steps.findLast((step) => step.ms <= ms)?.persons ?? 0;
  }
}

/** Items of its own product on a shelf at this moment. */
function countAt(ledger: readonly LedgerRecord[], shelf: string, at: number): number {
  const stand = ledger.find((record) => record.kind === 'shelf' && record.shelf === shelf);
  if (stand?.kind !== 'shelf') throw new Error(`no shelf ${shelf}`);
  let count = stand.count;
  for (const record of ledger) {
    if (record.ms > at) break;
    if (!('shelf' in record) || record.shelf !== shelf || !('gtin' in record) || record.gtin !== stand.gtin) continue;
    if (record.kind === 'picked') count -= record.count;
    else if (record.kind === 'put-back' || record.kind === 'restocked') count += record.count;
  }
  return count;
}

describe('what the pharmacy says in a day', () => {
  let day: Day;
  it('is understood frame by frame', async () => {
    day = await dayOf('pharmacy', 7.5, 20);
    expect([...day.codecs].sort()).toEqual(
      ['ble-gateway', 'chirpstack', 'csv', 'frigate', 'mapping', 'things-stack', 'zigbee2mqtt'].sort(),
    );
  }, 60_000);

  it('has every sale, those that a till left in files, too', () => {
    const { said, truly } = salesOf(day);
    expect(day.heard.filter(({ codec }) => codec === 'csv').length).toBeGreaterThan(20);
    expect(said).toEqual(truly);
  });

  it('has every opening and closing of a door, when it was', () => {
    const { said, truly } = doorsOf(day);
    expect(truly.length).toBeGreaterThan(50);
    expect(said).toEqual(truly);
  });

  it('counts everybody who crossed a line, over the end of a register of 16 bits', () => {
    const { said, truly } = crossingsOf(day);
    expect(said).toEqual(truly);
    const totals = day.heard.flatMap(({ reading: { total_in } }) => (typeof total_in === 'number' ? [total_in] : []));
    expect(totals[0]).toBeGreaterThan(65_000);
    expect(totals.at(-1)).toBeLessThan(1_000);
  });

  it('measures each fridge, be it by a codec or by an expression', () => {
    const of = (codec: string, unit: string) =>
      day.heard.filter((one) => one.codec === codec && one.reading.unit === unit && 'celsius' in one.reading);
    expect(of('chirpstack', 'medicine-1').length).toBeGreaterThan(100);
    const plc = of('mapping', 'medicine-store');
    expect(plc.length).toBeGreaterThan(100);
    const truly = day.ledger.flatMap((record) =>
      record.kind === 'temperature' && record.unit === 'medicine-store' ? [record.celsius] : [],
    );
    const celsius = plc.map(({ reading }) => Number(reading.celsius));
    expect(Math.max(...celsius)).toBeLessThan(Math.max(...truly) + 0.2);
    expect(Math.min(...celsius)).toBeGreaterThan(Math.min(...truly) - 0.2);
    // It says `defrost` in its metrics; three times a day for twenty minutes.
    const defrosts = plc.filter(({ reading }) => reading.defrost === true).length / plc.length;
    expect(defrosts).toBeGreaterThan(0.01);
    expect(defrosts).toBeLessThan(0.08);
  });

  it('sees nearly all who stand at the tills, and shelves only while they are empty', () => {
    const seen = day.heard.filter(({ kind, codec }) => kind === 'traffic' && codec === 'frigate');
    expect(seen.length).toBeGreaterThan(100);
    const persons = new Steps(day.ledger, 'counter');
    let [sum, truly] = [0, 0];
    for (const { at, reading } of seen) {
      const there = persons.at(at);
      expect(Number(reading.occupancy)).toBeLessThanOrEqual(there);
      sum += Number(reading.occupancy);
      truly += there;
    }
    expect(sum / truly).toBeGreaterThan(0.9);
    const empty = day.heard.filter(({ reading }) => reading.label === 'shelf_empty');
    for (const { at, reading } of empty)
      expect(countAt(day.ledger, String(reading.shelf), at) === 0, `${reading.shelf}`).toBe(reading.present);
  });

  it('knows in which zone members are', () => {
    const { share, hours } = presenceOf(day);
    expect(hours).toBeGreaterThan(2);
    expect(share).toBeGreaterThan(0.8);
  });

  it('asks every member once, and names nobody who has no card', () => {
    const members = new Set(
      day.ledger.flatMap((record) =>
        record.kind === 'entered' && record.shopper !== undefined ? [beaconOf(record.shopper).name] : [],
      ),
    );
    const asked = day.heard.filter(({ kind }) => kind === 'consent').map(({ reading }) => reading);
    expect(asked.map(({ shopper }) => shopper).sort()).toEqual([...members].sort());
    const share = asked.filter(({ granted }) => granted).length / asked.length;
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(0.95);
    for (const { kind, reading } of day.heard)
      if (kind === 'presence') expect(members.has(String(reading.shopper))).toBe(true);
  });
});

it('the fashion shop has readers of two makes, which name tags that are there, and a LoRaWAN counter', async () => {
  const day = await dayOf('fashion', 10, 10.25);
  expect([...day.codecs].sort()).toEqual(['ble-gateway', 'csv', 'impinj', 'things-stack', 'zebra']);
  const tags = new Set(day.ledger.flatMap((record) => (record.kind === 'item' ? [record.epc] : [])));
  for (const record of day.ledger)
    if (record.kind === 'delivered') for (const { epcs = [] } of record.lines) for (const epc of epcs) tags.add(epc);
  for (const codec of ['impinj', 'zebra']) {
    const reads = day.heard.filter((one) => one.kind === 'rfid' && one.codec === codec).map(({ reading }) => reading);
    expect(new Set(reads.map(({ epc }) => epc)).size).toBeGreaterThan(300);
    for (const { epc, rssi_dbm, antenna } of reads) {
      if (!tags.has(String(epc))) throw new Error(`${codec} reads ${epc}, which is not there`);
      if (!(Number(rssi_dbm) > -95 && Number(rssi_dbm) < -20) || ![1, 2].includes(Number(antenna)))
        throw new Error(`${rssi_dbm} dBm`);
    }
  }
  const { said, truly } = crossingsOf(day);
  expect(said).toEqual(truly);
  const tag = day.heard.filter(({ device }) => device === 'tag-mobile-1').map(({ reading }) => reading);
  expect(tag.filter(({ text }) => text === 'in women').length).toBeGreaterThan(30);
  expect(tag.some(({ battery_percent }) => Number(battery_percent) > 50)).toBe(true);
}, 60_000);

it('the supermarket has tills that leave POSLog, and an Axis counter at its second door', async () => {
  const day = await dayOf('supermarket', 8.5, 10);
  expect([...day.codecs]).toEqual(expect.arrayContaining(['poslog', 'csv', 'axis', 'xovis']));
  const { said, truly } = salesOf(day);
  expect(day.heard.filter(({ codec }) => codec === 'poslog').length).toBeGreaterThan(5);
  expect(said).toEqual(truly);
  expect(crossingsOf(day).said).toEqual(crossingsOf(day).truly);
  const wifi = day.heard.filter(({ by }) => by === 'wifi-dairy-2').map(({ reading }) => reading);
  expect(wifi.filter(({ celsius }) => Number(celsius) > 0 && Number(celsius) < 12).length).toBeGreaterThan(15);
  expect(wifi.filter(({ battery_percent }) => battery_percent === 74).length).toBeGreaterThan(15);
  const queues = day.heard.filter(({ reading }) => reading.label === 'queue').map(({ reading }) => reading);
  expect(queues.some(({ present }) => present === true)).toBe(true);
  expect(queues.some(({ present }) => present === false)).toBe(true);
  for (const { zone, confidence } of queues) expect([zone, Number(confidence) > 0.5]).toEqual(['checkout', true]);
}, 60_000);
