/** Waiting for something to become true, with a clear word when it does not. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** Default 20 s. */
  readonly timeoutMs?: number;
  /** Pause between two looks, default 50 ms. */
  readonly everyMs?: number;
  /** Ends the waiting early, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Looks until `look` gives something other than undefined, null or false, and returns that. What `look` throws counts
 * as 'not yet' and is named if time runs out.
 */
export async function waitUntil<T>(
  what: string,
  look: () => T | Promise<T>,
  { timeoutMs = 20_000, everyMs = 50, signal }: Patience = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<Exclude<T, false>>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${Math.round(timeoutMs / 100) / 10} s in vain for: ${what}`, { cause: last });
    }
    await sleep(everyMs);
  }
}
