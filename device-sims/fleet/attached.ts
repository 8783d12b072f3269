/** A world with its devices attached to a hub: one clock for both, and no more on its way than the hub takes. */
import { streams } from '../sim/streams.ts';
import type { World } from '../sim/world.ts';
import { openFleet } from './fleet.ts';
import { type HubAddress, HubLinks } from './links.ts';
import type { FleetTally } from './sim-device.ts';

export interface HubOptions {
  readonly address: HubAddress;
  /** Share of what is said that is sent twice, 0..1. */
  readonly resend: number;
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

export function attach(world: World, options: HubOptions & { readonly seed: number; readonly speed: number }): Fleet {
  const { address, resend, seed, speed } = options;
  const of = streams(seed);
  const tally: FleetTally = { sent: 0, acknowledged: 0, resent: 0 };
  const links = new HubLinks(address, tally, { random: of('links'), resend });
  const began = { hub: 0, simulated: 0 };
  const clock = (now: number): number => Math.round(began.hub + (now - began.simulated) / speed);
  const devices = openFleet({ world, of, links, tally, clock });
  const settled = async (): Promise<void> => {
    for (const device of devices) await device.settled();
  };
  return {
    tally,
    async start(simulated) {
      began.hub = Date.now();
      began.simulated = simulated;
      for (const device of devices) await device.start();
    },
    began(hub) {
      began.hub = hub;
    },
    look(now) {
      for (const device of devices) device.look(now);
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
