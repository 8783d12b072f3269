import { describe, expect, it } from 'vitest';
import { effectOf, liftOf } from './lift.ts';
import { effectSchema } from './offers.ts';

/** Logarithms of the factorials. */
const LOG_FACTORIAL = [0];
for (let k = 1; k <= 2000; k += 1) LOG_FACTORIAL.push((LOG_FACTORIAL.at(-1) ?? 0) + Math.log(k));

/** Probability of exactly k buyers among n shoppers who each buy with probability p. */
function binomial(k: number, n: number, p: number): number {
  const choices = (LOG_FACTORIAL[n] ?? NaN) - (LOG_FACTORIAL[k] ?? NaN) - (LOG_FACTORIAL[n - k] ?? NaN);
  return Math.exp(choices + k * Math.log(p) + (n - k) * Math.log(1 - p));
}

/** The exact probability that the interval holds the true difference: a sum over everything that may happen. */
function coverage(treated: number, p: number, holdout: number, q: number): number {
  let covered = 0;
  for (let a = 0; a <= treated; a += 1) {
    const likely = binomial(a, treated, p);
    if (likely < 1e-8) continue;
    for (let b = 0; b <= holdout; b += 1) {
      const weight = likely * binomial(b, holdout, q);
      if (weight < 1e-10) continue;
      const lift = liftOf({ shoppers: treated, buyers: a }, { shoppers: holdout, buyers: b });
      if (lift && lift.low <= p - q && p - q <= lift.high) covered += weight;
    }
  }
  return covered;
}

describe('lift', () => {
  // Newcombe 1998, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 10, 0.6075, 1],
  ])('of %i of %i against %i of %i is the published interval', (a, n, b, m, low, high) => {
    const lift = liftOf({ shoppers: n, buyers: a }, { shoppers: m, buyers: b });
    expect(lift?.difference).toBeCloseTo(a / n - b / m, 12);
    expect(lift?.low).toBeCloseTo(low, 4);
    expect(lift?.high).toBeCloseTo(high, 4);
  });

  it.each([
    [45, 5],
    [90, 10],
    [180, 20],
    [200, 50],
    [150, 150],
    [450, 50],
  ])('covers the truth in 93 to 97 of 100 cases, %i treated and %i held out', (treated, holdout) => {
    for (const [p, q] of [
      [0.1, 0.1],
      [0.18, 0.1],
      [0.3, 0.2],
      [0.2, 0.3],
      [0.5, 0.4],
      [0.9, 0.8],
    ] as const) {
      const covered = coverage(treated, p, holdout, q);
      expect(covered, `${p} against ${q}`).toBeGreaterThan(0.93);
      expect(covered, `${p} against ${q}`).toBeLessThan(0.97);
    }
  });

  it('is null while one of the groups is empty', () => {
    expect(liftOf({ shoppers: 0, buyers: 0 }, { shoppers: 9, buyers: 1 })).toBeNull();
    expect(liftOf({ shoppers: 9, buyers: 1 }, { shoppers: 0, buyers: 0 })).toBeNull();
  });

  it('is part of the effect, which is as the catalogue says', () => {
    const counts = { made: 7, withheld: 2, played: 1, seen: 5, redeemed: 3, withdrawn: 1 };
    const arms = { treated_shoppers: 6, treated_buyers: 3, holdout_shoppers: 2, holdout_buyers: 0 };
    const effect = effectOf('soda-10', { ...counts, ...arms });
    expect(effectSchema.parse(effect)).toEqual({
      ...{ campaign: 'soda-10', made: 7, played: 1, seen: 5, redeemed: 3, withdrawn: 1 },
      treated: { shoppers: 6, buyers: 3 },
      holdout: { shoppers: 2, buyers: 0 },
      lift: liftOf({ shoppers: 6, buyers: 3 }, { shoppers: 2, buyers: 0 }),
    });
  });
});
