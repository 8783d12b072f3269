/**
 * Flags of one key, at most one of each kind an hour: the first at once, what follows within the hour is counted and
 * told when the hour is over: how often (`count`), at which tills, and the latest evidence. So nothing is dropped, and a
 * flood of abuse is no flood of events.
 */
import type { FLAGS } from '../contracts/offers.ts';
import type { Decision, RuleTime } from './rule.ts';

export type Flag = (typeof FLAGS)[number];

/** Something that looks like abuse. Its evidence names no shopper: it may wait in a row that no erasure finds. */
export interface Suspicion {
  readonly reason: Flag;
  /** One sentence for a manager. */
  readonly text: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  /** Where it was. */
  readonly till?: string;
  readonly campaign?: string | undefined;
  readonly offer?: string | undefined;
  /** Ids of the events that show it. */
  readonly causes: readonly string[];
}

/** What was flagged less than an hour ago. */
export type Told = Readonly<Partial<Record<Flag, Telling>>>;

interface Telling {
  /** Elapsed, when it was flagged. */
  readonly at: number;
  /** How often it was suspected since, and the latest. */
  readonly more: number;
  readonly latest?: Suspicion;
  /** Where it was suspected since, at most MOST_TILLS. */
  readonly tills?: readonly string[];
}

const HOUR_MS = 3_600_000;
const MOST_TILLS = 20;

/** Whom flags of a key concern. */
export interface Concerned {
  readonly subject: string;
  readonly shopper?: string;
  readonly device?: string;
}

/** Flags what is new, counts what is not, and flags what was counted when its hour is over. */
export function tell(
  told: Told,
  suspicions: readonly Suspicion[],
  concerned: Concerned,
  now: RuleTime,
): { told: Told; decisions: readonly Decision[] } {
  const after = new Map(Object.entries(told) as [Flag, Telling][]);
  const decisions: Decision[] = [];
  const flag = (suspicion: Suspicion): void => {
    decisions.push(flagged(suspicion, concerned));
    after.set(suspicion.reason, { at: now.elapsed, more: 0 });
  };
  for (const [reason, { at, more, latest, tills = [] }] of after) {
    if (now.elapsed < at + HOUR_MS) continue;
    after.delete(reason);
    if (latest) flag(summary(latest, more, tills));
  }
  for (const suspicion of suspicions) {
    const before = after.get(suspicion.reason);
    if (!before) flag(suspicion);
    else after.set(suspicion.reason, another(before, suspicion));
  }
  return { told: Object.fromEntries(after), decisions };
}

/** When (elapsed) the first of the hours is over; nothing: none runs. */
export function tellingAt(told: Told): number | undefined {
  const ends = Object.values(told).map(({ at }) => at + HOUR_MS);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function another({ at, more, tills = [] }: Telling, latest: Suspicion): Telling {
  const { till } = latest;
  const isNew = till !== undefined && !tills.includes(till) && tills.length < MOST_TILLS;
  const known = isNew ? [...tills, till] : tills;
  return { at, more: more + 1, latest, ...(known.length > 0 && { tills: known }) };
}

/** What was counted within an hour after a flag. */
function summary(latest: Suspicion, count: number, tills: readonly string[]): Suspicion {
  const evidence = { ...latest.evidence, count, ...(tills.length > 0 && { tills }) };
  return { ...latest, text: `${latest.text} ${count} more within an hour.`, evidence };
}

function flagged(suspicion: Suspicion, { subject, shopper, device }: Concerned): Decision {
  const { reason, text, evidence, campaign, offer, causes } = suspicion;
  const data = {
    ...{ reason, text, evidence },
    ...(shopper !== undefined && { shopper }),
    ...(device !== undefined && { device }),
    ...(campaign !== undefined && { campaign }),
    ...(offer !== undefined && { offer }),
  };
  return { type: 'retail.offers.flagged.v1', subject, data, causes };
}
