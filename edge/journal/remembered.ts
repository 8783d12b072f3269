/**
 * Sensing state (last totals, what a shelf holds, when a device last spoke): small durable values by (kind, key),
 * cached in memory and written with the transaction that changed them.
 *
 * Names come from outside, so they are bounded: what was not used for the longest time is forgotten. Two generations do
 * that without a clock: what is used moves to the young one, and when that is full the old one goes. Forgetting costs
 * little: a level is a fact again, a running total begins anew. A value of null is none: it is deleted at once.
 */
import type { Database, Statement } from 'better-sqlite3';

export const MAX_REMEMBERED = 100_000;
/** Rows deleted with one flush. */
const CHUNK = 500;

interface Entry {
  readonly kind: string;
  readonly key: string;
  value: unknown;
}

export interface RememberedOptions {
  /** Of these at most twice a half are kept. */
  readonly most?: number;
  /** What is never forgotten. */
  readonly keeps?: (kind: string, key: string) => boolean;
}

export class Remembered {
  readonly #select: Statement;
  readonly #upsert: Statement;
  readonly #delete: Statement;
  readonly #half: number;
  readonly #keeps: (kind: string, key: string) => boolean;
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #dirty = new Map<string, Entry>();
  #leaving = new Map<string, Entry>();
  /** Deleted with the next flush, all of them. */
  #removed = new Map<string, Omit<Entry, 'value'>>();
  /** Values forgotten since start. */
  forgotten = 0;

  constructor(db: Database, { most = MAX_REMEMBERED, keeps = () => false }: RememberedOptions = {}) {
    this.#half = Math.ceil(most / 2);
    this.#keeps = keeps;
    this.#select = db.prepare('SELECT kind, key, value FROM sensed');
    this.#upsert = db.prepare(
      'INSERT INTO sensed (kind, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    this.#delete = db.prepare('DELETE FROM sensed WHERE kind = ? AND key = ?');
  }

  /** (Re)reads everything: at start, and after a rollback. */
  load(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#dirty = new Map();
    this.#leaving = new Map();
    this.#removed = new Map();
    for (const { kind, key, value } of this.#select.all() as { kind: string; key: string; value: string }[]) {
      const id = `${kind}\0${key}`;
      if (value === 'null') this.#removed.set(id, { kind, key });
      else this.#old.set(id, { kind, key, value: JSON.parse(value) });
    }
  }

  get(kind: string, key: string): unknown {
    const id = `${kind}\0${key}`;
    const young = this.#young.get(id);
    if (young) return young.value;
    const old = this.#old.get(id);
    if (!old) return undefined;
    this.#old.delete(id);
    this.#keep(id, old);
    return old.value;
  }

  /** Of everything of a kind; it looks at all that is remembered. */
  keys(kind: string): string[] {
    return [...this.#young.values(), ...this.#old.values()].flatMap((entry) => (entry.kind === kind ? entry.key : []));
  }

  /** Null: there is nothing to remember any more. */
  set(kind: string, key: string, value: unknown): void {
    const id = `${kind}\0${key}`;
    if (value === null) {
      for (const held of [this.#young, this.#old, this.#dirty, this.#leaving]) held.delete(id);
      this.#removed.set(id, { kind, key });
      return;
    }
    this.#removed.delete(id);
    let entry = this.#young.get(id);
    if (entry) {
      entry.value = value;
    } else {
      entry = { kind, key, value };
      this.#old.delete(id);
      this.#leaving.delete(id);
      this.#keep(id, entry);
    }
    this.#dirty.set(id, entry);
  }

  /** Writes what changed since the last flush, deletes what was removed, and some of what was forgotten. */
  flush(): void {
    for (const { kind, key, value } of this.#dirty.values()) this.#upsert.run(kind, key, JSON.stringify(value));
    this.#dirty.clear();
    for (const { kind, key } of this.#removed.values()) this.#delete.run(kind, key);
    this.#removed.clear();
    let left = CHUNK;
    for (const [id, { kind, key }] of this.#leaving) {
      if (left === 0) return;
      left -= 1;
      this.#delete.run(kind, key);
      this.#leaving.delete(id);
    }
  }

  #keep(id: string, entry: Entry): void {
    this.#young.set(id, entry);
    if (this.#young.size > this.#half) this.#age();
  }

  #age(): void {
    const gone = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    for (const [id, entry] of gone) {
      if (this.#keeps(entry.kind, entry.key)) {
        this.#young.set(id, entry);
        continue;
      }
      this.#leaving.set(id, entry);
      this.forgotten += 1;
      this.#dirty.delete(id);
    }
  }
}
