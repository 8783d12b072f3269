/**
 * Which devices a world has, and the hub's configuration that goes with them: every till, a counter over each entrance, a
 * thermometer in each fridge and a contact at its door, cameras, shelf sensors by the world's coverage, a Bluetooth gateway
 * in each zone of shoppers, and an RFID reader in each zone where anything is tagged. Chosen by the floor alone, so that a
 * configuration can be written before the run and fits it.
 */
import type { Floor, Shelf } from '../sim/floor.ts';
import { planogramOf } from '../sim/hub-planogram.ts';
import { type Streams, streams } from '../sim/streams.ts';
import { openWorld, type World } from '../sim/world.ts';
import type { WorldFile, ZonePlan } from '../sim/world-file.ts';
import { openBluetoothGateway, openKiosk } from './bluetooth.ts';
import { type CamerasPlan, openCameras } from './cameras.ts';
import { openColdDevices } from './cold-devices.ts';
import { openDepthSensor, openVs121, openVs133 } from './lorawan-sensors.ts';
import { type CounterPlan, openAxis, openXovis } from './people-counters.ts';
import { openImpinjReader, openZebraReader, type ReaderPlan } from './rfid-readers.ts';
import { openCountingScanner, openDockScanner } from './scanners.ts';
import { openSerialReader } from './serial-readers.ts';
import { openSerialScale } from './serial-scales.ts';
import { openShelfGateway } from './shelf-gateways.ts';
import { type DeviceParts, type FleetTally, type Links, newTally, type SimDevice } from './sim-device.ts';
import { type FileTillPlan, openFileTill, openTill } from './tills.ts';

/** What is on this machine rather than on the floor. */
export interface FleetPlaces {
  /** Absolute; old tills leave their files in folders in it. Absent: they publish, as the others do. */
  readonly dir?: string | undefined;
  /** Some scales and readers, and scanners, are on pseudo-terminals in `dir`; needs socat. */
  readonly serial?: boolean | undefined;
  /** Some fridges have a controller with an OPC UA server on this port, its certificates in `dir`. */
  readonly opcua?: number | undefined;
}

export interface FleetOptions extends FleetPlaces {
  readonly world: World;
  readonly of: Streams;
  /** By the name of the device. */
  readonly linksOf: (device: string) => Links;
  readonly tally: FleetTally;
  /** Of a device: simulated time, epoch ms -> the hub's, epoch ms. */
  readonly clockOf: (device: string) => (now: number) => number;
  /** Counters overlook persons in groups, each make in its measure. Default: they see everybody. */
  readonly overlooks?: boolean | undefined;
  /** How fast the run is; default 1. */
  readonly speed?: number | undefined;
}

const MINUTE = 60_000;
const COUNTED_EVERY = 5 * MINUTE;
const GATEWAY = { everyMs: 10_000, noiseG: 1 } as const;
/** Of the shelves that are watched by counting, so many have a distance meter instead: it knows how full, not how many. */
const DEPTH_SENSORS = 6;
const DEPTH = { fullMm: 80, emptyMm: 480, everyMs: 10 * MINUTE } as const;
const CAMERAS_EVERY = 10_000;
/** One camera has so many shelves in its picture. */
const SHELVES_IN_SIGHT = 6;
const SCALE_PROTOCOLS = ['mt-sics', 'toledo-8217', 'a-and-d', 'dini', 'cas'] as const;
const LIGHTEST_ON_LINES_G = 100;
const BLUETOOTH_EVERY = 10_000;
const EXPORT_EVERY = 10 * MINUTE;
const READER = { everyMs: 5_000, quietMs: 60_000 } as const;
/** Shelves of a shop that has cameras over them. */
const LARGE_RANGE = 1_000;
/** Facings of a shelf whose depth says how many stand there: a distance meter resolves no more. */
const MOST_BY_DEPTH = 40;

