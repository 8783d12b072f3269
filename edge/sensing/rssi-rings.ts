/**
 * The last 20 signal strengths of each tag at each antenna, and their plain mean. There are many of them in a fashion
 * shop, so they lie in a few arrays of numbers: hundredths of a dBm, 48 bytes each.
 */

export const WINDOW = 20;
const FIRST = 1024;

/** A place among the rings. */
export type Ring = number;

export class RssiRings {
  #values = new Int16Array(FIRST * WINDOW);
  #sums = new Int32Array(FIRST);
  #counts = new Uint8Array(FIRST);
  #nexts = new Uint8Array(FIRST);
  #used = 0;
  readonly #free: Ring[] = [];

  /** An empty ring. */
  take(): Ring {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#sums.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  /** It is not needed any more. */
  give(ring: Ring): void {
    this.#sums[ring] = 0;
    this.#counts[ring] = 0;
    this.#nexts[ring] = 0;
    this.#free.push(ring);
  }

  /** @param dbm -327 to 327 */
  push(ring: Ring, dbm: number): void {
    const value = Math.round(dbm * 100);
    const next = this.#nexts[ring] ?? 0;
    const at = ring * WINDOW + next;
    const count = this.#counts[ring] ?? 0;
    const leaving = count === WINDOW ? (this.#values[at] ?? 0) : 0;
    this.#sums[ring] = (this.#sums[ring] ?? 0) + value - leaving;
    this.#values[at] = value;
    this.#nexts[ring] = (next + 1) % WINDOW;
    if (count < WINDOW) this.#counts[ring] = count + 1;
  }

  count(ring: Ring): number {
    return this.#counts[ring] ?? 0;
  }

  /** dBm; of an empty ring NaN. */
  mean(ring: Ring): number {
    return (this.#sums[ring] ?? 0) / (this.#counts[ring] ?? 0) / 100;
  }

  #grow(): void {
    const [values, sums, counts, nexts] = [this.#values, this.#sums, this.#counts, this.#nexts];
    const size = sums.length * 2;
    this.#values = new Int16Array(size * WINDOW);
    this.#values.set(values);
    this.#sums = new Int32Array(size);
    this.#sums.set(sums);
    this.#counts = new Uint8Array(size);
    this.#counts.set(counts);
    this.#nexts = new Uint8Array(size);
    this.#nexts.set(nexts);
  }
}
