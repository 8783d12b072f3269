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
  /** Connects. Devices begin to speak at this time of the simulated clock, epoch ms. */
  start(simulated: number): Promise<void>;
  /** The two clocks go from here on, the shop's at this speed: the hub's shows this, the simulated one that, epoch ms. */
  began(hub: number, simulated?: number, speed?: number): void;
  /** Frames that wait for the hub. Throws what went wrong with one. */
  readonly onTheirWay: number;
  look(now: number): void;
  /** Resolves at once, or when the hub has taken most of what is on its way. */
  hold(): Promise<void>;
  /** The last words of the devices; resolves when everything is acknowledged. */
  stop(): Promise<void>;
}

/** Frames on their way at once: more would only wait in memory. */
const MOST_ON_THEIR_WAY = 5_000;
const PAUSE_MS = 10;

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
  return {
    tally,
    get strikes() {
      return strikes;
    },
    async start(simulated) {
      began.hub = Date.now();
      began.simulated = simulated;
      strikes = planStrikes(faults, devices, of, { from: simulated, until: world.endsAt });
      flooding.name = strikes.find(({ fault }) => fault === 'flood')?.device ?? '';
      blows.plan(strikes);
      for (const { entry } of devices) makeFolder(entry);
      for (const device of devices) await device.start();
    },
    began(hub, simulated = began.simulated, faster = began.speed) {
      began.hub = hub;
      began.simulated = simulated;
      began.speed = faster;
    },
    get onTheirWay() {
      return links.onTheirWay;
    },
    look(now) {
      blows.pass(now);
      for (const device of devices) if (!blows.isSilent(device.name)) device.look(now);
    },
    async hold() {
      try {
        if (links.onTheirWay <= MOST_ON_THEIR_WAY) return;
        while (links.onTheirWay > MOST_ON_THEIR_WAY / 2) await sleep(PAUSE_MS);
      } catch (error) {
        await links.close(true);
        throw error;
      }
    },
    async stop() {
      blows.end();
      try {
        await Promise.all(devices.map((device) => device.stop()));
      } catch (error) {
        await links.close(true);
        throw error;
      }
      await links.close();
    },
  };
}
