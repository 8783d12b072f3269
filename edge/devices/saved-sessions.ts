/**
 * The sessions that an earlier run left on disk. All their clients are away. Of one that was there when the hub ended
 * nobody knows which messages were sent: as many as may have been go again as repetitions.
 */
import type { SavedSessions } from '../contracts/sessions.ts';
import { NAMED_FILTERS } from './personal-topics.ts';
import { Session, WINDOW } from './session.ts';

export interface FormerSessions {
  /** The one whose client is gone longest first. */
  readonly sessions: Iterable<Session>;
  /** Those whose clients were there when the hub ended. */
  readonly wereThere: readonly Session[];
  /** Number of the newest message; 0: there is none. */
  readonly newest: number;
}

/** @param now monotonic ms */
export function sessionsOf(saved: SavedSessions, now: number): FormerSessions {
  const sessions = new Map<string, Session>();
  const wereThere = new Set<Session>();
  const begin = (client: string, awaySince: number): Session => {
    const session = new Session(client, true);
    session.awaySince = awaySince;
    sessions.set(client, session);
    return session;
  };
  const sent = new Map<string, number>();
  for (const { client, away, sent: newest } of saved.sessions) {
    const session = begin(client, now - (away ?? 0));
    if (away === null) wereThere.add(session);
    sent.set(client, newest);
  }
  for (const { client } of saved.handshakes) if (!sessions.has(client)) begin(client, now);
  for (const { client, filter, qos } of saved.subscriptions) {
    const session = sessions.get(client);
    if (session === undefined) continue;
    if (filter === NAMED_FILTERS) session.lostFilters = true;
    else session.subscriptions.set(filter, qos);
  }
  let newest = 0;
  for (const message of saved.queued) {
    newest = message.number;
    const session = sessions.get(message.client);
    if (session === undefined) continue;
    const maybe = wereThere.has(session) && session.size < WINDOW;
    const { buffer, byteOffset, byteLength } = message.payload;
    const payload = Buffer.from(buffer, byteOffset, byteLength);
    const isSent = maybe || message.released || newest <= (sent.get(message.client) ?? 0);
    session.restore({ ...message, payload }, isSent);
  }
  for (const session of sessions.values()) session.sent = sent.get(session.client) ?? 0;
  return { sessions: sessions.values(), wereThere: [...wereThere], newest };
}
