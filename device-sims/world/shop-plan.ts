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

export interface ShopPlan {
  readonly currency: string;
  readonly till: string;
  readonly door: string;
  readonly fridge: { readonly unit: string; readonly celsius: number };
  readonly shelves: readonly ShelfPlan[];
  /** Seconds of shop time between two shoppers, on average. */
  readonly secondsBetweenShoppers: number;
  /** Shoppers who stand at the door when it opens. */
  readonly waitingAtOpening: number;
}

const counted = { sensing: 'counter', unitWeightG: 1000, tareG: 350, backRoom: 240 } as const;

/** Small enough to be followed by eye. Two shelves open almost empty, so that something happens soon. */
export const TINY_SHOP: ShopPlan = {
  currency: 'EUR',
  till: 'till-1',
  door: 'main-door',
  fridge: { unit: 'fridge-1', celsius: 4 },
  secondsBetweenShoppers: 24,
  waitingAtOpening: 3,
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
