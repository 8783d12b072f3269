import { expect, test } from 'vitest';
import { agenda, type Life } from './agenda.ts';
import { streams } from './streams.ts';

test('things happen in the order of their times, and of things due at once the first entered goes first', () => {
  const random = streams(3)('dues');
  const time = agenda(0);
  const dues = Array.from({ length: 2_000 }, (_, number) => ({ at: random.whole(0, 300), number }));
  const happened: { at: number; number: number }[] = [];
  for (const due of dues) time.at(due.at, () => happened.push({ at: time.now, number: due.number }));
  time.advance(149);
  expect(happened.every(({ at }) => at <= 149)).toBe(true);
  time.advance(1_000);
  expect(happened).toEqual([...dues].sort((a, b) => a.at - b.at || a.number - b.number));
  expect(time.now).toBe(1_000);
});

test('what is entered while something happens is done in the same advance, and what is late at once', () => {
  const time = agenda(100);
  const happened: string[] = [];
  time.at(200, () => {
    happened.push('first');
    time.at(50, () => happened.push(`late at ${time.now}`));
    time.at(250, () => happened.push('later'));
  });
  time.advance(300);
  expect(happened).toEqual(['first', 'late at 200', 'later']);
});

test('a life pauses, waits for others, and goes on', () => {
  const time = agenda(0);
  const told: string[] = [];
  let wake: (() => void) | undefined;
  function* inner(): Life<string> {
    yield 10;
    return 'rested';
  }
  function* life(): Life {
    told.push(`born at ${time.now}`);
    told.push(`${yield* inner()} at ${time.now}`);
    yield (goOn) => {
      wake = goOn;
    };
    told.push(`woken at ${time.now}`);
    // Whoever need not wait goes on at once.
    yield (goOn) => goOn();
    told.push(`done at ${time.now}`);
  }
  time.live(life());
  time.at(70, () => wake?.());
  time.advance(100);
  expect(told).toEqual(['born at 0', 'rested at 10', 'woken at 70', 'done at 70']);
});
