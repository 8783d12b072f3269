/**
 * The journal's upkeep, which nobody has to wait for: room within the disk budget, what is past its time, marks of age,
 * and who the journal is, kept outside of it. Each piece of work is a short transaction of the writer's.
 */
import type { Bookkeeper } from './bookkeeper.ts';
import { bufferLevel, noteDropped, tellDropping, tellLevel } from './buffer-news.ts';
import { eraseWithdrawn } from './consent-ends.ts';
import type { Stream } from './contracts/streams.ts';
import type { Figures } from './crossing.ts';
import type { Database } from './journal/database.ts';
import { DiskSpace } from './journal/disk-space.ts';
import type { FullDisk } from './journal/full-disk.ts';
import { identityOf, keepIdentity } from './journal/identity-file.ts';
import { Retention, type RetentionOptions } from './journal/retention.ts';

export interface UpkeepSources {
  readonly db: Database;
  readonly books: Bookkeeper;
  readonly disk: FullDisk;
  readonly options: { readonly dataDir: string; readonly diskBudget: number; readonly retention: RetentionOptions };
  /** The elapsed clock now, milliseconds. */
  readonly elapsed: () => number;
  readonly transaction: <T>(body: () => T) => T;
}

/** How long upkeep rests when the disk is full, or nothing may go. */
const REST_MS = 1000;
/** Eviction after a batch takes at most this long; what is left goes with the next. */
const EVICTION_MS = 200;
export const HOUSEKEEPING_MS = 10_000;

export class Upkeep {
  readonly #sources: UpkeepSources;
  readonly #retention: Retention;
  readonly #space: DiskSpace;
  /** Over the budget, and nothing may go: when that was found, monotonic ms. */
  #stuckAt: number | undefined;
  #dropped: Partial<Record<Stream, number>> = {};
  #housekeptAt = Number.NEGATIVE_INFINITY;
  #keptIdentity = '';

  constructor(sources: UpkeepSources) {
    const { db, options } = sources;
    this.#sources = sources;
    this.#retention = new Retention(db, options.retention);
    this.#space = new DiskSpace(db, options.dataDir, options.diskBudget);
  }

  /** Milliseconds until there is something to do. */
  restMs(): number {
    const evicting = this.#space.wantsRoom ? (this.#stuckAt === undefined ? 0 : REST_MS) : HOUSEKEEPING_MS;
    return Math.min(evicting, this.#sources.disk.isFull ? REST_MS : HOUSEKEEPING_MS);
  }

  /** Why facts are not stored now although the disk takes them. */
  get refusal(): string | undefined {
    return this.#stuckAt === undefined ? undefined : 'the disk budget is used up, and nothing of it may be dropped';
  }

  get figures(): Pick<Figures, 'usedBytes' | 'walBytes' | 'filled' | 'dropped'> {
    const { usedBytes, walBytes, filled } = this.#space;
    return { usedBytes, walBytes, filled, dropped: this.#dropped };
  }

  /** In a transaction that commits: how old what is. */
  mark(): void {
    const { now, log, replication } = this.#sources.books;
    this.#retention.mark(now, log.ordinal, log.allHeads(), () => replication.ackedPositions());
  }

  /** After a transaction that failed. */
  forget(): void {
    this.#retention.forget();
  }

  /** In a transaction: tells the rules when the disk budget fills, or has room again. */
  lookAtFill(): void {
    const { books } = this.#sources;
    const acked = () => books.replication.ackedPositions();
    const level = this.#space.fillLevel(performance.now(), acked, bufferLevel(books));
    tellDropping(books, this.#space.filled);
    if (level !== undefined && level !== bufferLevel(books)) tellLevel(books, level, this.#space.filled);
  }

  /** What head office has taken may go. */
  tryAgain(): void {
    this.#stuckAt = undefined;
  }

  get isDue(): boolean {
    return this.#sources.elapsed() - this.#housekeptAt >= HOUSEKEEPING_MS;
  }

  postpone(): void {
    this.#housekeptAt = this.#sources.elapsed();
  }

  /** What is past its time leaves, a portion at a time. */
  housekeep(): void {
    const { books, disk, transaction } = this.#sources;
    const more = transaction(() => {
      books.forgetOld();
      // A tombstone needs room.
      if (!disk.isFull && this.#stuckAt === undefined) eraseWithdrawn(books, books.now.elapsed);
      this.mark();
      return this.#retention.prune(books.now, books.replication.ackedPositions());
    });
    // On a full disk, pages given back would be lost to others.
    if (!disk.isFull) this.#retention.giveBack();
    this.#keepIdentity();
    if (!more) this.postpone();
  }

  /** Over the budget: the least valuable goes, a chunk in each transaction. */
  makeRoom(): void {
    const { books, disk, transaction } = this.#sources;
    const { replication } = books;
    const started = performance.now();
    this.#space.measure(started);
    this.#space.cutLog(started);
    if (disk.wantsPages) transaction(() => this.#space.release(replication.ackedPositions()));
    if (!this.#space.wantsRoom) {
      this.#stuckAt = undefined;
      return;
    }
    if (this.#stuckAt !== undefined && started - this.#stuckAt < REST_MS) return;
    do {
      const { dropped, any } = transaction(() => {
        const held = { acked: replication.ackedPositions(), reserved: replication.reservedPositions() };
        const evicted = this.#space.evict(held);
        noteDropped(books, evicted.dropped);
        return evicted;
      });
      for (const [stream, rows] of Object.entries(dropped) as [Stream, number][]) {
        this.#dropped = { ...this.#dropped, [stream]: (this.#dropped[stream] ?? 0) + rows };
      }
      this.#stuckAt = any || !this.#space.isOver ? undefined : performance.now();
    } while (this.#space.isOver && this.#stuckAt === undefined && performance.now() - started < EVICTION_MS);
  }

  /** Outside of the database stands who it is, for the day when it cannot say so itself. */
  #keepIdentity(): void {
    const { db, options } = this.#sources;
    const identity = identityOf(db);
    const text = JSON.stringify(identity);
    if (!identity || text === this.#keptIdentity) return;
    keepIdentity(options.dataDir, identity);
    this.#keptIdentity = text;
  }
}
