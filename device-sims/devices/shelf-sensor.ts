/** Shelf sensors: one kind counts facings and reports changes, the other weighs and reports grams with their jitter. */
import type { Shop } from '../world/shop.ts';
import type { ShelfPlan } from '../world/shop-plan.ts';
import type { Device, Surroundings } from './device.ts';
import { device, itemsText } from './reporter.ts';

/** A scale reports a movement of more than this, or anything when it was silent for a while. */
const MOVED_G = 40;
const JITTER_G = 6;
const LOOK_MS = 250;
const SILENT_LOOKS = 40;

function counter(plan: ShelfPlan, surroundings: Surroundings): Device {
  const { shop } = surroundings;
  let last = -1;
  return device(
    {
      name: `shelf-${plan.shelf}`,
      battery: 96,
      everyMs: LOOK_MS,
      look(report) {
        const count = shop.onShelf(plan.shelf);
        if (count === last) return;
        last = count;
        report('shelf', { shelf: plan.shelf, count }, `${plan.shelf} holds ${itemsText(count)}`);
      },
    },
    surroundings,
  );
}

function weightOf(shop: Shop, { shelf, tareG, unitWeightG }: ShelfPlan): number {
  return tareG + shop.onShelf(shelf) * unitWeightG;
}

function scale(plan: ShelfPlan, surroundings: Surroundings): Device {
  const { shop, random } = surroundings;
  let last = Number.NaN;
  let silent = 0;
  return device(
    {
      name: `scale-${plan.shelf}`,
      everyMs: LOOK_MS,
      look(report) {
        const grams = Math.round(weightOf(shop, plan) + random.noise(JITTER_G));
        silent += 1;
        if (Math.abs(grams - last) < MOVED_G && silent < SILENT_LOOKS) return;
        last = grams;
        silent = 0;
        report('shelf', { shelf: plan.shelf, weight_g: grams }, `${plan.shelf} weighs ${grams} g`);
      },
    },
    surroundings,
  );
}

export function shelfSensor(plan: ShelfPlan, surroundings: Surroundings): Device {
  return plan.sensing === 'scale' ? scale(plan, surroundings) : counter(plan, surroundings);
}
