/**
 * The broker's memory on disk: sessions with their subscriptions and queued messages, retained messages, and QoS 2
 * publishes that are not released yet. The door holds the same in memory and is the one who decides; here is only what
 * a restart must not forget.
 */
import type { Database, Statement } from 'better-sqlite3';
import type {
  Handshake,
  KeptSession,
  KeptSubscription,
  QueuedMessage,
  RetainedMessage,
  SavedSessions,
  SessionChange,
} from '../contracts/sessions.ts';
import type { Now } from './elapsed-clock.ts';

const STATEMENTS = {
  note: 'INSERT INTO handshakes (client, packet, elapsed) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET elapsed = excluded.elapsed',
  release: 'DELETE FROM handshakes WHERE client = ? AND packet = ?',
  forgetHandshakes: 'DELETE FROM handshakes WHERE client = ?',
  session:
    'INSERT INTO sessions (client, gone, sent) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET gone = excluded.gone, sent = excluded.sent',
  endSession: 'DELETE FROM sessions WHERE client = ?',
  endSubscriptions: 'DELETE FROM subscriptions WHERE client = ?',
  endQueue: 'DELETE FROM queued WHERE client = ?',
  subscribe:
    'INSERT INTO subscriptions (client, filter, qos) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qos = excluded.qos',
  unsubscribe: 'DELETE FROM subscriptions WHERE client = ? AND filter = ?',
  queue:
    'INSERT OR REPLACE INTO queued (number, client, packet, qos, released, retain, topic, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  halfWay: "UPDATE queued SET released = 1, topic = '', payload = x'' WHERE number = ?",
  unqueue: 'DELETE FROM queued WHERE number = ?',
  retain:
    'INSERT INTO retained (topic, qos, payload) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qos = excluded.qos, payload = excluded.payload',
  clear: 'DELETE FROM retained WHERE topic = ?',
} as const;

export class SessionStore {
  readonly #db: Database;
  readonly #run: Readonly<Record<keyof typeof STATEMENTS, Statement>>;

  constructor(db: Database) {
    this.#db = db;
    const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)]);
    this.#run = Object.fromEntries(prepared) as Record<keyof typeof STATEMENTS, Statement>;
  }

  /** In the transaction of what the publish brought. */
  note(handshake: Handshake, now: Now): void {
    this.#run.note.run(handshake.client, handshake.packet, now.elapsed);
  }

  apply(changes: readonly SessionChange[], now: Now): void {
    for (const change of changes) this.#apply(change, now);
  }

  #apply(change: SessionChange, now: Now): void {
    const run = this.#run;
    switch (change.is) {
      case 'noted':
        this.note(change, now);
        return;
      case 'released':
        run.release.run(change.client, change.packet);
        return;
      case 'handshakes-forgotten':
        run.forgetHandshakes.run(change.client);
        return;
      case 'session':
        run.session.run(change.client, change.away === null ? null : now.elapsed - change.away, change.sent);
        return;
      case 'session-ended':
        for (const end of [run.forgetHandshakes, run.endSubscriptions, run.endQueue, run.endSession]) {
          end.run(change.client);
        }
        return;
      case 'subscribed':
        run.subscribe.run(change.client, change.filter, change.qos);
        return;
      case 'unsubscribed':
        run.unsubscribe.run(change.client, change.filter);
        return;
      case 'queued': {
        const { number, client, packet, qos, released, retain, topic, payload } = change;
        run.queue.run(number, client, packet, qos, released ? 1 : 0, retain ? 1 : 0, topic, payload);
        return;
      }
      case 'half-way':
        run.halfWay.run(change.number);
        return;
      case 'unqueued':
        run.unqueue.run(change.number);
        return;
      case 'retained':
        run.retain.run(change.topic, change.qos, change.payload);
        return;
      case 'cleared':
        run.clear.run(change.topic);
        return;
      case 'all-anew':
        this.#db.exec('DELETE FROM sessions; DELETE FROM subscriptions; DELETE FROM queued; DELETE FROM retained');
    }
  }

  saved(now: Now): SavedSessions {
    const all = <Row>(sql: string) => this.#db.prepare(sql).all() as Row[];
    return {
      handshakes: all<Handshake & { elapsed: number }>(
        'SELECT client, packet, elapsed FROM handshakes ORDER BY elapsed',
      ).map(({ client, packet, elapsed }) => ({ client, packet, age: now.elapsed - elapsed })),
      // Those whose end nobody wrote down went last.
      sessions: all<Omit<KeptSession, 'away'> & { gone: number | null }>(
        'SELECT client, gone, sent FROM sessions ORDER BY gone IS NULL, gone',
      ).map(({ client, gone, sent }) => ({ client, sent, away: gone === null ? null : now.elapsed - gone })),
      subscriptions: all<KeptSubscription>('SELECT client, filter, qos FROM subscriptions'),
      queued: all<Omit<QueuedMessage, 'released' | 'retain'> & { released: number; retain: number }>(
        'SELECT number, client, packet, qos, released, retain, topic, payload FROM queued ORDER BY number',
      ).map((row) => ({ ...row, released: row.released === 1, retain: row.retain === 1 })),
      retained: all<RetainedMessage>('SELECT topic, qos, payload FROM retained'),
    };
  }
}