/** A distance meter's shelf is of few items, so that its millimetres tell them apart. */
function watchedByDepth({ shelves }: Floor): readonly Shelf[] {
  return shelves
    .filter(({ sensor, capacity }) => sensor === 'counter' && capacity <= MOST_BY_DEPTH)
    .slice(0, DEPTH_SENSORS);
}

/** The first of those that weigh what their display can tell apart. */
function weighedOnLines({ shelves }: Floor): readonly Shelf[] {
  return shelves
    .filter(({ sensor, product }) => sensor === 'scale' && product.weightG >= LIGHTEST_ON_LINES_G)
    .slice(0, SCALE_PROTOCOLS.length);
}

/** Tills that export files: the last of those with a cashier, as a table, and the last self-service one, as POSLog. */
function exporting({ file }: Floor): ReadonlyMap<string, FileTillPlan['format']> {
  const last = (kind: string): string => file.tills.findLast(({ is }) => is === kind)?.till ?? '';
  return new Map([
    [last('fixed'), 'csv'],
    [last('self-service'), 'poslog'],
  ]);
}

interface CounterMake {
  /** Of those who follow another closely, 0..1. */
  readonly misses: number;
  readonly open: (plan: CounterPlan, parts: DeviceParts) => SimDevice;
}

/** What needs no cable is for the shop of one door. Two eyes tell a group apart better than one. */
function counterAt({ file }: Floor, index: number, isTagged: boolean): CounterMake {
  if (file.lines.length === 1) return isTagged ? { misses: 0.04, open: openVs133 } : { misses: 0.08, open: openVs121 };
  return index % 2 === 0 ? { misses: 0.02, open: openXovis } : { misses: 0.06, open: openAxis };
}

/** Over the tills, and over the aisle that sells most of those without doors; a shop of few articles needs none. */
function camerasOf({ file, shelves, byZone }: Floor): CamerasPlan | undefined {
  const zone = file.zones.find(({ is }) => is === 'checkout')?.zone;
  if (zone === undefined || shelves.length < LARGE_RANGE) return undefined;
  const aisle = shelves.find(({ unit }) => unit === undefined)?.zone ?? zone;
  const inSight = (byZone.get(aisle) ?? []).slice(0, SHELVES_IN_SIGHT);
  return { name: 'frigate', zone, shelves: inSight, everyMs: CAMERAS_EVERY };
}

function nextTo({ file }: Floor, zone: ZonePlan): string[] {
  return file.zones
    .filter((other) => other.next_to.includes(zone.zone) || zone.next_to.includes(other.zone))
    .map((other) => other.zone);
}

