/**
 * Sensing state (last totals, what a shelf holds, when a device last spoke): small durable values by (kind, key),
 * cached in memory and written with the transaction that changed them.
 */
import type { Database, Statement } from 'better-sqlite3';

export class Remembered {
  readonly #select: Statement;
  readonly #upsert: Statement;
  #values = new Map<string, unknown>();
  #dirty = new Map<string, { kind: string; key: string }>();

  constructor(db: Database) {
    this.#select = db.prepare('SELECT kind, key, value FROM sensed');
    this.#upsert = db.prepare(
      'INSERT INTO sensed (kind, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
  }

  /** (Re)reads everything: at start, and after a rollback. */
  load(): void {
    this.#values = new Map();
    this.#dirty = new Map();
    for (const row of this.#select.all() as { kind: string; key: string; value: string }[]) {
      this.#values.set(`${row.kind}\0${row.key}`, JSON.parse(row.value));
    }
  }

  get(kind: string, key: string): unknown {
    return this.#values.get(`${kind}\0${key}`);
  }

  set(kind: string, key: string, value: unknown): void {
    const id = `${kind}\0${key}`;
    this.#values.set(id, value);
    this.#dirty.set(id, { kind, key });
  }

  /** Writes what changed since the last flush. */
  flush(): void {
    for (const [id, { kind, key }] of this.#dirty) this.#upsert.run(kind, key, JSON.stringify(this.#values.get(id)));
    this.#dirty.clear();
  }
}
