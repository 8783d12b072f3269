/** What every simulated device is given, and what it can do. */
import type { Random } from '../world/random.ts';
import type { Shop } from '../world/shop.ts';
import type { Tally } from './device-line.ts';

export interface Surroundings {
  /** The hub's broker. */
  readonly url: string;
  readonly shop: Shop;
  readonly random: Random;
  readonly tally: Tally;
  /** Hears of each reading as it is sent. */
  readonly sent: (reading: SentReading) => void;
}

export interface SentReading {
  readonly device: string;
  readonly id: string;
  /** What it says, in a few words. */
  readonly text: string;
  /** The shelf it is about, if it is about one. */
  readonly about: string | undefined;
}

export interface Device {
  readonly name: string;
  /** Connects and begins to report. */
  start(): Promise<void>;
  /** Reports no more, waits for its acknowledgements and disconnects. */
  stop(patienceMs: number): Promise<void>;
}
