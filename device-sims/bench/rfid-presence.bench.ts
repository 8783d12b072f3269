/**
 * RFID sightings: through the state machine alone, against counting them by reader; and the whole way of a sighting
 * that changes nothing, from the reader's bytes through the writer, against one of a reader without zones. Each alone in
 * one thread. A shop of 50,000 tags and four readers of four antennas.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Delivery } from '../../edge/contracts/intake.ts';
import { type Packed, packDelivery } from '../../edge/crossing.ts';
import { EdgexPresence } from '../../edge/sensing/edgex-presence.ts';
import type { TagSighting } from '../../edge/sensing/tag-presence.ts';
import { type Random, seeded } from '../sim/random.ts';
import type { BenchContext, Measurement } from './context.ts';
import { median, type Outcome } from './report.ts';
import { decoderAlone, writerAlone } from './writer-alone.fixture.ts';

const TAGS = 50_000;
const READERS = 4;
const ANTENNAS = 4;
/** Sightings between two looks at the clock. */
const PORTION = 10_000;
const BATCH = 80;

const readers = Array.from({ length: READERS }, (_, reader) => ({
  name: `reader-${reader}`,
  zones: Array.from({ length: ANTENNAS }, (_zone, antenna) => `zone-${reader}-${antenna}`),
}));

export const rfidPresence: Measurement = {
  name: 'rfid-presence',
  about: 'RFID sightings through the presence state machine and through the writer, against only counting them',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 5 : 60;
  const random = seeded(1);
  const rates: Record<'presence' | 'counting', number[]> = { presence: [], counting: [] };
  const presence = new EdgexPresence({ profile: 'garment', departedAfter: 600_000, readers, most: 200_000 });
  const before = bytesInUse();
  const epcs = Array.from({ length: TAGS }, (_, serial) => `urn:epc:id:sgtin:0614141.812345.${serial}`);
  let now = 0;
  let transitions = 0;
  const see = (sighting: TagSighting): void => {
    now += 1;
    presence.heard(sighting.reader, now);
    if (presence.see(sighting, now) !== undefined) transitions += 1;
  };
  for (const [at, tag] of epcs.entries()) see(sightingOf(random, tag, at));
  const counts = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    const sightings = Array.from({ length: PORTION }, () => {
      const at = random.whole(0, TAGS - 1);
      return sightingOf(random, epcs[at] ?? '', at);
    });
    const begun = performance.now();
    for (const sighting of sightings) see(sighting);
    const seen = performance.now();
    for (const { reader } of sightings) counts.set(reader, (counts.get(reader) ?? 0) + 1);
    const counted = performance.now();
    rates.presence.push((PORTION / (seen - begun)) * 1000);
    rates.counting.push((PORTION / (counted - seen)) * 1000);
  }
  const perTag = (bytesInUse() - before) / TAGS;
  const way = wayOf(context, rounds * 20);
  return {
    name: rfidPresence.name,
    lines: [
      {
        ...{ what: 'RFID sightings through the state machine, 50,000 tags', unit: '/s' },
        ...{ measured: median(rates.presence), baseline: median(rates.counting), atLeast: { value: 200_000 } },
      },
      {
        ...{ what: 'a sighting that changes nothing, decoded to written', unit: 'us' },
        ...{ measured: median(way.zoned), baseline: median(way.counted) },
      },
    ],
    raw: { rounds, rates, way, transitions, bytesPerTag: Math.round(perTag) },
    remarks: [`rfid-presence: about ${Math.round(perTag)} bytes of memory a tag, its name included`],
  };
}

/** After a collection, so that only what is held counts. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A tag is heard by its own antenna mostly, and by a neighbour now and then. */
function sightingOf(random: Random, tag: string, at: number): TagSighting {
  const home = at % (READERS * ANTENNAS);
  const heardBy = random.chance(0.1) ? (home + 1) % (READERS * ANTENNAS) : home;
  const reader = Math.floor(heardBy / ANTENNAS);
  const antenna = heardBy % ANTENNAS;
  const rssi = (heardBy === home ? -55 : -70) - random.whole(0, 9);
  return { tag, reader: `reader-${reader}`, antenna, zone: `zone-${reader}-${antenna}`, rssi, count: 1 };
}

/** Microseconds a sighting from bytes to the end of its transaction, for readers with zones and without. */
function wayOf(context: BenchContext, rounds: number): { zoned: number[]; counted: number[] } {
  const json = decoderAlone({ zoneOf: (device) => (device === 'reader-0' ? 'zone-0-0' : undefined) });
  const items = { profile: 'garment', departedAfter: 600_000, readers } as const;
  const writer = writerAlone(context, 'rfid-presence', { items });
  const payloads = Array.from({ length: BATCH }, (_, serial) =>
    Buffer.from(JSON.stringify({ epc: `urn:epc:id:sgtin:0614141.812345.${serial}`, antenna: 1, rssi_dbm: -60.5 })),
  );
  const batch = (device: string): number => {
    const begun = performance.now();
    const packed: Packed = [];
    let count = 0;
    for (const payload of payloads) {
      const received = Date.now();
      const decoded = json.decode('rfid', device, payload, received);
      if (!decoded.ok) throw new Error(`a sighting was refused: ${decoded.reason}`);
      if (decoded.readings.length === 0) continue;
      const delivery: Delivery = { kind: 'rfid', device, received, readings: decoded.readings };
      packDelivery(packed, delivery);
      count += 1;
    }
    if (count > 0)
      writer.process({ deliveries: structuredClone(packed), count, refusals: [], requests: [], synced: true });
    return ((performance.now() - begun) * 1000) / BATCH;
  };
  try {
    batch('reader-0');
    const times = { zoned: [] as number[], counted: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      times.zoned.push(batch('reader-0'));
      times.counted.push(batch('reader-1'));
    }
    return times;
  } finally {
    writer.close();
  }
}
