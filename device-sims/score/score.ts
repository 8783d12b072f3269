/**
 * The score: what the hub said against what truly happened. Every figure says how it could be worse: what the hub does
 * not know counts as wrong, what it says twice counts twice, and nothing is left out because it is hard to see; shelves
 * with and without a sensor are told apart so that a shop with few of them is judged by what it could see as well.
 */
import { EXCURSION_MS } from './cold-truth.ts';
import { faultScore, type SaleFate, type Strike } from './fault-score.ts';
import type { HubStory } from './hub-story.ts';
import { type Matched, type MatchingRules, match, quantile } from './matching.ts';
import type { Found, Score } from './score-file.ts';
import { integrate, lengthOf, Steps } from './steps.ts';
import { stockScore } from './stock-score.ts';
import type { Crossed, TrueSale, Truth } from './truth.ts';

/** How episodes are matched: gaps under a minute and excursions under 15 need not be found. */
const GAP = { brief: 60_000, after: 60_000 } as const;
const EXCURSION = { brief: EXCURSION_MS, after: 120_000 } as const;

/** @param strikes faults that devices had in this run, if it left them in a file */
export function scoreOf(truth: Truth, hub: HubStory, strikes?: readonly Strike[]): Score {
  const { from, until } = truth.span;
  const gapRules: MatchingRules = { ...GAP, from, until };
  const hasSensor = (subject: string): boolean => truth.shelves.get(subject)?.hasSensor === true;
  const alarms = hub.alarms('shelf-gap');
  const gaps = (which: (subject: string) => boolean): Matched =>
    match(
      truth.gaps.filter(({ subject }) => which(subject)),
      alarms.filter(({ subject }) => which(subject)),
      gapRules,
    );
  const allGaps = gaps(() => true);
  const { excursions: episodes, excuses } = truth.cold.judged(until);
  const excursions = match(episodes, hub.alarms('cold-chain'), { ...EXCURSION, from, until, excuses });
  const sales = salesOf(truth.sales, hub.sales);
  const { world = '', seed = 0, days = 0, coverage = 0 } = truth.world ?? {};
  return {
    format: 2,
    run: { world, seed, days, coverage, hours_judged: lengthOf(truth.open) / 3_600_000 },
    gaps: {
      all: foundOf(allGaps),
      with_sensor: foundOf(gaps(hasSensor)),
      without_sensor: foundOf(gaps((shelf) => !hasSensor(shelf))),
    },
    stock: stockScore(truth, hub),
    items: itemsOf(truth, hub),
    traffic: trafficOf(truth, hub),
    excursions: foundOf(excursions),
    sales: sales.score,
    other_alerts: hub.otherAlarms(['shelf-gap', 'cold-chain'], truth.span),
    ...(strikes && { faults: faultScore(strikes, { gaps: allGaps, excursions, sales: sales.fates, until }) }),
  };
}

function foundOf({ secondsToFind, staleHours, judged: _, calls, ...counts }: Matched): Found {
  const said = counts.found + counts.false + counts.repeated;
  return {
    ...counts,
    recall: ratio(counts.found, counts.episodes),
    precision: ratio(counts.found, said),
    calls_per_episode: ratio(calls, counts.episodes + counts.brief),
    seconds_to_find: { p50: quantile(secondsToFind, 0.5) ?? null, p95: quantile(secondsToFind, 0.95) ?? null },
    stale_hours: staleHours,
  };
}

function itemsOf(truth: Truth, hub: HubStory): Score['items'] {
  const spans = truth.open;
  const nowhere = new Steps<string | undefined>(undefined);
  let right = 0;
  let judged = 0;
  for (const [key, zone] of truth.items) {
    const said = hub.items.get(key) ?? nowhere;
    right += integrate(zone, said, spans, (is, heard) => (is !== undefined && is === heard ? 1 : 0));
    // What has left and is taken for gone is no merit, what is still shown is a fault.
    judged += integrate(zone, said, spans, (is, heard) => (is !== undefined || heard !== undefined ? 1 : 0));
  }
  const { from, until } = truth.span;
  const told = hub.transitions.filter((at) => at >= from && at <= until).length;
  const found = [...truth.stocked].filter((key) => hub.items.has(key)).length;
  // Items that there never were.
  for (const [key, said] of hub.items) {
    if (!truth.items.has(key)) judged += integrate(nowhere, said, spans, (_is, heard) => (heard === undefined ? 0 : 1));
  }
  return {
    items: truth.items.size,
    right_zone: ratio(right, judged),
    true_moves: truth.moves,
    events_per_move: ratio(Math.max(0, told - found), truth.moves),
  };
}

function trafficOf(truth: Truth, hub: HubStory): Score['traffic'] {
  const hours = new Set([...truth.crossed.keys(), ...hub.crossed.keys()]);
  const none: Crossed = { in: 0, out: 0 };
  let persons = 0;
  let counted = 0;
  let error = 0;
  for (const hour of hours) {
    const is = truth.crossed.get(hour) ?? none;
    const said = hub.crossed.get(hour) ?? none;
    persons += is.in + is.out;
    counted += said.in + said.out;
    error += Math.abs(is.in - said.in) + Math.abs(is.out - said.out);
  }
  return {
    hours: hours.size,
    true_persons: persons,
    counted_persons: counted,
    error_per_hour: ratio(error, persons),
  };
}

function salesOf(truly: readonly TrueSale[], said: readonly TrueSale[]): { score: Score['sales']; fates: SaleFate[] } {
  const key = ({ till, transaction, businessDay }: TrueSale): string => `${till} ${transaction} ${businessDay}`;
  const heard = new Map<string, TrueSale[]>();
  for (const sale of said) heard.set(key(sale), [...(heard.get(key(sale)) ?? []), sale]);
  const sums = { missing: 0, doubled: 0, different: 0 };
  const fates: SaleFate[] = [];
  for (const sale of truly) {
    const same = heard.get(key(sale)) ?? [];
    heard.delete(key(sale));
    fates.push({ sale, times: same.length });
    if (same.length === 0) sums.missing += 1;
    sums.doubled += Math.max(0, same.length - 1);
    if (same.some(({ items, amount }) => amount !== sale.amount || !isSame(sale.items, items))) sums.different += 1;
  }
  let invented = 0;
  for (const sales of heard.values()) invented += sales.length;
  return { score: { sales: truly.length, ...sums, invented }, fates };
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([gtin, count]) => b.get(gtin) === count);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
