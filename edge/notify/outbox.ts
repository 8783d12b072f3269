/**
 * The outbox: what must go out is a row written with the decision that causes it, and leaves after it was delivered.
 * So a crash repeats a message, with the same content, and never loses one.
 */
import type { Database, Statement } from 'better-sqlite3';

export interface OutMessage {
  readonly id: number;
  readonly topic: string;
  /** Empty clears a retained message. */
  readonly payload: string;
  readonly retain: boolean;
}

export class Outbox {
  readonly #insert: Statement;
  readonly #all: Statement;
  readonly #remove: Statement;
  readonly #removeTo: Statement;

  /** Of a stored topic the one that it leaves with; nothing: to nobody any more. */
  readonly #addressed: (topic: string) => string | undefined;

  constructor(db: Database, addressed: (topic: string) => string | undefined = (topic) => topic) {
    this.#addressed = addressed;
    this.#insert = db.prepare('INSERT INTO outbox (topic, payload, retain) VALUES (?, ?, ?)');
    this.#all = db.prepare('SELECT id, topic, payload, retain FROM outbox ORDER BY id');
    this.#remove = db.prepare('DELETE FROM outbox WHERE id = ?');
    this.#removeTo = db.prepare('DELETE FROM outbox WHERE topic = ?');
  }

  add(topic: string, payload: string, retain: boolean): OutMessage {
    const { lastInsertRowid } = this.#insert.run(topic, payload, retain ? 1 : 0);
    return { id: Number(lastInsertRowid), topic: this.#addressed(topic) ?? topic, payload, retain };
  }

  /** What was not confirmed yet, oldest first. */
  waiting(): OutMessage[] {
    const rows = this.#all.all() as { id: number; topic: string; payload: string; retain: number }[];
    return rows.flatMap((row) => {
      const topic = this.#addressed(row.topic);
      if (topic !== undefined) return [{ ...row, topic, retain: row.retain === 1 }];
      this.remove([row.id]);
      return [];
    });
  }

  /** What waits for a topic, as it is stored, is not sent any more. */
  removeTo(topic: string): void {
    this.#removeTo.run(topic);
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#remove.run(id);
  }
}
