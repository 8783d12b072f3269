/** What shoppers come for, and when they come: popularity by product, moved by promotions, and the rhythm of the week. */

import type { Product } from './floor.ts';
import type { Random } from './random.ts';
import type { Behaviour } from './world-file.ts';

export interface Demand {
  choose(random: Random): Product;
  /** Shoppers come for it so many times as often as usual. */
  boost(product: Product, times: number): void;
}

export function openDemand(products: readonly Product[]): Demand {
  const boosts = new Map<Product, number>();
  const sums = new Float64Array(products.length);
  let isStale = true;
  const refresh = (): void => {
    let sum = 0;
    for (const [index, product] of products.entries()) {
      sum += product.popularity * (boosts.get(product) ?? 1);
      sums[index] = sum;
    }
    isStale = false;
  };
  return {
    choose(random) {
      if (isStale) refresh();
      const aim = random.next() * (sums.at(-1) ?? 0);
      let [low, high] = [0, products.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((sums[middle] ?? 0) > aim) high = middle;
        else low = middle + 1;
      }
      const product = products[low];
      if (!product) throw new Error('a shop without products');
      return product;
    },
    boost(product, times) {
      boosts.set(product, times);
      isStale = true;
    },
  };
}

/**
 * Minutes past midnight at which parties come, rising. About `expected` of them (Poisson, by its normal approximation),
 * spread by the weight of each hour over what of it is open.
 */
export function arrivals(
  hours: Behaviour['hours'],
  expected: number,
  [opens, closes]: readonly [number, number],
  random: Random,
): number[] {
  const open = Array.from({ length: 24 }, (_, hour) => {
    const from = Math.max(opens, hour * 60);
    const to = Math.min(closes, hour * 60 + 60);
    return { from, to, weight: to > from ? (hours[String(hour)] ?? 0) * (to - from) : 0 };
  });
  if (open.every(({ weight }) => weight === 0)) return [];
  const count = Math.max(0, Math.round(expected + random.noise(Math.sqrt(expected))));
  return Array.from({ length: count }, () => {
    const { from, to } = random.pick(open, ({ weight }) => weight);
    return random.between(from, to);
  }).sort((a, b) => a - b);
}

/** 1 for the first, 2 for the second ... each as likely as its weight. */
export function howMany(weights: readonly number[], random: Random): number {
  let rest = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return index + 1;
  }
  return weights.length;
}

/** At least 1, `mean` on average (geometric), at most `most`. */
export function errandCount(mean: number, most: number, random: Random): number {
  if (mean <= 1) return 1;
  return Math.min(most, 1 + Math.floor(Math.log(1 - random.next()) / Math.log(1 - 1 / mean)));
}
