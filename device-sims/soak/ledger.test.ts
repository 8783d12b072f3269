import { describe, expect, test } from 'vitest';
import { Ledger } from './ledger.ts';

describe('the ledger of a soak', () => {
  test('keeps a day of arrivals in order as one range', () => {
    const ledger = new Ledger();
    for (let counter = 0; counter < 100_000; counter += 1) expect(ledger.arrive('a', counter)).toBe(true);
    expect(ledger.totals()).toEqual({ arrived: 100_000, again: 0, late: 0, ranges: 1 });
    expect(ledger.missing('a', 0, 100_000)).toEqual([]);
  });

  test('names what is missing, at both ends and between', () => {
    const ledger = new Ledger();
    for (const counter of [2, 3, 5, 9]) ledger.arrive('a', counter);
    expect(ledger.missing('a', 0, 12)).toEqual([
      { from: 0, to: 1 },
      { from: 4, to: 4 },
      { from: 6, to: 8 },
      { from: 10, to: 11 },
    ]);
    expect(ledger.missing('a', 3, 7)).toEqual([
      { from: 4, to: 4 },
      { from: 6, to: 6 },
    ]);
    expect(ledger.missing('b', 0, 3)).toEqual([{ from: 0, to: 2 }]);
  });

  test('tells a second arrival from a late one, wherever it falls', () => {
    const ledger = new Ledger();
    for (const counter of [0, 1, 6, 7, 12]) ledger.arrive('a', counter);
    for (const again of [0, 1, 6, 7, 12]) expect(ledger.arrive('a', again)).toBe(false);
    for (const late of [3, 2, 5, 4, 9]) expect(ledger.arrive('a', late)).toBe(true);
    for (const again of [2, 3, 4, 5, 9]) expect(ledger.arrive('a', again)).toBe(false);
    expect(ledger.totals()).toEqual({ arrived: 10, again: 10, late: 5, ranges: 3 });
    expect(ledger.missing('a', 0, 13)).toEqual([
      { from: 8, to: 8 },
      { from: 10, to: 11 },
    ]);
  });

  test('agrees with a plain set for arrivals in any order', () => {
    const ledger = new Ledger();
    const plain = new Set<number>();
    let state = 7;
    for (let step = 0; step < 5_000; step += 1) {
      state = (state * 48_271) % 2_147_483_647;
      const counter = state % 1_500;
      expect(ledger.arrive('a', counter)).toBe(!plain.has(counter));
      plain.add(counter);
    }
    const missing = ledger.missing('a', 0, 1_500).reduce((sum, { from, to }) => sum + to - from + 1, 0);
    expect(missing).toBe(1_500 - plain.size);
    expect(ledger.beyond('a', 1_000)).toBe([...plain].filter((counter) => counter >= 1_000).length);
  });
});
