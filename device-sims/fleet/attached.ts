/** A world with its devices attached to a hub: one clock for both, and no more on its way than the hub takes. */
import { mkdirSync } from 'node:fs';
import { streams } from '../sim/streams.ts';
import type { World } from '../sim/world.ts';
import type { Faults } from './faults.ts';
import { type FleetPlaces, openFleet } from './fleet.ts';
import { type HubAddress, HubLinks } from './links.ts';
import { type FleetTally, newTally, type SimDevice } from './sim-device.ts';

export interface HubOptions extends FleetPlaces {
  readonly address: HubAddress;
  readonly faults: Faults;
}

export interface Fleet {
  readonly tally: FleetTally;
  /** Connects. Devices begin to speak at this time of the simulated clock, epoch ms. */
  start(simulated: number): Promise<void>;
  /** The two clocks go from here on: the hub's shows this, epoch ms. */
  began(hub: number): void;
  look(now: number): void;
  /** Resolves at once, or when the hub has taken most of what is on its way. */
  hold(): Promise<void>;
  /** The last words of the devices; resolves when everything is acknowledged. */
  stop(): Promise<void>;
}

/** Frames on their way at once: more would only wait in memory. */
const MOST_ON_THEIR_WAY = 5_000;

/** Of the devices whose clocks are wrong by a fault. */
const WRONG_CLOCKS = 0.25;
const SILENT_MS = 2 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

interface Attached {
  readonly device: SimDevice;
  /** Simulated time, epoch ms, from which it hangs for `SILENT_MS`. */
  silentFrom?: number | undefined;
  /** Simulated time of its next loss of power. */
  rebootsAt?: number | undefined;
}

/** A device that leaves files has a folder for them. */
function makeFolder(entry: SimDevice['entry']): void {
  const { path } = (entry?.folder ?? {}) as { readonly path?: string };
  if (path !== undefined) mkdirSync(path, { recursive: true });
}

export function attach(world: World, options: HubOptions & { readonly seed: number; readonly speed: number }): Fleet {
  const { address, faults, seed, speed, dir, serial, opcua } = options;
  const of = streams(seed);
  const tally = newTally();
  const began = { hub: 0, simulated: 0 };
  const clock = (now: number): number => Math.round(began.hub + (now - began.simulated) / speed);
  const clockOf = (name: string) => {
    const isWrong = faults.skewMs !== 0 && of('skew', name).chance(WRONG_CLOCKS);
    return isWrong ? (now: number): number => clock(now) + faults.skewMs : clock;
  };
  const plan: { flooding: string | undefined } = { flooding: undefined };
  const { resend, garbage } = faults;
  const links = new HubLinks(address, tally, {
    ...{ random: of('links'), resend, garbage },
    isFlooding: (name) => name === plan.flooding,
  });
  const linksOf = (name: string) => links.of(name);
  const devices = openFleet({ world, of, linksOf, tally, clockOf, dir, serial, opcua, speed });
  if (faults.flood) plan.flooding = of('flood').pick(devices, () => 1).name;
  const attached: Attached[] = devices.map((device) => ({ device }));
  /** When in the rest of the day it strikes each of them. */
  const strike = (): void => {
    const left = Math.max(1, world.endsAt - began.simulated);
    for (const one of attached) {
      const random = of('strike', one.device.name);
      const moment = (): number => began.simulated + random.between(0.1, 0.8) * Math.min(left, DAY_MS);
      if (random.chance(faults.silence)) one.silentFrom = moment();
      if (faults.reboot) one.rebootsAt = moment();
    }
  };
  const settled = async (): Promise<void> => {
    for (const device of devices) await device.settled();
  };
  return {
    tally,
    async start(simulated) {
      began.hub = Date.now();
      began.simulated = simulated;
      strike();
      for (const { entry } of devices) makeFolder(entry);
      for (const device of devices) await device.start();
    },
    began(hub) {
      began.hub = hub;
    },
    look(now) {
      for (const one of attached) {
        const { device, silentFrom, rebootsAt } = one;
        if (rebootsAt !== undefined && now >= rebootsAt) {
          one.rebootsAt = rebootsAt + DAY_MS;
          device.reboot?.();
        }
        if (silentFrom !== undefined && now >= silentFrom + SILENT_MS) one.silentFrom = silentFrom + DAY_MS;
        if (silentFrom === undefined || now < silentFrom) device.look(now);
      }
    },
    async hold() {
      if (tally.sent - tally.acknowledged > MOST_ON_THEIR_WAY) await settled();
    },
    async stop() {
      for (const device of devices) await device.stop();
      await links.close();
    },
  };
}
