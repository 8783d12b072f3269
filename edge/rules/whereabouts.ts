/**
 * Where one shopper was: how long within a day, and whether faster than anybody walks. Kept to what the two questions
 * need: the present stay, changes of zone that were too quick, and the time present in each hour.
 */
import type { RuleTime } from './rule.ts';
import type { Suspicion } from './suspicion.ts';

export interface Whereabouts {
  /** The latest zone, and when (elapsed) it was entered; `left`: nobody is there any more. */
  readonly stay?: { readonly zone: string; readonly since: number; readonly left?: true };
  /** Changes of zone that were too quick, within a minute. */
  readonly quick?: readonly QuickChange[];
  /** Milliseconds present by number of the hour, on the elapsed clock. */
  readonly hours?: Readonly<Record<string, number>>;
}

type QuickChange = readonly [from: string, to: string, elapsed: number, event: string];

/** Nobody walks into a zone and on into the next within this time. */
const QUICK_MS = 3_000;
/** So many of them within a minute: gateways whose zones meet take turns now and then. */
const QUICK_CHANGES = 3;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const DAY_MS = DAY_HOURS * HOUR_MS;

/** The shopper is in a zone. `event`: id of the fact. */
export function entered(
  before: Whereabouts,
  zone: string,
  event: string,
  now: RuleTime,
): { after: Whereabouts; suspicion?: Suspicion } {
  const { stay, quick = [] } = before;
  const after = { ...before, stay: { zone, since: now.elapsed } };
  if (!stay || stay.zone === zone || now.elapsed - stay.since > QUICK_MS) return { after };
  const recent = quick.filter(([, , at]) => now.elapsed - at <= MINUTE_MS);
  const changes: QuickChange[] = [...recent, [stay.zone, zone, now.elapsed, event]];
  if (changes.length < QUICK_CHANGES) return { after: { ...after, quick: changes } };
  const { quick: _, ...calm } = after;
  return { after: calm, suspicion: impossible(changes, now) };
}

/** The shopper is not in the zone any more. `sighted` (elapsed): whoever ages out left when last sighted. */
export function departed(before: Whereabouts, zone: string, sighted: number | undefined, now: RuleTime): Whereabouts {
  const { stay } = before;
  if (stay?.zone !== zone || stay.left) return before;
  const hours = addTo(before.hours ?? {}, stay.since, sighted ?? stay.since, now.elapsed);
  return { ...before, stay: { ...stay, left: true }, hours };
}

/** Milliseconds present within the last day, to the hour; of what `lately` left. */
export function presentLately({ stay, hours = {} }: Whereabouts, sighted: number | undefined, now: RuleTime): number {
  const all = stay && !stay.left ? addTo(hours, stay.since, sighted ?? stay.since, now.elapsed) : hours;
  return Object.values(all).reduce((sum, ms) => sum + ms, 0);
}

/** Without what is past its time. */
export function lately({ stay, quick = [], hours = {} }: Whereabouts, elapsed: number): Whereabouts {
  const recent = quick.filter(([, , at]) => elapsed - at <= MINUTE_MS);
  const firstHour = Math.floor(elapsed / HOUR_MS) - DAY_HOURS;
  const kept = Object.entries(hours).filter(([hour]) => Number(hour) > firstHour);
  return {
    ...(stay && elapsed < endOf(stay) && { stay }),
    ...(recent.length > 0 && { quick: recent }),
    ...(kept.length > 0 && { hours: Object.fromEntries(kept) }),
  };
}

/** When (elapsed) all of it is past its time. */
export function until({ stay, quick = [], hours = {} }: Whereabouts): number | undefined {
  const ends = [
    ...(stay ? [endOf(stay)] : []),
    ...quick.map(([, , at]) => at + MINUTE_MS + 1),
    ...Object.keys(hours).map((hour) => (Number(hour) + DAY_HOURS) * HOUR_MS),
  ];
  return ends.length === 0 ? undefined : Math.max(...ends);
}

function endOf({ since, left }: NonNullable<Whereabouts['stay']>): number {
  return since + (left ? QUICK_MS + 1 : DAY_MS);
}

/** Adds a stay to the hours in which it was; of a longer one only the last day counts. */
function addTo(hours: Readonly<Record<string, number>>, since: number, to: number, elapsed: number) {
  const after = { ...hours };
  const end = Math.min(to, elapsed);
  let at = Math.max(since, elapsed - DAY_MS);
  while (at < end) {
    const hour = Math.floor(at / HOUR_MS);
    const next = Math.min(end, (hour + 1) * HOUR_MS);
    after[hour] = (after[hour] ?? 0) + next - at;
    at = next;
  }
  return after;
}

function impossible(changes: readonly QuickChange[], now: RuleTime): Suspicion {
  const zones = [...new Set([...changes.map(([from]) => from), ...changes.map(([, to]) => to)])];
  const timeOf = (at: number) => new Date(now.wall - now.elapsed + at).toISOString();
  const seconds = Math.ceil((now.elapsed - (changes[0]?.[2] ?? now.elapsed) + QUICK_MS) / 1000);
  return {
    reason: 'impossible-movement',
    text: `One shopper was seen in ${zones.join(', ')} by turns within ${seconds} s, faster than anybody walks: a copied identity, or zones that overlap.`,
    evidence: { zones, changes: changes.map(([from, to, at]) => ({ from, to, time: timeOf(at) })) },
    causes: changes.map(([, , , event]) => event),
  };
}
