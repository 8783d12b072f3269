/**
 * What leaves the journal: with a cloud, rows that head office acknowledged longer ago than `keep_acknowledged` (when
 * the disk budget is used up eviction.ts takes them at once); without a cloud, rows older than `keep`. Ages come from marks: now and then
 * the heads of all streams and what is acknowledged are noted with the elapsed time, so no row carries a clock.
 */
import type { Database, Statement } from 'better-sqlite3';
import { JOURNAL_STREAMS, type JournalStream, LOCAL_STREAM, STREAMS, type Stream } from '../contracts/streams.ts';
import { Drops } from './drops.ts';
import type { Now } from './elapsed-clock.ts';
import { positionOf } from './positions.ts';

export interface RetentionOptions {
  readonly cloud: boolean;
  readonly keepMs: number;
  readonly keepAcknowledgedMs: number;
}

/** Rows deleted in one transaction: keeps a commit short. */
const CHUNK = 5000;
const LOCAL_KEEP_MS = 86_400_000;
const LONGEST_MARK_MS = 300_000;
const VACUUM_PAGES = 500;

type Positions = Partial<Record<JournalStream, number>>;

export class Retention {
  readonly #db: Database;
  readonly #options: RetentionOptions;
  readonly #drops: Drops;
  readonly #markEvery: number;
  readonly #delete: ReadonlyMap<JournalStream, Statement>;
  #lastMark = Number.NEGATIVE_INFINITY;
  #lastTexts = '';

  constructor(db: Database, options: RetentionOptions) {
    this.#db = db;
    this.#options = options;
    this.#drops = new Drops(db);
    const shortest = options.cloud ? Math.min(options.keepAcknowledgedMs, LOCAL_KEEP_MS) : options.keepMs;
    this.#markEvery = Math.min(LONGEST_MARK_MS, Math.max(1000, shortest / 10));
    this.#delete = new Map(
      JOURNAL_STREAMS.map((stream) => [
        stream,
        db.prepare(
          `DELETE FROM events_${stream} WHERE position IN (SELECT position FROM events_${stream} WHERE position <= ? ORDER BY position LIMIT ?)`,
        ),
      ]),
    );
  }

  /** Notes where the streams stand, and what is acknowledged, if it is time and something is new. */
  mark(now: Now, ordinal: number, heads: Positions, acked: () => Positions | undefined): void {
    if (now.elapsed - this.#lastMark < this.#markEvery) return;
    this.#lastMark = now.elapsed;
    const texts = [JSON.stringify(heads), JSON.stringify(acked() ?? {})] as const;
    if (texts.join() === this.#lastTexts) return;
    this.#lastTexts = texts.join();
    this.#db
      .prepare('INSERT OR REPLACE INTO marks (elapsed, ordinal, streams, acked) VALUES (?, ?, ?, ?)')
      .run(now.elapsed, ordinal, ...texts);
  }

  /** After a rollback: the last mark may not be there. */
  forget(): void {
    this.#lastTexts = '';
  }

  /** Deletes some of what may go; says whether there is more. Must run in a transaction. */
  prune(now: Now, acked: Partial<Record<Stream, number>> | undefined): boolean {
    const limits = this.#limits(now, acked);
    let more = false;
    for (const stream of JOURNAL_STREAMS) {
      const limit = limits[stream];
      if (limit === undefined) continue;
      const { changes } = this.#delete.get(stream)?.run(limit, CHUNK) ?? { changes: 0 };
      if (changes === CHUNK) more = true;
    }
    this.#drops.forget(limits, limits.devices ?? 0);
    const longest = Math.max(this.#options.keepMs, this.#options.keepAcknowledgedMs, LOCAL_KEEP_MS);
    this.#db
      .prepare('DELETE FROM marks WHERE elapsed < (SELECT max(elapsed) FROM marks WHERE elapsed <= ?)')
      .run(now.elapsed - longest);
    return more;
  }

  /** Gives some freed pages back to the file system. Outside a transaction. */
  giveBack(): void {
    this.#db.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
  }

  #limits(now: Now, acked: Partial<Record<Stream, number>> | undefined): Positions {
    const local = this.#markAt(now.elapsed - LOCAL_KEEP_MS)?.heads[LOCAL_STREAM];
    const limits: Positions = local === undefined ? {} : { [LOCAL_STREAM]: local };
    if (!this.#options.cloud) {
      const old = this.#markAt(now.elapsed - this.#options.keepMs)?.heads;
      return old ? { ...old, ...limits } : limits;
    }
    if (!acked) return limits;
    const old = this.#markAt(now.elapsed - this.#options.keepAcknowledgedMs)?.acked;
    for (const stream of STREAMS) {
      const limit = Math.min(old?.[stream] ?? 0, acked[stream] ?? 0);
      if (limit > 0) limits[stream] = limit;
    }
    return limits;
  }

  /** Where the streams stood, and what was acknowledged, at the latest mark not after `elapsed`. */
  #markAt(elapsed: number): { heads: Positions; acked: Positions } | undefined {
    const mark = this.#db
      .prepare('SELECT ordinal, streams, acked FROM marks WHERE elapsed <= ? ORDER BY elapsed DESC LIMIT 1')
      .get(elapsed) as { ordinal: number; streams: string; acked: string } | undefined;
    if (!mark) return undefined;
    const heads = JSON.parse(mark.streams) as Record<JournalStream, number>;
    return {
      heads: Object.fromEntries(
        JOURNAL_STREAMS.map((stream) => [stream, positionOf(mark.ordinal, heads[stream] ?? 0)]),
      ),
      acked: JSON.parse(mark.acked) as Positions,
    };
  }
}
