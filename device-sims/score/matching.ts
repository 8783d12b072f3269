/**
 * Matching: which true episode (a gap of a shelf, an excursion of a fridge) was found by which alert. Written so that
 * nobody wins by being lenient: an alert finds one episode, the one in which it was raised, and every episode and every
 * alert is judged exactly once.
 *
 * Subject by subject, in order of time:
 * 1. An alert belongs to the episode in which it was raised: at or after the episode began, and before it ended or at
 *    most `after` later (a sensor reports late). One raised before the beginning foresaw nothing: it is false.
 * 2. The first alert of an episode found it; the time to find is from the beginning to the raising. Each further one
 *    for the same episode is a repeat: counted apart, and against precision like a false one.
 * 3. An alert of no episode is false.
 * 4. An alert that was raised in an earlier episode and stands still does not find the next one: who never closes an
 *    alert finds nothing more.
 * 5. An episode shorter than `brief` need not be found. It is not counted, neither as found nor as missed, and neither
 *    is its first alert; repeats are.
 * 6. All other episodes without an alert are missed, also those that had not ended when the ledger did.
 * 7. An alert that stands while there is no episode is stale from `after` on; the hours are summed. It is not an error
 *    of its own, but it is told: staff walk there in vain.
 */

/** A time in which something truly was so; ms of the simulated clock. */
export interface Episode {
  readonly subject: string;
  readonly began: number;
  /** Absent: it had not ended when the ledger did. */
  readonly ended?: number | undefined;
}

/** A time in which the hub said so. */
export interface Alarm {
  readonly subject: string;
  readonly raised: number;
  readonly ended?: number | undefined;
}

export interface MatchingRules {
  /** An episode shorter than this need not be found, ms. */
  readonly brief: number;
  /** So long after the end of an episode an alert may still be about it, ms. */
  readonly after: number;
  /** When the ledger ends. */
  readonly until: number;
}

export interface Matched {
  /** Episodes that are judged: found and missed. */
  readonly episodes: number;
  readonly found: number;
  readonly missed: number;
  readonly false: number;
  readonly repeated: number;
  /** Too short to be judged. */
  readonly brief: number;
  /** Seconds from the beginning to the alert, of each that was found, ascending. */
  readonly secondsToFind: readonly number[];
  /** Hours in which alerts stood without reason. */
  readonly staleHours: number;
}

const MS_PER_HOUR = 3_600_000;

export function match(episodes: readonly Episode[], alarms: readonly Alarm[], rules: MatchingRules): Matched {
  const bySubject = new Map<string, { episodes: Episode[]; alarms: Alarm[] }>();
  const of = (subject: string): { episodes: Episode[]; alarms: Alarm[] } => {
    const known = bySubject.get(subject) ?? { episodes: [], alarms: [] };
    bySubject.set(subject, known);
    return known;
  };
  for (const episode of episodes) of(episode.subject).episodes.push(episode);
  for (const alarm of alarms) of(alarm.subject).alarms.push(alarm);
  const sum = { found: 0, missed: 0, false: 0, repeated: 0, brief: 0, stale: 0 };
  const secondsToFind: number[] = [];
  for (const subject of bySubject.values()) {
    subject.episodes.sort((a, b) => a.began - b.began);
    subject.alarms.sort((a, b) => a.raised - b.raised);
    const found = new Set<Episode>();
    for (const alarm of subject.alarms) {
      sum.stale += staleMs(alarm, subject.episodes, rules);
      const episode = episodeOf(alarm, subject.episodes, rules);
      if (episode === undefined) sum.false += 1;
      else if (found.has(episode)) sum.repeated += 1;
      else {
        found.add(episode);
        if (!isBrief(episode, rules)) secondsToFind.push((alarm.raised - episode.began) / 1000);
      }
    }
    for (const episode of subject.episodes) {
      if (isBrief(episode, rules)) sum.brief += 1;
      else if (found.has(episode)) sum.found += 1;
      else sum.missed += 1;
    }
  }
  const { stale, ...counts } = sum;
  return {
    ...counts,
    episodes: sum.found + sum.missed,
    secondsToFind: secondsToFind.sort((a, b) => a - b),
    staleHours: stale / MS_PER_HOUR,
  };
}

/** The latest episode that had begun when the alert was raised, if it was not long over. */
function episodeOf({ raised }: Alarm, episodes: readonly Episode[], { after }: MatchingRules): Episode | undefined {
  const latest = episodes.findLast(({ began }) => began <= raised);
  if (latest === undefined) return undefined;
  return latest.ended === undefined || raised <= latest.ended + after ? latest : undefined;
}

function isBrief({ began, ended }: Episode, { brief, until }: MatchingRules): boolean {
  return (ended ?? until) - began < brief;
}

/** Time in which the alert stood and no episode was there, nor one that ended less than `after` before. */
function staleMs(alarm: Alarm, episodes: readonly Episode[], { after, until }: MatchingRules): number {
  let at = alarm.raised;
  const end = Math.min(alarm.ended ?? until, until);
  let stale = 0;
  for (const { began, ended } of episodes) {
    const over = (ended ?? until) + after;
    if (over <= at) continue;
    if (began >= end) break;
    stale += Math.max(0, began - at);
    at = Math.max(at, over);
    if (at >= end) return stale;
  }
  return stale + Math.max(0, end - at);
}

/** The value below which this share of an ascending list lies (nearest rank); nothing of an empty one. */
export function quantile(ascending: readonly number[], share: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)];
}
