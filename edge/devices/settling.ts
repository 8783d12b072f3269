/**
 * Which files of a folder rest: seen twice without a change, so long apart as `settle` says. By the hub's own clock,
 * because the one that a share writes into its files may be another.
 */
import { type FileLook, looksAlike } from './file-look.ts';
import type { Listed } from './folder-list.ts';

/** A file that changes for so long is told of. */
const RESTLESS_MS = 600_000;
const LEAST_MS = 100;
/** What could not be taken is not tried again sooner. */
const PAUSE_MS = 1000;

interface Seen {
  look: FileLook;
  /** Since when it looks so, and since when it is not taken; monotonic, ms. */
  since: number;
  first: number;
}

export class Settling {
  readonly #settleMs: number;
  readonly #seen = new Map<string, Seen>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** `now`: monotonic, ms. */
  hasSettled(file: Listed, now: number): boolean {
    const seen = this.#seen.get(file.name);
    if (seen === undefined) {
      this.#seen.set(file.name, { look: file, since: now, first: now });
      return false;
    }
    if (!looksAlike(seen.look, file)) {
      seen.look = file;
      seen.since = now;
      return false;
    }
    return now - seen.since >= this.#settleMs;
  }

  /** Others are gone. */
  keepOnly(files: readonly Listed[]): void {
    const there = new Set(files.map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!there.has(name)) this.#seen.delete(name);
  }

  done(name: string): void {
    this.#seen.delete(name);
  }

  /** It could not be taken: it has to rest once more. */
  again(name: string): void {
    const seen = this.#seen.get(name);
    if (seen !== undefined) seen.since = performance.now() + PAUSE_MS;
  }

  /** Until the next one may have settled. */
  restMs(now: number): number {
    let rest = Number.POSITIVE_INFINITY;
    for (const { since } of this.#seen.values()) rest = Math.min(rest, since + this.#settleMs - now);
    return Math.max(LEAST_MS, rest);
  }

  /** A file that never rests. */
  restless(now: number): string | undefined {
    for (const [name, { first, since }] of this.#seen)
      if (since - first >= RESTLESS_MS && now - since < this.#settleMs) return name;
    return undefined;
  }
}
