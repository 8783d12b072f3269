/**
 * How much memory V8 gives to young objects. Left alone it takes up to 32 MB in each thread, already while the program
 * loads, and keeps it. Without work 2 MB are plenty; under load 8 MB are enough: with less, objects that are about to
 * die are moved among the old ones, with more, nothing gets faster. Options of `node` could say so too, but then each
 * way to start a daemon would have to carry them.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves, in bytes. */
const ENOUGH = 8_000_000;
const HALF_MB = 4;
/** Collections within a second from which there is work: 2 MB a half were filled so often. */
const BUSY = 8;

/** For the time of loading, and until there is work: the young space stays at what it begins with. */
export function keepYoungSpace(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // Read when a thread begins: for those that this one starts.
  setFlagsFromString('--min-semi-space-size=2');
  setFlagsFromString(`--max-semi-space-size=${HALF_MB}`);
}

/** From now on it may grow once, to 8 MB, as soon as there is work for it. */
export function letYoungSpaceGrow(): void {
  let count = 0;
  let since = 0;
  let allowed = false;
  const observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) {
      if (startTime - since > 1000) {
        since = startTime;
        count = 0;
      }
      count += 1;
    }
    if (!allowed && count < BUSY) return;
    if (!allowed) setFlagsFromString(`--semi-space-growth-factor=${HALF_MB}`);
    allowed = true;
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young === undefined || young.space_size < ENOUGH) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}
