/** Seeded random numbers, so that a simulated day can be repeated. */

export interface Random {
  /** Uniform in 0 (inclusive) .. 1 (exclusive). */
  next(): number;
  /** Uniform between the two. */
  between(low: number, high: number): number;
  /** A whole number between the two, both inclusive. */
  whole(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** Time to the next of something that happens every `mean` on average (exponential). */
  wait(mean: number): number;
  /** Gaussian noise around 0. */
  noise(deviation: number): number;
  /** One of them, each as likely as its weight. */
  pick<T>(from: readonly T[], weight: (one: T) => number): T;
}

/** mulberry32: 32 bits of state, plenty for a shop. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return randomBy(() => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

/** @param next uniform in 0 (inclusive) .. 1 (exclusive) */
export function randomBy(next: () => number): Random {
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    whole: (low, high) => low + Math.floor((high - low + 1) * next()),
    chance: (probability) => next() < probability,
    wait: (mean) => -mean * Math.log(1 - next()),
    noise: (deviation) => deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick(from, weight) {
      let rest = next() * from.reduce((sum, one) => sum + weight(one), 0);
      for (const one of from) {
        rest -= weight(one);
        if (rest < 0) return one;
      }
      const last = from.at(-1);
      if (last === undefined) throw new Error('nothing to pick from');
      return last;
    },
  };
}
