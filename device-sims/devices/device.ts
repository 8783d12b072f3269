/** What every simulated device is given, and what it can do. */

import type { Random } from '../sim/random.ts';
import type { ShownOffer } from '../world/facts.ts';
import type { Shop } from '../world/shop.ts';
import type { Tally } from './device-line.ts';

export interface Surroundings {
  /** The hub's broker. */
  readonly url: string;
  /** The hub's HTTP door. */
  readonly httpUrl: string;
  readonly shop: Shop;
  readonly random: Random;
  readonly tally: Tally;
  /** Hears of each reading as it is sent. */
  readonly sent: (reading: SentReading) => void;
  /** Hears what is no reading: phones and the till talk with the hub. */
  readonly did: (deed: Deed) => void;
  /** Something went wrong that nobody waits for. */
  readonly failed: (error: Error) => void;
}

/** What a till hears when it asks for a coupon. */
export type CouponAnswer =
  | { readonly granted: true; readonly claim: string; readonly campaign: string }
  | { readonly granted: false; readonly reason: string };

export type Deed =
  | { readonly kind: 'shown'; readonly app: string; readonly offer: ShownOffer }
  | { readonly kind: 'hidden'; readonly app: string; readonly offer: ShownOffer; readonly reason: string }
  | {
      readonly kind: 'claimed';
      readonly app: string | undefined;
      readonly transaction: string;
      readonly offer: ShownOffer;
      readonly answer: CouponAnswer;
    };

export interface SentReading {
  readonly device: string;
  readonly id: string;
  /** What it says, in a few words. */
  readonly text: string;
  /** The shelf it is about, if it is about one. */
  readonly about: string | undefined;
  /** The pseudonym that it names, if it names one. */
  readonly shopper: string | undefined;
}

export interface Device {
  readonly name: string;
  /** Connects and begins to report. */
  start(): Promise<void>;
  /** Reports no more, waits for its acknowledgements and disconnects. */
  stop(patienceMs: number): Promise<void>;
}
