/**
 * Gives memory back when the work is over. V8 keeps what a busy hour needed for as long as little is allocated, which
 * in a closed shop is for ever; so a thread that has been calm for a while collects its garbage once, in the mode in
 * which V8 also returns the pages. It costs a full collection, at a time when nobody waits.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collections within a second from which a thread counts as busy. */
const BUSY = 8;
const LOOK_MS = 5_000;
const CALM_MS = 20_000;

/**
 * Watches this thread from now on, beginning with the load of the program itself. `also` is what else is to be given
 * back then. Returns what ends the watch.
 */
export function giveBackWhenCalm(
  also: () => void = () => undefined,
  { calmMs = CALM_MS, lookMs = LOOK_MS }: { readonly calmMs?: number; readonly lookMs?: number } = {},
): () => void {
  let busyAt: number | undefined = performance.now();
  let since = 0;
  let count = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) {
      if (startTime - since > 1_000) {
        since = startTime;
        count = 0;
      }
      count += 1;
      if (count >= BUSY) busyAt = startTime;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const timer = setInterval(() => {
    if (busyAt === undefined || performance.now() - busyAt < calmMs) return;
    busyAt = undefined;
    also();
    giveBack();
  }, lookMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    observer.disconnect();
  };
}

function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--optimize-for-size');
  try {
    collect();
  } finally {
    setFlagsFromString('--no-optimize-for-size');
    setFlagsFromString('--no-expose-gc');
  }
}
