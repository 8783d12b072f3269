/**
 * `out/offers/shopper/<pseudonym>`: a topic that names a person. What is subscribed to or queued under such a name is
 * held in memory only, and no log shows the name. After a restart the client is told that its session is gone, so that
 * it subscribes again; everything else of the session is there.
 */
import type { SessionChange } from '../contracts/sessions.ts';

const ROOT = ['out', 'offers', 'shopper'] as const;
const MASK = '***';
/** No topic is named so: a pseudonym has no spaces where it is encoded. */
export const NAMED_FILTERS = 'out/offers/shopper/by name, in memory only';

/** Whether a topic or a filter names a person; one with wildcards alone in that place names nobody. */
export function namesPerson(topic: string): boolean {
  const levels = topic.split('/');
  if (!ROOT.every((name, index) => levels[index] === name || levels[index] === '+')) return false;
  return levels.slice(ROOT.length).some(isName);
}

/** The same for a log, where it may also be a name that no topic of ours has. */
export function maskPerson(topic: string): string {
  const levels = topic.split('/');
  const root = levels.findIndex((level) => level.toLowerCase() === 'shopper');
  const named = namesPerson(topic) ? ROOT.length - 1 : root;
  if (named < 0) return topic;
  return levels.map((level, index) => (index > named && isName(level) ? MASK : level)).join('/');
}

function isName(level: string): boolean {
  return level !== '' && level !== '+' && level !== '#';
}

/** What of a change may be written; nothing of what names a person but that there is something. */
export function withoutPersons(change: SessionChange): SessionChange[] {
  switch (change.is) {
    case 'queued':
    case 'retained':
    case 'cleared':
      return namesPerson(change.topic) ? [] : [change];
    case 'subscribed':
      return [namesPerson(change.filter) ? { ...change, filter: NAMED_FILTERS, qos: 0 } : change];
    case 'unsubscribed':
      return namesPerson(change.filter) ? [] : [change];
    default:
      return [change];
  }
}
