/** The simulated shop as it was fitted out: shelves and what stands on them, a till, a door, a fridge. */
import type { z } from 'zod';
import type { facingSchema } from '../../edge/contracts/planogram.ts';

/** How the sensor of a shelf knows: it counts facings, or it weighs. */
export type Sensing = 'counter' | 'scale';

export interface ShelfPlan {
  readonly shelf: string;
  readonly zone: string;
  readonly gtin: string;
  readonly name: string;
  readonly capacity: number;
  readonly minimum: number;
  /** Items on it when the shop opens. */
  readonly opening: number;
  /** Items of it in the back room when the shop opens. */
  readonly backRoom: number;
  /** Minor units. */
  readonly price: number;
  /** How often shoppers come for it, relative to the others. */
  readonly popularity: number;
  readonly sensing: Sensing;
  readonly unitWeightG: number;
  readonly tareG: number;
}

/** A campaign as head office planned it, and what the till takes off for it. */
export interface CampaignPlan {
  readonly id: string;
  readonly zone: string;
  readonly gtin: string;
  readonly text: string;
  readonly percentOff: number;
  readonly priority: number;
  readonly coupon: boolean;
  /** Share of shoppers who get none, 0..1. */
  readonly holdout?: number;
}

export interface ShopPlan {
  readonly currency: string;
  /** IANA name. */
  readonly timezone: string;
  readonly till: string;
  readonly door: string;
  readonly fridge: { readonly unit: string; readonly celsius: number };
  readonly shelves: readonly ShelfPlan[];
  /** Seconds of shop time between two shoppers, on average. */
  readonly secondsBetweenShoppers: number;
  /** Shoppers who stand at the door when it opens. */
  readonly waitingAtOpening: number;
  /** Shoppers with the shop's app; each a share or a likelihood, 0..1. */
  readonly app: {
    readonly carry: number;
    /** Of those who carry it: grant consent as they come in. */
    readonly consent: number;
    /** Of those who consented: withdraw it while they walk. */
    readonly withdraw: number;
    /** How likely one takes what is offered. */
    readonly willing: number;
  };
  /** Comes whatever the seed, with the app and with consent, and looks around in a zone until something is offered. */
  readonly guest?: {
    readonly app: string;
    readonly zone: string;
    /** Seconds since opening. */
    readonly comesAt: number;
    /** Seconds after which they leave without an offer. */
    readonly patience: number;
  };
  readonly campaigns: readonly CampaignPlan[];
}

const counted = { sensing: 'counter', unitWeightG: 1000, tareG: 350, backRoom: 240 } as const;

/** Small enough to be followed by eye. Two shelves open almost empty, so that something happens soon. */
export const TINY_SHOP: ShopPlan = {
  currency: 'EUR',
  timezone: 'Europe/Berlin',
  till: 'till-1',
  door: 'main-door',
  fridge: { unit: 'fridge-1', celsius: 4 },
  secondsBetweenShoppers: 24,
  waitingAtOpening: 3,
  app: { carry: 0.5, consent: 0.75, withdraw: 0.3, willing: 0.7 },
  guest: { app: 'app-regular-guest', zone: 'beverages', comesAt: 20, patience: 90 },
  campaigns: [
    {
      ...{ id: 'juice-10', zone: 'beverages', gtin: '09521234000013', text: '10 % off apple juice today' },
      ...{ percentOff: 10, priority: 2, coupon: true },
    },
    {
      ...{ id: 'water-20', zone: 'beverages', gtin: '09521234543213', text: '20 % off spring water today' },
      ...{ percentOff: 20, priority: 1, coupon: true },
    },
    {
      ...{ id: 'bread-day', zone: 'bakery', gtin: '09521234000020', text: 'Rye bread, fresh from the oven' },
      ...{ percentOff: 0, priority: 1, coupon: false, holdout: 0.3 },
    },
  ],
  shelves: [
    {
      ...counted,
      ...{ shelf: 'A1-1', zone: 'beverages', gtin: '09521234543213', name: 'Spring water 1 l' },
      ...{ capacity: 12, minimum: 4, opening: 4, price: 79, popularity: 5 },
      ...{ sensing: 'scale', unitWeightG: 1020 },
    },
    {
      ...counted,
      ...{ shelf: 'A1-2', zone: 'beverages', gtin: '09521234000013', name: 'Apple juice 1 l' },
      ...{ capacity: 10, minimum: 3, opening: 9, price: 149, popularity: 3 },
    },
    {
      ...counted,
      ...{ shelf: 'B2-1', zone: 'bakery', gtin: '09521234000020', name: 'Rye bread 500 g' },
      ...{ capacity: 8, minimum: 3, opening: 3, price: 289, popularity: 4 },
    },
    {
      ...counted,
      ...{ shelf: 'C1-1', zone: 'dairy', gtin: '09521234000037', name: 'Whole milk 1 l' },
      ...{ capacity: 14, minimum: 4, opening: 12, price: 119, popularity: 4 },
    },
    {
      ...counted,
      ...{ shelf: 'C1-2', zone: 'dairy', gtin: '09521234000044', name: 'Yoghurt 500 g' },
      ...{ capacity: 10, minimum: 3, opening: 8, price: 99, popularity: 2 },
    },
  ],
};

/** The shop's planogram as a store's configuration wants it. */
export function planogramOf(plan: ShopPlan): z.input<typeof facingSchema>[] {
  return plan.shelves.map(({ shelf, zone, gtin, name, capacity, minimum, sensing, unitWeightG, tareG }) => ({
    ...{ shelf, zone, gtin, name, capacity, minimum },
    ...(sensing === 'scale' ? { unit_weight_g: unitWeightG, tare_g: tareG } : {}),
  }));
}

/** The shop's campaigns as a store's configuration wants them. Days as YYYY-MM-DD, both inclusive. */
export function campaignsOf({ campaigns }: ShopPlan, from: string, until: string): Record<string, unknown>[] {
  return campaigns.map(({ id, zone, gtin, text, priority, coupon, holdout }) => ({
    ...{ id, zone, gtin, text, from, until, priority, coupon, per_shopper: '1 per 1d', attribution: '2h' },
    ...(holdout === undefined ? {} : { holdout }),
  }));
}
