/** What rules may know of offers that were made, redeemed and counted: the read side of the offer book. */
import type { Arm, REDEEMED_BY, Receipted } from '../contracts/offers.ts';

export interface KnownOffer {
  readonly id: string;
  readonly audience: 'shopper' | 'zone';
  readonly campaign: string;
  readonly zone: string;
  readonly gtin: string;
  readonly text: string;
  /** ISO 8601, and the same moment on the elapsed clock, by which it is judged. */
  readonly expires: string;
  readonly expiresElapsed: number;
  readonly shopper?: string | undefined;
  readonly code?: string | undefined;
  /**
   * An open one may be past its time: compare `expiresElapsed`. `run-out`: withdrawn because the shelf is empty; nobody is
   * shown it any more, but whoever took one before may redeem it as long as it said.
   */
  readonly state: 'open' | 'run-out' | 'redeemed' | 'withdrawn';
  /** How often a device said that it showed it. */
  readonly seen?: number | undefined;
}

/** A redemption or an attribution of a purchase, reversed ones included. */
export interface Use extends Receipted {
  readonly claim: string;
  readonly what: 'redeemed' | 'attributed';
  readonly campaign: string;
  readonly offer?: string | undefined;
  readonly shopper?: string | undefined;
  readonly gtin?: string | undefined;
  readonly quantity: number;
  /** Of an attribution. */
  readonly arm?: Arm | undefined;
  /** Of a redemption. */
  readonly by?: (typeof REDEEMED_BY)[number] | undefined;
  readonly reversed: boolean;
}

/** Counts of one campaign since it began. */
export interface Tally {
  /** Offers to shoppers. */
  readonly made: number;
  readonly withheld: number;
  readonly withdrawn: number;
  readonly seen: number;
  readonly played: number;
  /** Net of refunds. */
  readonly redeemed: number;
  /** Shoppers of each arm, and how many of them bought (net of refunds). */
  readonly treated_shoppers: number;
  readonly treated_buyers: number;
  readonly holdout_shoppers: number;
  readonly holdout_buyers: number;
}

export interface OfferViews {
  get(id: string): KnownOffer | undefined;
  /** By a code as a person may have typed it: case, spaces and dashes do not matter. */
  byCode(code: string): KnownOffer | undefined;
  /** Whether a text has the form of a hub's code at all. */
  isCode(text: string): boolean;
  /** Whether a code looks like one of another store of the chain. */
  isForeign(code: string): boolean;
  /** The offer on the screens of a zone. */
  ofZone(zone: string): KnownOffer | undefined;
  /** Offers to a shopper that are open and not past their time. */
  openOf(shopper: string): readonly KnownOffer[];
  /** Shoppers with an open offer of a product in a zone that is not past its time. */
  holdersOf(zone: string, gtin: string): readonly string[];
  /** Shoppers with an open offer of a campaign that is not past its time. */
  holdersIn(campaign: string): readonly string[];
  /** Tells what a till presented from other things, and says nothing of it. */
  digestOf(presented: string): string;
  /** Whether this was refused to the receipt within a day, as far as is known. `presented`: its digest. */
  wasRefused(receipt: Receipted, presented: string): boolean;
  /** Whether a receipt (`till/transaction`, as sales are named) redeemed something of late: its sale may be on its way. */
  expects(sale: string): boolean;
  /** What a transaction redeemed and what was attributed to it. */
  usesOf(receipt: Receipted): readonly Use[];
  /** Claims of the same transaction on the business day before or after, made within so many ms, the latest first. */
  claimsBeside(receipt: Receipted, within: number): readonly Use[];
  /** Redemptions of one offer that stand. */
  redemptionsOf(offer: string): readonly Use[];
  /** Attributed purchases of one shopper in one campaign that stand. */
  attributedTo(shopper: string, campaign: string): readonly Use[];
  tally(campaign: string): Tally;
}
