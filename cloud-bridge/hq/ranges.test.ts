import { expect, test } from 'vitest';
import { countOf, joined, missingFrom, Runs, SeenNumbers } from './ranges.ts';

test('runs keep what came as ranges, and tell again and late from next', () => {
  const runs = new Runs();
  expect([5, 6, 9, 6, 7, 3, 9, 10].map((value) => runs.add(value))).toEqual([
    'next',
    'next',
    'next',
    'again',
    'late',
    'late',
    'again',
    'next',
  ]);
  expect(joined(runs.ranges)).toEqual([
    { from: 3, to: 3 },
    { from: 5, to: 7 },
    { from: 9, to: 10 },
  ]);
});

test('what is missing from a range is what no other range holds', () => {
  const covered = [
    { from: 8, to: 20 },
    { from: 1, to: 2 },
    { from: 2, to: 4 },
  ];
  expect(missingFrom({ from: 1, to: 10 }, covered)).toEqual([{ from: 5, to: 7 }]);
  expect(missingFrom({ from: 1, to: 30 }, covered)).toEqual([
    { from: 5, to: 7 },
    { from: 21, to: 30 },
  ]);
  expect(missingFrom({ from: 5, to: 4 }, [])).toEqual([]);
  expect(countOf(missingFrom({ from: 1, to: 1_000_000 }, []))).toBe(1_000_000);
});

test('a number is seen once, across chunk borders', () => {
  const seen = new SeenNumbers();
  const numbers = [0, 1, 31, 32, 65_535, 65_536, 9_999_999_999];
  expect(numbers.map((number) => seen.add(number))).toEqual(numbers.map(() => true));
  expect(numbers.map((number) => seen.add(number))).toEqual(numbers.map(() => false));
});
