/**
 * Dead letters: bytes that nobody understood, kept with the reason until they are retried, discarded, 30 days old or
 * pushed out by 64 MiB of newer ones (an eighth of a small disk budget, so that they do not push out events). Identical bytes of one device are one letter with a count.
 */
import { hash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import { crockford, crockfordOfBytes } from '../contracts/ids.ts';
import type { Refusal } from '../contracts/intake.ts';
import type { Now } from './elapsed-clock.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const BUDGET_SHARE = 8;
const KEEP_MS = 30 * 86_400_000;
/** What a letter costs besides its bytes, roughly: reason, pointers, indexes. */
const OVERHEAD_BYTES = 400;

export class DeadLetters {
  readonly #again: Statement;
  readonly #insert: Statement;
  readonly #remove: Statement;
  readonly #oldest: Statement;
  readonly #sum: Statement;
  readonly #maxBytes: number;
  #bytes = 0;
  /** Letters pushed out by age or size since start. */
  expired = 0;

  /** `diskBudget` in bytes. */
  constructor(db: Database, diskBudget = Number.POSITIVE_INFINITY) {
    this.#maxBytes = Math.min(MAX_BYTES, diskBudget / BUDGET_SHARE);
    this.#again = db.prepare(
      'UPDATE dead_letters SET count = count + 1, last = ?, elapsed = ?, reason = ?, pointers = ? WHERE digest = ? RETURNING id',
    );
    this.#insert = db.prepare(
      'INSERT INTO dead_letters (id, digest, device, kind, reason, pointers, bytes, size, count, first, last, elapsed, topic) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM dead_letters WHERE id = ? RETURNING size');
    this.#oldest = db.prepare('SELECT id, elapsed FROM dead_letters ORDER BY elapsed LIMIT 1');
    this.#sum = db.prepare('SELECT coalesce(sum(size), 0) AS bytes FROM dead_letters');
  }

  load(): void {
    this.#bytes = (this.#sum.get() as { bytes: number }).bytes;
  }

  /** Keeps a refusal; returns the letter's id. */
  keep(refusal: Refusal, now: Now): string {
    const content = refusal.bytes ?? Buffer.from(JSON.stringify([refusal.reason, refusal.pointers]));
    const topic = refusal.topic ?? null;
    const digest = hash(
      'sha256',
      Buffer.concat([
        Buffer.from(`${refusal.kind}\0${refusal.device}\0${topic === null ? '' : `${topic}\0`}`),
        content,
      ]),
      'buffer',
    );
    const pointers = JSON.stringify(refusal.pointers);
    const again = this.#again.get(refusal.received, now.elapsed, refusal.reason, pointers, digest) as
      | { id: string }
      | undefined;
    if (again) return again.id;
    const id = crockford(Math.max(0, refusal.received), 9) + crockfordOfBytes(digest, 7);
    const size = (refusal.bytes?.length ?? 0) + OVERHEAD_BYTES;
    this.#insert.run(
      id,
      digest,
      refusal.device,
      refusal.kind,
      refusal.reason,
      pointers,
      refusal.bytes,
      size,
      refusal.received,
      refusal.received,
      now.elapsed,
      topic,
    );
    this.#bytes += size;
    this.expire(now);
    return id;
  }

  /** Whether there was such a letter. */
  remove(id: string): boolean {
    const row = this.#remove.get(id) as { size: number } | undefined;
    this.#bytes -= row?.size ?? 0;
    return row !== undefined;
  }

  /** Lets go of what is past its time, and of the oldest while there are too many bytes. */
  expire(now: Now): void {
    for (;;) {
      const oldest = this.#oldest.get() as { id: string; elapsed: number } | undefined;
      if (!oldest || (this.#bytes <= this.#maxBytes && now.elapsed - oldest.elapsed <= KEEP_MS)) return;
      this.remove(oldest.id);
      this.expired += 1;
    }
  }
}
