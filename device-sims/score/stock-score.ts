/**
 * How well the hub knew how many stand on the shelves, over all shelves of the world. What it says nothing of counts as a
 * full shelf: that is what a shop without a hub believes. So silence is worth exactly nothing (a skill of 0), saying of
 * every shelf that it is full is worth no more, and whoever guesses worse than that is below. How much was said and how
 * wrong it was stand beside it, apart for shelves with a sensor and without.
 *
 * No shop is full all day, so one guess for all shelves, such as 70 % full, beats silence without having seen anything.
 * What the best such guess would have been worth stands there as well: only what is above it was truly known.
 */
import { type HubStory, levelKey } from './hub-story.ts';
import type { Score, Stock } from './score-file.ts';
import { dwell, integrate, lengthOf, Steps } from './steps.ts';
import type { Truth } from './truth.ts';

/** Item-milliseconds, and milliseconds. */
interface Sum {
  error: number;
  silent: number;
  errorKnown: number;
  known: number;
  shelves: number;
  readonly gtins: Set<string>;
  /** Error of saying of each shelf that it is full to so many percent, by percent. */
  readonly guesses: number[];
}

const PERCENTS = 101;

const newSum = (): Sum => ({
  error: 0,
  silent: 0,
  errorKnown: 0,
  known: 0,
  shelves: 0,
  gtins: new Set(),
  guesses: new Array<number>(PERCENTS).fill(0),
});

export function stockScore(truth: Truth, hub: HubStory): Score['stock'] {
  const spans = truth.open;
  const time = lengthOf(spans);
  const nothing = new Steps<number | undefined>(undefined);
  const sums = { all: newSum(), with: newSum(), without: newSum() };
  const planned = new Set<string>();
  for (const [shelf, { gtin, count, capacity, hasSensor }] of truth.shelves) {
    const key = levelKey(shelf, gtin);
    planned.add(key);
    const said = hub.levels.get(key) ?? nothing;
    const silent = integrate(count, nothing, spans, (is) => Math.abs(is - capacity));
    const errorKnown = integrate(count, said, spans, (is, level) => (level === undefined ? 0 : Math.abs(is - level)));
    const unknown = integrate(count, said, spans, (is, level) => (level === undefined ? Math.abs(is - capacity) : 0));
    const known = integrate(count, said, spans, (_is, level) => (level === undefined ? 0 : 1));
    const guesses = guessesOf(dwell(count, spans), capacity);
    for (const sum of [sums.all, hasSensor ? sums.with : sums.without]) {
      sum.shelves += 1;
      sum.gtins.add(gtin);
      sum.silent += silent;
      sum.errorKnown += errorKnown;
      sum.error += errorKnown + unknown;
      sum.known += known;
      for (const [percent, error] of guesses.entries()) sum.guesses[percent] = (sum.guesses[percent] ?? 0) + error;
    }
  }
  let unplanned = 0;
  for (const [key, said] of hub.levels) {
    if (planned.has(key)) continue;
    unplanned += 1;
    sums.all.error += integrate(nothing, said, spans, (_is, level) => Math.abs(level ?? 0));
  }
  const { from, until } = truth.span;
  // By the first of each it only became known.
  const first = hub.levels.size;
  const told = hub.levelsSaid.filter((at) => at >= from && at <= until).length;
  return {
    gtins: sums.all.gtins.size,
    all: stockOf(sums.all, time),
    with_sensor: stockOf(sums.with, time),
    without_sensor: stockOf(sums.without, time),
    unplanned,
    events_per_change: truth.changes === 0 ? null : Math.max(0, told - first) / truth.changes,
  };
}

function guessesOf(counts: ReadonlyMap<number, number>, capacity: number): number[] {
  const errors: number[] = [];
  for (let percent = 0; percent < PERCENTS; percent += 1) {
    const guess = Math.round((percent / 100) * capacity);
    let error = 0;
    for (const [count, ms] of counts) error += ms * Math.abs(count - guess);
    errors.push(error);
  }
  return errors;
}

function stockOf({ error, silent, errorKnown, known, shelves, gtins, guesses }: Sum, time: number): Stock {
  const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    shelves,
    known: ratio(known, shelves * time),
    error_known: ratio(errorKnown, known),
    error: ratio(error, gtins.size * time),
    error_of_silence: ratio(silent, gtins.size * time),
    skill: silent === 0 ? null : 1 - error / silent,
    skill_of_a_guess: silent === 0 ? null : 1 - Math.min(...guesses) / silent,
  };
}
