/**
 * Whether the wall clock has been synchronised since boot. systemd-timesyncd leaves a mark once it has; where another
 * service keeps the time, a clock that is past this program's own days counts as set. A hub boots in 1970 now and then.
 */
import { existsSync } from 'node:fs';

const TIMESYNC_FOLDER = '/run/systemd/timesync';
const TIMESYNC_DONE = '/run/systemd/timesync/synchronized';
/** Nothing of this program happened before. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
const LOOK_AGAIN_MS = 5000;

/** Returns a cheap question; once the answer was yes it stays yes. */
export function clockSync(wall: () => number, monotonic: () => number): () => boolean {
  let synced = false;
  let looked = Number.NEGATIVE_INFINITY;
  return () => {
    if (synced || monotonic() - looked < LOOK_AGAIN_MS) return synced;
    looked = monotonic();
    synced = wall() >= EARLIEST_MS && (!existsSync(TIMESYNC_FOLDER) || existsSync(TIMESYNC_DONE));
    return synced;
  };
}
