/**
 * The score: what the hub said against what truly happened. Every figure says how it could be worse: what the hub does
 * not know counts as wrong, what it says twice counts twice, and nothing is left out because it is hard to see; shelves
 * with and without a sensor are told apart so that a shop with few of them is judged by what it could see as well.
 */
import type { HubStory } from './hub-story.ts';
import { type Matched, type MatchingRules, match, quantile } from './matching.ts';
import { integrate, lengthOf, Steps } from './steps.ts';
import type { Crossed, TrueSale, Truth } from './truth.ts';

export interface Found {
  readonly episodes: number;
  readonly found: number;
  readonly missed: number;
  readonly false: number;
  readonly repeated: number;
  readonly brief: number;
  /** found / episodes, and found / (found + false + repeated); nothing where there is nothing to divide. */
  readonly recall: number | null;
  readonly precision: number | null;
  readonly seconds_to_find: { readonly p50: number | null; readonly p95: number | null };
  readonly stale_hours: number;
}

export interface Score {
  readonly gaps: { readonly all: Found; readonly with_sensor: Found; readonly without_sensor: Found };
  readonly stock: {
    readonly gtins: number;
    /** Mean over GTINs of the mean error over opening hours, items. What the hub knows nothing of it takes for none. */
    readonly error: number | null;
    readonly error_with_sensor: number | null;
    /** Share of shelf-time of which the hub said anything. */
    readonly known: number | null;
  };
  readonly items: {
    readonly items: number;
    /** Share of item-time in opening hours in the right zone; an item that the hub does not know is in a wrong one. */
    readonly right_zone: number | null;
    readonly true_moves: number;
    /** Arrivals, moves and departures that the hub told of, without the one by which it found each item at the start. */
    readonly events_per_move: number | null;
  };
  readonly traffic: {
    readonly hours: number;
    readonly true_persons: number;
    readonly counted_persons: number;
    /** Sum over lines and hours of |counted - true|, in and out, as a share of all who truly crossed. */
    readonly error_per_hour: number | null;
  };
  readonly excursions: Found;
  readonly sales: {
    readonly sales: number;
    readonly missing: number;
    readonly doubled: number;
    /** With other goods than were sold, or for another amount. */
    readonly different: number;
    /** That nobody made. */
    readonly invented: number;
  };
}

/** How episodes are matched: gaps under a minute and excursions under two need not be found. */
const GAP = { brief: 60_000, after: 60_000 } as const;
const EXCURSION = { brief: 120_000, after: 120_000 } as const;

export function scoreOf(truth: Truth, hub: HubStory): Score {
  const until = truth.span.until;
  const gapRules: MatchingRules = { ...GAP, until };
  const hasSensor = (subject: string): boolean => truth.shelves.get(subject)?.hasSensor === true;
  const alarms = hub.alarms('shelf-gap');
  const gaps = (which: (subject: string) => boolean): Found =>
    foundOf(
      match(
        truth.gaps.filter(({ subject }) => which(subject)),
        alarms.filter(({ subject }) => which(subject)),
        gapRules,
      ),
    );
  return {
    gaps: { all: gaps(() => true), with_sensor: gaps(hasSensor), without_sensor: gaps((shelf) => !hasSensor(shelf)) },
    stock: stockOf(truth, hub),
    items: itemsOf(truth, hub),
    traffic: trafficOf(truth, hub),
    excursions: foundOf(match(truth.excursions, hub.alarms('cold-chain'), { ...EXCURSION, until })),
    sales: salesOf(truth.sales, hub.sales),
  };
}

function foundOf({ secondsToFind, staleHours, ...counts }: Matched): Found {
  const said = counts.found + counts.false + counts.repeated;
  return {
    ...counts,
    recall: ratio(counts.found, counts.episodes),
    precision: ratio(counts.found, said),
    seconds_to_find: { p50: quantile(secondsToFind, 0.5) ?? null, p95: quantile(secondsToFind, 0.95) ?? null },
    stale_hours: staleHours,
  };
}

function stockOf(truth: Truth, hub: HubStory): Score['stock'] {
  const spans = truth.open;
  const time = lengthOf(spans);
  const silent = new Steps<number | undefined>(undefined);
  const perGtin = new Map<string, { error: number; hasSensor: boolean }>();
  let known = 0;
  for (const [shelf, { gtin, count, hasSensor }] of truth.shelves) {
    const said = hub.levels.get(shelf) ?? silent;
    const error = integrate(count, said, spans, (is, level) => Math.abs(is - (level ?? 0)));
    known += integrate(count, said, spans, (_is, level) => (level === undefined ? 0 : 1));
    const sum = perGtin.get(gtin) ?? { error: 0, hasSensor: true };
    perGtin.set(gtin, { error: sum.error + error, hasSensor: sum.hasSensor && hasSensor });
  }
  const all = [...perGtin.values()];
  const mean = (of: readonly { error: number }[]): number | null =>
    ratio(
      of.reduce((sum, { error }) => sum + error, 0),
      of.length * time,
    );
  return {
    gtins: all.length,
    error: mean(all),
    error_with_sensor: mean(all.filter(({ hasSensor }) => hasSensor)),
    known: ratio(known, truth.shelves.size * time),
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
  const found = [...truth.stocked].filter((key) => hub.items.has(key)).length;
  // Items that there never were.
  for (const [key, said] of hub.items) {
    if (!truth.items.has(key)) judged += integrate(nowhere, said, spans, (_is, heard) => (heard === undefined ? 0 : 1));
  }
  return {
    items: truth.items.size,
    right_zone: ratio(right, judged),
    true_moves: truth.moves,
    events_per_move: ratio(hub.transitions - found, truth.moves),
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

function salesOf(truly: readonly TrueSale[], said: readonly TrueSale[]): Score['sales'] {
  const key = ({ till, transaction, businessDay }: TrueSale): string => `${till} ${transaction} ${businessDay}`;
  const heard = new Map<string, TrueSale[]>();
  for (const sale of said) heard.set(key(sale), [...(heard.get(key(sale)) ?? []), sale]);
  const sums = { missing: 0, doubled: 0, different: 0 };
  for (const sale of truly) {
    const same = heard.get(key(sale)) ?? [];
    heard.delete(key(sale));
    if (same.length === 0) sums.missing += 1;
    sums.doubled += Math.max(0, same.length - 1);
    if (same.some(({ items, amount }) => amount !== sale.amount || !isSame(sale.items, items))) sums.different += 1;
  }
  let invented = 0;
  for (const sales of heard.values()) invented += sales.length;
  return { sales: truly.length, ...sums, invented };
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([gtin, count]) => b.get(gtin) === count);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
