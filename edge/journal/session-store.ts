/**
 * The broker's memory on disk: QoS 2 publishes that are not released yet. The door holds the same in memory and is the
 * one who decides; here is only what a restart must not forget.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Handshake, SavedSessions, SessionChange } from '../contracts/sessions.ts';
import type { Now } from './elapsed-clock.ts';

export class SessionStore {
  readonly #note: Statement;
  readonly #release: Statement;
  readonly #forgetHandshakes: Statement;
  readonly #handshakes: Statement;

  constructor(db: Database) {
    this.#note = db.prepare(
      'INSERT INTO handshakes (client, packet, elapsed) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET elapsed = excluded.elapsed',
    );
    this.#release = db.prepare('DELETE FROM handshakes WHERE client = ? AND packet = ?');
    this.#forgetHandshakes = db.prepare('DELETE FROM handshakes WHERE client = ?');
    this.#handshakes = db.prepare('SELECT client, packet, elapsed FROM handshakes ORDER BY elapsed');
  }

  /** In the transaction of what the publish brought. */
  note(handshake: Handshake, now: Now): void {
    this.#note.run(handshake.client, handshake.packet, now.elapsed);
  }

  apply(changes: readonly SessionChange[]): void {
    for (const change of changes) {
      if (change.is === 'released') this.#release.run(change.client, change.packet);
      else this.#forgetHandshakes.run(change.client);
    }
  }

  saved(now: Now): SavedSessions {
    const rows = this.#handshakes.all() as { client: string; packet: number; elapsed: number }[];
    return {
      handshakes: rows.map(({ client, packet, elapsed }) => ({ client, packet, age: now.elapsed - elapsed })),
    };
  }
}
