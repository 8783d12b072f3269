/**
 * How well the hub knew how many stand on the shelves, over all shelves of the world. What it says nothing of counts as a
 * full shelf: that is what a shop without a hub believes. So silence is worth exactly nothing (a skill of 0), saying of
 * every shelf that it is full is worth no more, and whoever guesses worse than that is below. How much was said and how
 * wrong it was stand beside it, apart for shelves with a sensor and without.
 */
import { type HubStory, levelKey } from './hub-story.ts';
import type { Score, Stock } from './score-file.ts';
import { integrate, lengthOf, Steps } from './steps.ts';
import type { Truth } from './truth.ts';

/** Item-milliseconds, and milliseconds. */
interface Sum {
  error: number;
  silent: number;
  errorKnown: number;
  known: number;
  shelves: number;
  readonly gtins: Set<string>;
}

const newSum = (): Sum => ({ error: 0, silent: 0, errorKnown: 0, known: 0, shelves: 0, gtins: new Set() });

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
    for (const sum of [sums.all, hasSensor ? sums.with : sums.without]) {
      sum.shelves += 1;
      sum.gtins.add(gtin);
      sum.silent += silent;
      sum.errorKnown += errorKnown;
      sum.error += errorKnown + unknown;
      sum.known += known;
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

function stockOf({ error, silent, errorKnown, known, shelves, gtins }: Sum, time: number): Stock {
  const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    shelves,
    known: ratio(known, shelves * time),
    error_known: ratio(errorKnown, known),
    error: ratio(error, gtins.size * time),
    error_of_silence: ratio(silent, gtins.size * time),
    skill: silent === 0 ? null : 1 - error / silent,
  };
}
