/**
 * Matching: which true episode (a gap of a shelf, an excursion of a fridge) was found by which alert. Written so that
 * nobody wins by being lenient: an alert finds one episode at the most, and every episode and every alert is judged
 * exactly once.
 *
 * Subject by subject, in order of time:
 *  1. An alert belongs to the episode in which it was raised: at or after the episode began, and before it ended or at
 *     most `after` later (a sensor reports late).
 *  2. One raised before the beginning foresaw nothing, unless the episode has a forewarning that truly was there: raised
 *     at or after it, and still standing when the episode begins, it found the episode, in 0 seconds. It cannot gain by
 *     being early, and who takes it back in between foresaw nothing.
 *  3. The first alert of an episode found it; the time to find is from the beginning to the raising. Each further one
 *     for the same episode is a repeat: counted apart, and against precision like a false one.
 *  4. An alert of no episode is excused if what it warns of truly was there for long enough (an `Excuse`) and it still
 *     stood when that was so. The first of an excuse only: further ones are repeats. It is no find, and not false.
 *  5. All other alerts are false.
 *  6. An alert that was raised in an earlier episode and stands still does not find the next one: who never closes an
 *     alert finds nothing more.
 *  7. An episode shorter than `brief` need not be found. It is not counted, neither as found nor as missed, and neither
 *     is its first alert; repeats are.
 *  8. All other episodes without an alert are missed, also those that had not ended when the ledger did.
 *  9. An alert that stands while there is no episode is stale from `after` on; the hours are summed. It is not an error
 *     of its own, but it is told: staff walk there in vain.
 * 10. A raising under the id of an alert that stands is one more alert. One that is opened again is one more call: calls
 *     are what staff hear, and are told for each true episode, brief ones included.
 * 11. What was before the hub could see anything is cut off at `from`: an episode that goes on begins there, and an alert
 *     that stands is raised there. Alerts raised more than `after` behind the end of the ledger are not judged: nobody
 *     knows what was true then.
 */

/** A time in which something truly was so; ms of the simulated clock. */
export interface Episode {
  readonly subject: string;
  readonly began: number;
  /** Absent: it had not ended when the ledger did. */
  readonly ended?: number | undefined;
  /** From when on it could truly be foreseen; absent: it could not. */
  readonly foretold?: number | undefined;
}

/** A time in which an alert is no lie, though nothing came of it. */
export interface Excuse {
  readonly subject: string;
  readonly from: number;
  /** When it had lasted long enough: the alert must stand then. */
  readonly ripe: number;
  readonly until: number;
}

/** A time in which the hub said so. */
export interface Alarm {
  readonly subject: string;
  readonly raised: number;
  readonly ended?: number | undefined;
  /** So often was it opened again while it stood. */
  readonly reopened?: number | undefined;
}

export interface MatchingRules {
  /** An episode shorter than this need not be found, ms. */
  readonly brief: number;
  /** So long after the end of an episode an alert may still be about it, ms. */
  readonly after: number;
  /** When the hub began to see; absent: with the ledger. */
  readonly from?: number | undefined;
  /** When the ledger ends. */
  readonly until: number;
  readonly excuses?: readonly Excuse[] | undefined;
}

export interface Judged {
  readonly episode: Episode;
  /** From its beginning to the alert; absent: nobody found it. */
  readonly seconds?: number | undefined;
}

export interface Matched {
  /** Episodes that are judged: found and missed. */
  readonly episodes: number;
  readonly found: number;
  readonly missed: number;
  readonly false: number;
  readonly repeated: number;
  readonly excused: number;
  /** Too short to be judged. */
  readonly brief: number;
  /** Raisings and reopenings. */
  readonly calls: number;
  /** Seconds from the beginning to the alert, of each that was found, ascending. */
  readonly secondsToFind: readonly number[];
  /** Hours in which alerts stood without reason. */
  readonly staleHours: number;
  /** The episodes that count, each with how it was found. */
  readonly judged: readonly Judged[];
}

interface Subject {
  readonly episodes: Episode[];
  readonly alarms: Alarm[];
  readonly excuses: Excuse[];
}

const MS_PER_HOUR = 3_600_000;

