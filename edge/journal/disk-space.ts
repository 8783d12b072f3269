/**
 * The disk budget: how much of it is used, when the least valuable has to go, and how full it is of what head office
 * does not have. What counts is used pages and the write-ahead log up to its ordinary length: a longer one is the work
 * of a reader that stays too long, and dropping events would only make it grow.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { checkpoint, type Database, JOURNAL_FILE, walBytesOf } from './database.ts';
import { type Evicted, Eviction, type Held } from './eviction.ts';

/** The log's size on disk is looked at this often, ms. */
const MEASURE_MS = 200;
/** How full it is of what is not acknowledged, this often. */
const FILL_MS = 1000;
/** A long write-ahead log is cut at most this often. */
const CUT_MS = 1000;
/** What goes in one transaction, and how far below the budget eviction goes before it rests. */
const SMALLEST_CHUNK = 64 * 1024;
const LARGEST_CHUNK = 4 * 1024 * 1024;
const LARGEST_SLACK = 64 * 1024 * 1024;

/** From here on staff are told, and until here they stay told. Shares of the budget. */
const HIGH = 0.9;
const LOW = 0.85;

export class DiskSpace {
  readonly #db: Database;
  readonly #wal: string;
  readonly #budget: number;
  readonly #walLimit: number;
  readonly #chunk: number;
  readonly #slack: number;
  readonly #eviction: Eviction;
  readonly #pages: Statement;
  readonly #freePages: Statement;
  readonly #pageBytes: number;
  usedBytes = 0;
  walBytes = 0;
  /** What head office does not have, as a share of the budget. */
  filled = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #filledAt = Number.NEGATIVE_INFINITY;
  #cutAt = Number.NEGATIVE_INFINITY;
  #evicting = false;

  constructor(db: Database, dataDir: string, budget: number) {
    this.#db = db;
    this.#wal = join(dataDir, `${JOURNAL_FILE}-wal`);
    this.#budget = budget;
    this.#walLimit = 2 * walBytesOf(budget);
    this.#chunk = Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, Math.floor(budget / 64)));
    this.#slack = Math.min(LARGEST_SLACK, Math.floor(budget / 16));
    this.#eviction = new Eviction(db);
    this.#pages = db.prepare('PRAGMA page_count').pluck();
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck();
    this.#pageBytes = Number(db.pragma('page_size', { simple: true }));
  }

  get isOver(): boolean {
    return this.#counted > this.#budget;
  }

  /** Eviction begins over the budget and goes on until there is some room, so that it does not run with each batch. */
  get wantsRoom(): boolean {
    if (this.isOver) this.#evicting = true;
    else if (this.#counted <= this.#budget - this.#slack) this.#evicting = false;
    return this.#evicting;
  }

  /** Looks how much is used; at the log on the disk only now and then. Monotonic ms. */
  measure(now: number): void {
    this.#measurePages();
    if (now - this.#measuredAt < MEASURE_MS) return;
    this.#measuredAt = now;
    this.walBytes = statSync(this.#wal, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Lets one chunk go. Must run in a transaction. */
  evict(held: Held): Evicted {
    const evicted = this.#eviction.evict(this.#chunk, held);
    this.#measurePages();
    // Nothing more may go, and it is enough: until it is over the budget again there is nothing to be done.
    if (!evicted.any && !this.isOver) this.#evicting = false;
    return evicted;
  }

  /** Lets a chunk of what nobody misses go; whether there was any. Must run in a transaction. */
  release(acked: Held['acked']): boolean {
    return this.#eviction.release(this.#chunk, acked);
  }

  /** Whether it became full, or has room again, of what head office does not have; nothing when `before` still holds. */
  fillLevel(now: number, acked: () => Held['acked'], before: 'high' | 'normal'): 'high' | 'normal' | undefined {
    if (now - this.#filledAt < FILL_MS) return undefined;
    this.#filledAt = now;
    this.filled = this.#counted / this.#budget;
    if (this.filled >= LOW) this.filled -= this.#eviction.acknowledgedBytes(acked()) / this.#budget;
    this.filled = Math.max(0, this.filled);
    const level = this.filled >= HIGH ? 'high' : this.filled < LOW ? 'normal' : before;
    return level === before ? undefined : level;
  }

  /** A reader let the log grow beyond its ordinary length: shortens it once the reader has gone. Outside a transaction. */
  cutLog(now: number): void {
    if (this.walBytes <= this.#walLimit || now - this.#cutAt < CUT_MS) return;
    this.#cutAt = now;
    checkpoint(this.#db, 'TRUNCATE');
    this.#measuredAt = Number.NEGATIVE_INFINITY;
  }

  get #counted(): number {
    return this.usedBytes + Math.min(this.walBytes, this.#walLimit);
  }

  #measurePages(): void {
    this.usedBytes = (Number(this.#pages.get()) - Number(this.#freePages.get())) * this.#pageBytes;
  }
}
