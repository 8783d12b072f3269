/**
 * The look at the journal while the hub is idle, at most once a day: a disk forgets in silence, and what nobody reads
 * would be found damaged only when it is needed. Read on a connection of its own, in slices of a millisecond or two
 * with pauses ten times as long, each a transaction of its own, so that it neither slows the hub nor holds the
 * write-ahead log. Whoever met an error while reading asks for it at once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import { isDamage, messageOf } from '../contracts/errors.ts';
import { type Database, JOURNAL_FILE } from './database.ts';
import { writeDurably } from './durable-file.ts';

export interface JournalCheckOptions {
  readonly dataDir: string;
  /** Whether the hub has little to do now. */
  readonly isIdle: () => boolean;
  readonly onDamage: (cause: string) => void;
  readonly onSound: (rows: number) => void;
  /** Milliseconds between two checks, default a day; and from the start to the first look, default ten minutes. */
  readonly everyMs?: number;
  readonly firstMs?: number;
}

const DAY_MS = 86_400_000;
const FIRST_MS = 600_000;
const LOOK_MS = 60_000;
const BUSY_MS = 1000;
const ROWS = 250;
const LEAST_PAUSE_MS = 5;
/** A pause is so many times as long as the slice before it; when it was asked for, as long. */
const CALM = 10;
const CHECKED_FILE = 'journal.checked';

export class JournalCheck {
  readonly #options: JournalCheckOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #urgent = false;

  constructor(options: JournalCheckOptions) {
    this.#options = options;
  }

  start(): void {
    const { everyMs = DAY_MS, firstMs = FIRST_MS } = this.#options;
    const look = (): void => {
      if (this.#options.isIdle() && Date.now() - this.#lastMs() >= everyMs) this.#run();
      this.#timer = setTimeout(look, Math.min(LOOK_MS, everyMs));
      this.#timer.unref();
    };
    this.#timer = setTimeout(look, firstMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  /** Somebody met an error: looks now, idle or not. */
  soon(): void {
    this.#urgent = true;
    this.#run();
  }

  #run(): void {
    this.#running ??= this.#check().finally(() => {
      this.#running = undefined;
      this.#urgent = false;
    });
  }

  async #check(): Promise<void> {
    const { dataDir, onDamage, onSound } = this.#options;
    let db: Database | undefined;
    try {
      db = new SQLite(join(dataDir, JOURNAL_FILE), { readonly: true, fileMustExist: true, timeout: 2000 });
      const rows = await this.#all(db);
      if (this.#stopping.signal.aborted) return;
      writeDurably(join(dataDir, CHECKED_FILE), `${new Date().toISOString()}\n`);
      onSound(rows);
    } catch (error) {
      // Any other error says nothing about the journal; the next look tries again.
      if (error instanceof Unsound || isDamage(error)) onDamage(messageOf(error));
    } finally {
      db?.close();
    }
  }

  async #all(db: Database): Promise<number> {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
    let rows = 0;
    for (const table of tables) {
      if (table.startsWith('events_')) rows += await this.#events(db, table);
      else await this.#slice(() => soundTable(db, table));
    }
    return rows;
  }

  async #events(db: Database, table: string): Promise<number> {
    const read = db.prepare(
      `SELECT max(position) AS last, count(*) AS rows, sum(json_valid(data)) AS sound
       FROM (SELECT position, data FROM "${table}" WHERE position > ? ORDER BY position LIMIT ${ROWS})`,
    );
    // What comes meanwhile is left for the next time, or a writer could keep it busy for ever.
    const end = (db.prepare(`SELECT max(position) FROM "${table}"`).pluck().get() as number | null) ?? 0;
    let rows = 0;
    for (let after = 0; after < end; ) {
      const found = await this.#slice(() => read.get(after) as { last: number | null; rows: number; sound: number });
      if (!found || found.last === null) return rows;
      if (found.sound !== found.rows) throw new Unsound(`${table} holds data that is none, before ${found.last}`);
      if (found.last <= after) throw new Unsound(`${table} is out of order at ${found.last}`);
      rows += found.rows;
      after = found.last;
    }
    return rows;
  }

  /** Undefined when it must stop. */
  async #slice<T>(work: () => T): Promise<T | undefined> {
    const { signal } = this.#stopping;
    while (!this.#urgent && !this.#options.isIdle() && !signal.aborted) await rest(BUSY_MS, signal);
    if (signal.aborted) return undefined;
    const begun = performance.now();
    const result = work();
    const took = performance.now() - begun;
    await rest(Math.max(LEAST_PAUSE_MS, took * (this.#urgent ? 1 : CALM)), signal);
    return result;
  }

  #lastMs(): number {
    try {
      return Date.parse(readFileSync(join(this.#options.dataDir, CHECKED_FILE), 'utf8').trim()) || 0;
    } catch {
      return 0;
    }
  }
}

/** Read without an error, and yet not what was written. */
class Unsound extends Error {}

function soundTable(db: Database, table: string): void {
  const [first] = db.pragma(`quick_check("${table}")`) as { quick_check: string }[];
  if (first && first.quick_check !== 'ok') throw new Unsound(`${table}: ${first.quick_check}`);
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