export function match(episodes: readonly Episode[], alarms: readonly Alarm[], rules: MatchingRules): Matched {
  const sum = { false: 0, repeated: 0, excused: 0, brief: 0, calls: 0, stale: 0 };
  const judged: Judged[] = [];
  for (const subject of bySubject(episodes, alarms, rules)) {
    const found = new Map<Episode, number>();
    const used = new Set<Excuse>();
    for (const alarm of subject.alarms) {
      sum.calls += 1 + (alarm.reopened ?? 0);
      sum.stale += staleMs(alarm, subject, rules);
      const episode = episodeOf(alarm, subject, rules);
      const excuse = episode === undefined ? excuseOf(alarm, subject) : undefined;
      if (episode === undefined && excuse === undefined) sum.false += 1;
      else if ((episode && found.has(episode)) || (excuse && used.has(excuse))) sum.repeated += 1;
      else if (episode) found.set(episode, Math.max(0, alarm.raised - episode.began) / 1000);
      else if (excuse) {
        used.add(excuse);
        sum.excused += 1;
      }
    }
    for (const episode of subject.episodes) {
      if (isBrief(episode, rules)) sum.brief += 1;
      else judged.push({ episode, seconds: found.get(episode) });
    }
  }
  const { stale, ...counts } = sum;
  const seconds = judged.flatMap((one) => (one.seconds === undefined ? [] : [one.seconds]));
  return {
    ...counts,
    episodes: judged.length,
    found: seconds.length,
    missed: judged.length - seconds.length,
    secondsToFind: seconds.sort((a, b) => a - b),
    staleHours: stale / MS_PER_HOUR,
    judged,
  };
}

/** What is known of each, in order of time, cut off where the hub could not see. */
function bySubject(episodes: readonly Episode[], alarms: readonly Alarm[], rules: MatchingRules): Iterable<Subject> {
  const { from = Number.NEGATIVE_INFINITY, until, after, excuses = [] } = rules;
  const subjects = new Map<string, Subject>();
  const of = (name: string): Subject => {
    const known = subjects.get(name) ?? { episodes: [], alarms: [], excuses: [] };
    subjects.set(name, known);
    return known;
  };
  for (const episode of episodes)
    if ((episode.ended ?? until) > from)
      of(episode.subject).episodes.push(episode.began < from ? { ...episode, began: from } : episode);
  for (const alarm of alarms) {
    if ((alarm.ended ?? until) < from || alarm.raised > until + after) continue;
    of(alarm.subject).alarms.push(alarm.raised < from ? { ...alarm, raised: from } : alarm);
  }
  for (const excuse of excuses) of(excuse.subject).excuses.push(excuse);
  for (const subject of subjects.values()) {
    subject.episodes.sort((a, b) => a.began - b.began);
    subject.alarms.sort((a, b) => a.raised - b.raised);
  }
  return subjects.values();
}

/** The latest that had begun when the alert was raised, if it was not long over; or the next one, if it foresaw that. */
function episodeOf({ raised, ended }: Alarm, { episodes }: Subject, { after }: MatchingRules): Episode | undefined {
  const latest = episodes.findLast(({ began }) => began <= raised);
  if (latest !== undefined && (latest.ended === undefined || raised <= latest.ended + after)) return latest;
  const next = episodes.find(({ began }) => began > raised);
  if (next?.foretold === undefined || raised < next.foretold) return undefined;
  return ended === undefined || ended >= next.began ? next : undefined;
}

function excuseOf({ raised, ended }: Alarm, { excuses }: Subject): Excuse | undefined {
  return excuses.find(
    ({ from, ripe, until }) => raised >= from && raised <= until && (ended === undefined || ended >= ripe),
  );
}

function isBrief({ began, ended }: Episode, { brief, until }: MatchingRules): boolean {
  return (ended ?? until) - began < brief;
}

/** Time in which the alert stood and no episode was there, nor one that ended less than `after` before, nor an excuse. */
function staleMs(alarm: Alarm, { episodes, excuses }: Subject, { after, until }: MatchingRules): number {
  const reasons = episodes.map(({ began, ended }) => ({ from: began, over: (ended ?? until) + after }));
  for (const excuse of excuses) reasons.push({ from: excuse.from, over: excuse.until });
  reasons.sort((a, b) => a.from - b.from);
  let at = alarm.raised;
  const end = Math.min(alarm.ended ?? until, until);
  let stale = 0;
  for (const { from, over } of reasons) {
    if (over <= at) continue;
    if (from >= end) break;
    stale += Math.max(0, from - at);
    at = Math.max(at, over);
    if (at >= end) return stale;
  }
  return stale + Math.max(0, end - at);
}

/** The value below which this share of an ascending list lies (nearest rank); nothing of an empty one. */
export function quantile(ascending: readonly number[], share: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)];
}
