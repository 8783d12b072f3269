/**
 * A shopper on their way through the shop: what they came for, what they carry, and what they decide. Each draws from
 * random numbers of their own, so what one of them is offered changes nobody else's mind.
 */

import { type Random, seeded } from '../sim/random.ts';
import type { PaidLine, ShownOffer, Who } from './facts.ts';
import type { ShelfPlan, ShopPlan } from './shop-plan.ts';

export interface Shopper {
  readonly who: Who;
  readonly random: Random;
  /** Grants consent at the door; withdraws it so many seconds later. */
  readonly consents: boolean;
  readonly withdrawsAfter: number | undefined;
  /** How likely, 0..1: they take what they are offered, put back what they took, walk past the till. */
  readonly willing: number;
  readonly fickle: number;
  readonly careless: number;
  /** Shelves still to visit, the next one first. */
  readonly errands: ShelfPlan[];
  readonly basket: Map<ShelfPlan, number>;
  /** Offers on the phone, by id. */
  readonly offers: Map<string, ShownOffer>;
  zone: string | undefined;
  /** Not on the way to the till or out yet. */
  isLooking: boolean;
  /** Grows when they change their mind: what they were about to do before is dropped. */
  mind: number;
}

const fresh = () => ({
  basket: new Map<ShelfPlan, number>(),
  offers: new Map<string, ShownOffer>(),
  zone: undefined,
  isLooking: true,
  mind: 0,
});

function pseudonym(random: Random): string {
  return `app-${Array.from({ length: 10 }, () => random.whole(0, 35).toString(36)).join('')}`;
}

/** @param from of the shop: one draw, whatever becomes of the shopper */
export function anybody(plan: ShopPlan, number: number, from: Random): Shopper {
  const random = seeded(from.whole(0, 2 ** 32 - 1));
  const { carry, consent, withdraw, willing } = plan.app;
  const app = random.chance(carry) ? pseudonym(random) : undefined;
  const consents = app !== undefined && random.chance(consent);
  const errands = Array.from({ length: random.whole(1, 3) }, () =>
    random.pick(plan.shelves, ({ popularity }) => popularity),
  );
  return {
    ...fresh(),
    who: { number, app },
    ...{ random, consents, willing, errands, fickle: 0.08, careless: 0.02 },
    withdrawsAfter: consents && random.chance(withdraw) ? random.between(3, 25) : undefined,
  };
}

/** Somebody who comes whatever the seed, wants nothing in particular, and takes what is offered. */
export function guest(number: number, app: string): Shopper {
  const sure = { consents: true, withdrawsAfter: undefined, willing: 1, fickle: 0, careless: 0 };
  return { ...fresh(), who: { number, app }, random: seeded(number), ...sure, errands: [] };
}

export function linesOf({ basket }: Shopper): PaidLine[] {
  return [...basket].map(([{ gtin, price }, quantity]) => ({ gtin, quantity, price }));
}

/** Coupons for what is in the basket. */
export function couponsOf({ basket, offers }: Shopper): ShownOffer[] {
  const bought = new Set([...basket.keys()].map(({ gtin }) => gtin));
  return [...offers.values()].filter(({ code, gtin }) => code !== undefined && bought.has(gtin));
}
