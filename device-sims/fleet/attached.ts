/** A world with its devices attached to a hub: one clock for both, and no more on its way than the hub takes. */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../sim/streams.ts';
import type { World } from '../sim/world.ts';
import { Blows } from './blows.ts';
import type { Faults } from './faults.ts';
import { type FleetPlaces, openFleet } from './fleet.ts';
import { type HubAddress, HubLinks, type Meter } from './links.ts';
import { offlineOf } from './outages.ts';
import { Patience } from './patience.ts';
import { type FleetTally, newTally, type SimDevice } from './sim-device.ts';
import { isSkewed, planStrikes, type Strike } from './strikes.ts';

export interface HubOptions extends FleetPlaces {
  readonly address: HubAddress;
  readonly faults: Faults;
  readonly meter?: Meter | undefined;
}

export interface Fleet {
  readonly tally: FleetTally;
  /** When which fault strikes whom; known from the start on. */
  readonly strikes: readonly Strike[];
  /** Connects. Devices begin to speak at this time of the simulated clock, epoch ms. The signal ends it, and everything. */
  start(simulated: number, signal: AbortSignal): Promise<void>;
  /** The two clocks go from here on, the shop's at this speed: the hub's shows this, the simulated one that, epoch ms. */
  began(hub: number, simulated?: number, speed?: number): void;
  /** Frames that wait for the hub. Throws what went wrong with one, or when the hub takes nothing any more. */
  readonly onTheirWay: number;
  look(now: number): void;
  /** Whether more is on its way than the hub should have to take at once. Throws as `onTheirWay`. */
  readonly isFull: boolean;
  /** Resolves when the hub has taken most of what is on its way, or at the signal. */
  drained(signal: AbortSignal): Promise<void>;
  /** The last words of the devices; resolves when everything is acknowledged, or at the signal at once, without them. */
  stop(signal: AbortSignal): Promise<void>;
  /** Ends everything at once; what is on its way stays there. */
  abandon(): Promise<void>;
}

/** Frames on their way at once: more would only wait in memory, and a report of a reader has a hundred kilobytes. */
const MOST_ON_THEIR_WAY = 1_000;
const PAUSE_MS = 10;
/** While the first and the last words are waited for, the hub's pulse is felt so often. */
const PULSE_MS = 1_000;

/** A device that leaves files has a folder for them. */
function makeFolder(entry: SimDevice['entry']): void {
  const { path } = (entry?.folder ?? {}) as { readonly path?: string };
  if (path !== undefined) mkdirSync(path, { recursive: true });
}

export function attach(world: World, options: HubOptions & { readonly seed: number; readonly speed: number }): Fleet {
  const { address, faults, meter, seed, speed, dir, serial, opcua } = options;
  const of = streams(seed);
  const tally = newTally();
  const began = { hub: 0, simulated: 0, speed };
  const clock = (now: number): number => Math.round(began.hub + (now - began.simulated) / began.speed);
  const clockOf = (name: string) =>
    isSkewed(faults, of, name) ? (now: number): number => clock(now) + faults.skewMs : clock;
  const devices: SimDevice[] = [];
  const named = (name: string): SimDevice | undefined => devices.find((device) => device.name === name);
  const flooding = { name: '' };
  const { resend, garbage, twice } = faults;
  const onTheWay = {
    ...{ resend, garbage, twice },
    random: (name: string) => of('links', name),
    isFlooding: (name: string) => name === flooding.name,
    offline: (name: string) => offlineOf(named(name)?.entry?.codec),
  };
  const links = new HubLinks(address, tally, onTheWay, meter);
  const linksOf = (name: string) => links.of(name);
  devices.push(...openFleet({ world, of, linksOf, tally, clockOf, dir, serial, opcua, speed, overlooks: true }));
  const blows = new Blows(new Map(devices.map((device) => [device.name, device])), links);
  let strikes: readonly Strike[] = [];
  const patience = new Patience();
  const onTheirWay = (): number => {
    const { acknowledged, resent, twice: again, broken } = tally;
    const waiting = links.onTheirWay;
    patience.check(waiting, acknowledged + resent + again + broken);
    return waiting;
  };
  const abandon = async (): Promise<void> => {
    links.abandon();
    await Promise.all(devices.map((device) => device.drop?.()));
  };
  /** Resolves when that is done. At the signal, and when the hub takes nothing meanwhile, everything ends at once. */
  const watched = async (work: Promise<void>, signal: AbortSignal): Promise<void> => {
    const done = work.then(() => true);
    // Whoever waits hears of it below, or has left.
    done.catch(() => undefined);
    try {
      for (let isDone = false; !isDone && !signal.aborted; ) {
        isDone = await Promise.race([done, sleep(PULSE_MS, false, { signal }).catch(() => false)]);
        if (!isDone) onTheirWay();
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    if (signal.aborted) await abandon();
  };
  const beginnings = async (): Promise<void> => {
    for (const device of devices) await device.start();
  };
  const lastWords = async (): Promise<void> => {
    await Promise.all(devices.map((device) => device.stop()));
    await links.close();
  };
  return {
    tally,
    get strikes() {
      return strikes;
    },
    async start(simulated, signal) {
      began.hub = Date.now();
      began.simulated = simulated;
      strikes = planStrikes(faults, devices, of, { from: simulated, until: world.endsAt });
      flooding.name = strikes.find(({ fault }) => fault === 'flood')?.device ?? '';
      blows.plan(strikes);
      for (const { entry } of devices) makeFolder(entry);
      await watched(beginnings(), signal);
    },
    began(hub, simulated = began.simulated, faster = began.speed) {
      began.hub = hub;
      began.simulated = simulated;
      began.speed = faster;
    },
    get onTheirWay() {
      return onTheirWay();
    },
    get isFull() {
      return onTheirWay() > MOST_ON_THEIR_WAY;
    },
    look(now) {
      blows.pass(now);
      for (const device of devices) if (!blows.isSilent(device.name)) device.look(now);
    },
    async drained(signal) {
      while (onTheirWay() > MOST_ON_THEIR_WAY / 2 && !signal.aborted) await sleep(PAUSE_MS);
    },
    async stop(signal) {
      blows.end();
      if (signal.aborted) await abandon();
      else await watched(lastWords(), signal);
    },
    abandon,
  };
}
