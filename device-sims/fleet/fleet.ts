/**
 * Which devices a world has, and the hub's configuration that goes with them: every till, a counter over each entrance, a
 * thermometer in each fridge, shelf sensors by the world's coverage. Chosen by the floor alone, so that a configuration
 * can be written before the run and fits it.
 */
import type { Floor, Shelf } from '../sim/floor.ts';
import { planogramOf } from '../sim/hub-planogram.ts';
import { type Streams, streams } from '../sim/streams.ts';
import { openWorld, type World } from '../sim/world.ts';
import type { WorldFile, ZonePlan } from '../sim/world-file.ts';
import { openDepthSensor, openThermometer } from './lorawan-sensors.ts';
import { openAxis, openXovis } from './people-counters.ts';
import { openImpinjReader } from './rfid-readers.ts';
import { openShelfGateway } from './shelf-gateways.ts';
import type { DeviceParts, FleetTally, Links, SimDevice } from './sim-device.ts';
import { openTill } from './tills.ts';

export interface FleetOptions {
  readonly world: World;
  readonly of: Streams;
  readonly links: Links;
  readonly tally: FleetTally;
  /** Simulated time, epoch ms -> the hub's, epoch ms. */
  readonly clock: (now: number) => number;
}

const MINUTE = 60_000;
const COUNTER = { misses: 0, everyMs: 5 * MINUTE } as const;
const GATEWAY = { everyMs: 10_000, noiseG: 1 } as const;
/** Of the shelves that are watched by counting, so many have a distance meter instead: it knows how full, not how many. */
const DEPTH_SENSORS = 6;
const DEPTH = { fullMm: 80, emptyMm: 480, everyMs: 10 * MINUTE } as const;
const THERMOMETER_EVERY = 5 * MINUTE;
const READER = { everyMs: 5_000, quietMs: 60_000 } as const;
/** Facings of a shelf whose depth says how many stand there: a distance meter resolves no more. */
const MOST_BY_DEPTH = 40;

/** A distance meter's shelf is of few items, so that its millimetres tell them apart. */
function watchedByDepth({ shelves }: Floor): readonly Shelf[] {
  return shelves
    .filter(({ sensor, capacity }) => sensor === 'counter' && capacity <= MOST_BY_DEPTH)
    .slice(0, DEPTH_SENSORS);
}

/** Every zone, where anything is tagged: items go everywhere. */
function taggedZones({ products, file }: Floor): readonly ZonePlan[] {
  return products.some(({ tagged }) => tagged) ? file.zones : [];
}

function euiOf(name: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return `24e124${hash.toString(16).padStart(8, '0')}01`;
}

export function openFleet({ world, of, links, tally, clock }: FleetOptions): readonly SimDevice[] {
  const { floor } = world;
  const parts = (name: string): DeviceParts => ({ world, links, tally, clock, random: of('device', name) });
  const devices: SimDevice[] = floor.file.tills.map(({ till }) => openTill(till, parts(till)));
  for (const [index, { line }] of floor.file.lines.entries()) {
    const name = `counter-${line}`;
    const open = index % 2 === 0 ? openXovis : openAxis;
    devices.push(open({ ...COUNTER, name, line }, parts(name)));
  }
  for (const { unit } of floor.file.fridges) {
    const name = `thermometer-${unit}`;
    devices.push(openThermometer({ name, unit, eui: euiOf(name), everyMs: THERMOMETER_EVERY }, parts(name)));
  }
  const byDepth = new Set(watchedByDepth(floor));
  for (const shelf of byDepth) {
    const name = `depth-${shelf.shelf}`.toLowerCase();
    devices.push(openDepthSensor({ ...DEPTH, name, shelf, eui: euiOf(name) }, parts(name)));
  }
  for (const zone of taggedZones(floor)) {
    const name = `reader-${zone.zone}`;
    const nextDoor = floor.file.zones
      .filter((other) => other.next_to.includes(zone.zone) || zone.next_to.includes(other.zone))
      .map((other) => other.zone);
    devices.push(openImpinjReader({ ...READER, name, zone, nextDoor }, parts(name)));
  }
  const byAisle = new Map<string, Shelf[]>();
  for (const shelf of floor.shelves) {
    if (shelf.sensor === 'none' || byDepth.has(shelf)) continue;
    byAisle.set(shelf.aisle, [...(byAisle.get(shelf.aisle) ?? []), shelf]);
  }
  for (const [aisle, shelves] of byAisle) {
    const name = `gateway-${aisle}`.toLowerCase();
    devices.push(openShelfGateway({ ...GATEWAY, name, shelves }, parts(name)));
  }
  return devices;
}

const NO_LINKS: Links = { publish: async () => undefined, post: async () => undefined };

export interface ConfigOptions {
  readonly file: WorldFile;
  /** Percent; absent: the world's. */
  readonly coverage?: number | undefined;
  /** How fast the run will be: times of rules shrink with it. */
  readonly speed: number;
}

/** The hub's configuration for a world and its devices, without the store's name and addresses. */
export function configOf({ file, coverage, speed }: ConfigOptions): Record<string, unknown> {
  const world = openWorld({ file, seed: 0, from: '2026-03-05', days: 1, coverage });
  const tally: FleetTally = { sent: 0, acknowledged: 0, resent: 0 };
  const devices = openFleet({ world, of: streams(0), links: NO_LINKS, tally, clock: (now) => now });
  return {
    timezone: file.timezone,
    planogram: planogramOf(world.floor),
    devices: devices.flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
    sensing: { rfid: { departed_after: `${Math.max(10, Math.round(600 / speed))}s` } },
    rules: { shelf_gap: { settle: `${Math.round(20_000 / speed)}ms`, remind: '30m' } },
  };
}