export function openFleet(options: FleetOptions): readonly SimDevice[] {
  const { world, of, linksOf, tally, clockOf, dir, serial, opcua, overlooks = false, speed = 1 } = options;
  const { floor } = world;
  const parts = (name: string): DeviceParts => {
    return { world, tally, links: linksOf(name), clock: clockOf(name), random: of('device', name) };
  };
  const exports = exporting(floor);
  /** Where serial lines are. */
  const lines = serial ? dir : undefined;
  const devices: SimDevice[] = floor.file.tills.map(({ till, is }) => {
    const format = exports.get(till);
    if (dir === undefined || format === undefined)
      return openTill(till, is === 'mobile' ? 'http' : 'mqtt', parts(till));
    return openFileTill({ till, format, dir, everyMs: EXPORT_EVERY }, parts(`export-${till}`));
  });
  const isTagged = floor.products.some(({ tagged }) => tagged);
  for (const [index, { line }] of floor.file.lines.entries()) {
    const name = `counter-${line}`;
    const { misses, open } = counterAt(floor, index, isTagged);
    devices.push(open({ name, line, everyMs: COUNTED_EVERY, misses: overlooks ? misses : 0 }, parts(name)));
  }
  const controller = opcua === undefined || dir === undefined ? undefined : { port: opcua, dir, speed };
  devices.push(...openColdDevices(floor.file.fridges, controller, parts));
  const cameras = camerasOf(floor);
  if (cameras !== undefined) devices.push(openCameras(cameras, parts(cameras.name)));
  const publicZones = floor.file.zones.filter(({ is }) => is !== 'back-room' && is !== 'dock');
  for (const [index, zone] of publicZones.entries()) {
    const name = `bluetooth-${zone.zone}`;
    const plan = { name, zone, nextDoor: nextTo(floor, zone), everyMs: BLUETOOTH_EVERY };
    devices.push(openBluetoothGateway({ ...plan, make: index % 2 === 0 ? 'minew' : 'openmqtt' }, parts(name)));
  }
  devices.push(openKiosk('loyalty-kiosk', parts('loyalty-kiosk')));
  const byDepth = new Set(watchedByDepth(floor));
  for (const shelf of byDepth) {
    const name = `depth-${shelf.shelf}`.toLowerCase();
    devices.push(openDepthSensor({ ...DEPTH, name, shelf }, parts(name)));
  }
  for (const [index, zone] of (isTagged ? floor.file.zones : []).entries()) {
    const name = `reader-${zone.zone}`;
    const plan: ReaderPlan = { ...READER, name, zone, nextDoor: nextTo(floor, zone) };
    // Where few tags pass, a small module does.
    const make = zone.is === 'dock' ? 'thingmagic' : zone.is === 'fitting-room' ? 'm100' : undefined;
    if (lines !== undefined && make !== undefined)
      devices.push(openSerialReader({ ...plan, make, dir: lines }, parts(name)));
    else devices.push((index % 2 === 0 ? openImpinjReader : openZebraReader)(plan, parts(name)));
  }
  if (lines !== undefined) {
    devices.push(openCountingScanner({ name: 'scanner-staff', dir: lines }, parts('scanner-staff')));
    const atDock = { name: 'scanner-dock', dir: lines, zone: floor.dock };
    devices.push(openDockScanner(atDock, parts(atDock.name)));
  }
  const onLines = new Set<Shelf>(lines === undefined ? [] : weighedOnLines(floor));
  for (const [index, shelf] of [...onLines].entries()) {
    const name = `scale-${shelf.shelf}`.toLowerCase();
    const protocol = SCALE_PROTOCOLS[index % SCALE_PROTOCOLS.length] ?? 'mt-sics';
    devices.push(openSerialScale({ name, shelf, protocol, dir: lines ?? '' }, parts(name)));
  }
  const byAisle = new Map<string, Shelf[]>();
  for (const shelf of floor.shelves) {
    if (shelf.sensor === 'none' || byDepth.has(shelf) || onLines.has(shelf)) continue;
    byAisle.set(shelf.aisle, [...(byAisle.get(shelf.aisle) ?? []), shelf]);
  }
  for (const [aisle, shelves] of byAisle) {
    const name = `gateway-${aisle}`.toLowerCase();
    devices.push(openShelfGateway({ ...GATEWAY, name, shelves }, parts(name)));
  }
  return devices;
}

const NO_LINKS: Links = {
  publish: async () => undefined,
  post: async () => undefined,
  leave: async () => undefined,
};

export interface ConfigOptions extends FleetPlaces {
  readonly file: WorldFile;
  /** Percent; absent: the world's. */
  readonly coverage?: number | undefined;
  /** How fast the run will be: times of rules shrink with it. */
  readonly speed: number;
}

/** The hub's configuration for a world and its devices, without the store's name and addresses. */
export function configOf({ file, coverage, speed, ...places }: ConfigOptions): Record<string, unknown> {
  const world = openWorld({ file, seed: 0, from: '2026-03-05', days: 1, coverage });
  const nowhere = { linksOf: () => NO_LINKS, clockOf: () => (now: number) => now };
  const devices = openFleet({ world, of: streams(0), tally: newTally(), ...nowhere, ...places, speed });
  return {
    timezone: file.timezone,
    planogram: planogramOf(world.floor),
    devices: devices.flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
    sensing: { rfid: { departed_after: `${Math.max(10, Math.round(600 / speed))}s` } },
    rules: { shelf_gap: { settle: `${Math.round(20_000 / speed)}ms`, remind: '30m' } },
  };
}
