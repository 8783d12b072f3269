import { expect, test } from 'vitest';
import { streams } from './streams.ts';

const draw = (random: { next(): number }, count: number): number[] =>
  Array.from({ length: count }, () => random.next());

test('a subject draws the same numbers whenever and in whatever order it is asked for', () => {
  const first = streams(7);
  const alone = draw(first('party', 12), 5);
  const second = streams(7);
  draw(second('party', 11), 1_000);
  expect(draw(second('party', 12), 5)).toEqual(alone);
  expect(draw(streams(8)('party', 12), 5)).not.toEqual(alone);
});

test('neighbours among the subjects draw numbers that have nothing in common', () => {
  const of = streams(1);
  const firsts = Array.from({ length: 20_000 }, (_, number) => of('party', number).next());
  expect(new Set(firsts).size).toBeGreaterThan(19_990);
  const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
  // Four standard errors of the mean of a uniform variable.
  expect(Math.abs(mean - 0.5)).toBeLessThan((4 * Math.sqrt(1 / 12)) / Math.sqrt(firsts.length));
  let together = 0;
  for (let at = 1; at < firsts.length; at += 1) together += ((firsts[at] ?? 0) - 0.5) * ((firsts[at - 1] ?? 0) - 0.5);
  expect(Math.abs((together / firsts.length) * 12)).toBeLessThan(4 / Math.sqrt(firsts.length));
});
