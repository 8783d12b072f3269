/** A campaign as the hub works with it: which product is offered, where, when, to whom how often, and what counts. */

/** At most so many in a rolling time (milliseconds, elapsed clock). */
export interface Frequency {
  readonly offers: number;
  readonly within: number;
}

/** One entry of `campaigns`. Durations in milliseconds; days are calendar days of the store, both inclusive. */
export interface Campaign {
  readonly id: string;
  readonly zone: string;
  readonly gtin: string;
  readonly text: string;
  readonly from: string;
  readonly until: string;
  readonly priority: number;
  readonly per_shopper?: Frequency | undefined;
  /** A purchase within this time after the offer is attributed to it. */
  readonly attribution: number;
  /** How long an offer stands; default the rule's. */
  readonly valid?: number | undefined;
  /** Most offers made to shoppers in the whole campaign. */
  readonly budget?: number | undefined;
  /** Most redemptions in the whole campaign. */
  readonly quantity?: number | undefined;
  /** Campaigns of which a shopper may not also have had one. */
  readonly exclude?: readonly string[] | undefined;
  /** Share of shoppers who get none, for comparison. */
  readonly holdout?: number | undefined;
  /** Each offer to a shopper carries a code that the till asks about, good for one use. */
  readonly coupon: boolean;
}

/** Best first: the highest priority, then the lowest id. */
export function byRank(a: Campaign, b: Campaign): number {
  return b.priority - a.priority || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * What of a campaign may be capped: nothing is left of its budget or quantity, the shopper had as many as `per_shopper`
 * allows, still has an open offer, or had one of a campaign that it excludes.
 */
export const CAPPED = ['used-up', 'per-shopper', 'open-offer', 'excluded'] as const;
export type Capped = (typeof CAPPED)[number];

/** Why somebody who could have had an offer got none. */
export const NO_OFFER_REASONS = ['no-consent', 'none-running', 'no-stock', ...CAPPED, 'hold-out'] as const;
export type NoOfferReason = (typeof NO_OFFER_REASONS)[number];
