/**
 * A device of the simulated shop: it sees a part of the truth, with its physics and its faults, and says it in its
 * vendor's own format over the real transport. Encoders are written from the vendors' formats, apart from the hub's
 * decoders, so that not both ends are one reading of them.
 */

import type { Random } from '../sim/random.ts';
import type { World } from '../sim/world.ts';

export interface SimDevice {
  readonly name: string;
  /** Its entry under `devices` of the hub's configuration; undefined: it speaks the hub's own format. */
  readonly entry: Readonly<Record<string, unknown>> | undefined;
  /** Connects; the world stands still meanwhile. */
  start(): Promise<void>;
  /** Its power was gone for a moment: it loses what only its memory held, such as counters. Absent: nothing. */
  reboot?(): void;
  /** Of a reader: its antennas by number; absent: it has one. */
  readonly antennas?: readonly number[];
  /** Of a reader: this antenna, or all of them, sees nothing from now on, or sees again. It goes on reporting. */
  blind?(antenna: number | undefined, isBlind: boolean): void;
  /** Its cable is out, or back. Absent: its connection is cut instead. */
  unplug?(isOut: boolean): void;
  /** Shelves and the like that its entry does not name. */
  readonly watches?: readonly string[];
  /** The world's time is now here, epoch ms of the simulated clock: says what is due. Called often, never waits. */
  look(now: number): void;
  /** Resolves when everything that it said is acknowledged; a device without acknowledgements resolves when it is sent. */
  settled(): Promise<void>;
  stop(): Promise<void>;
  /** Lets go at once of what it holds on this machine: lines, processes, timers. Without last words. */
  drop?(): Promise<void>;
}

/** What a device is made of; its kind, name and place come with it. */
export interface DeviceParts {
  readonly world: World;
  /** Of its own: the same seed makes it the same device. */
  readonly random: Random;
  /** Simulated time, epoch ms -> what its own clock shows, epoch ms of the hub's time. */
  readonly clock: (now: number) => number;
  readonly links: Links;
  /** Counts what it said, and what was acknowledged. */
  readonly tally: FleetTally;
}

/** The ways out; faults of the network live behind them, so that a device does not know of them. */
export interface Links {
  /** QoS 1 to the hub's broker, by a connection that all who name the same client share; resolves with the PUBACK. */
  publish(client: string, topic: string, payload: string | Uint8Array): Promise<void>;
  /** POST to a path of the hub, sent again until it is accepted; resolves with the answer 2xx. */
  post(path: string, body: string | Uint8Array, contentType?: string): Promise<void>;
  /** A file for the hub to take; resolves when it has moved it away. */
  leave(folder: string, name: string, bytes: Uint8Array): Promise<void>;
}

export interface FleetTally {
  sent: number;
  acknowledged: number;
  /** Sent a second time by a fault; the hub must tell them from new ones. */
  resent: number;
  /** Damaged copies that a fault sent before the right ones. */
  broken: number;
  /** Said while it had no connection, by what keeps nothing: the hub never hears of it. */
  lost: number;
  /** Sent a second time under another name, by a fault: nobody can tell them from new ones. */
  twice: number;
}

export function newTally(): FleetTally {
  return { sent: 0, acknowledged: 0, resent: 0, broken: 0, lost: 0, twice: 0 };
}
