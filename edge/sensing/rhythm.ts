/**
 * How often a device says something, learned from the gaps between what it said in the last day or two. Each gap counts
 * by its length: of a till that rings ten times in a minute and then rests for an hour, the hour is the rhythm, and not
 * the seconds.
 *
 * Gaps are kept as counts in buckets, each half as long again as the one before, for today and for the day before.
 */

const FEWEST_GAPS = 20;
/** So much of the time is spent in gaps that are no longer. */
const SHARE = 0.9;
const FACTOR = 3;
/** ms. */
const FLOOR = 60_000;
const SHORTEST = 1000;
const DAY = 86_400_000;
/** Up to 97 days. */
const BUCKETS = 40;
const STEP = Math.log(1.5);

export class Rhythm {
  #today = new Float64Array(BUCKETS);
  #before = new Float64Array(BUCKETS);
  #gaps = 0;
  #gapsBefore = 0;
  #since = 0;
  /** A gap that was taken for silence. */
  #silence: { readonly ms: number; readonly at: number } | undefined;

  /** `now`: elapsed clock, ms. */
  add(gap: number, now: number): void {
    this.#turn(now);
    if (gap < SHORTEST) return;
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log(gap / SHORTEST) / STEP));
    this.#today[bucket] = (this.#today[bucket] ?? 0) + gap;
    this.#gaps += 1;
  }

  /**
   * The gap was called a silence. One is an outage and not learned; a second that is about as long within two days is
   * how the device is, such as a till at night.
   */
  addSilence(gap: number, now: number): void {
    const last = this.#silence;
    this.#silence = { ms: gap, at: now };
    if (last === undefined || now - last.at > 2 * DAY || gap > last.ms * 2 || last.ms > gap * 2) return;
    this.add(last.ms, now);
    this.add(gap, now);
  }

  /** After so long (ms) it is quiet; nothing: too little is known. */
  expected(now: number): number | undefined {
    this.#turn(now);
    if (this.#gaps + this.#gapsBefore < FEWEST_GAPS) return undefined;
    let total = 0;
    for (let i = 0; i < BUCKETS; i += 1) total += this.#of(i);
    let sum = 0;
    for (let i = 0; i < BUCKETS; i += 1) {
      sum += this.#of(i);
      if (sum >= total * SHARE) return Math.max(FLOOR, Math.round(FACTOR * SHORTEST * Math.exp((i + 1) * STEP)));
    }
    return undefined;
  }

  #of(bucket: number): number {
    return (this.#today[bucket] ?? 0) + (this.#before[bucket] ?? 0);
  }

  #turn(now: number): void {
    if (now - this.#since < DAY) return;
    const follows = now - this.#since < 2 * DAY;
    [this.#before, this.#today] = [this.#today, this.#before];
    if (!follows) this.#before.fill(0);
    this.#today.fill(0);
    this.#gapsBefore = follows ? this.#gaps : 0;
    this.#gaps = 0;
    this.#since = now;
  }
}
