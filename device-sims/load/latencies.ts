/**
 * Counts of latencies in buckets whose width grows with the value (error below 1.6 %), so that a million samples cost
 * a fixed 17 kB and one increment each.
 */

/** Values below 64 have a bucket each; above, every doubling is cut into 64. */
const FINE_BITS = 6;
const FINE = 1 << FINE_BITS;

export class Latencies {
  private readonly buckets = new Uint32Array(FINE * 34);
  private count = 0;
  private largest = 0;

  /** One sample in microseconds. */
  add(us: number): void {
    const value = us < 0 ? 0 : us | 0;
    const shift = value < FINE ? 0 : 31 - FINE_BITS - Math.clz32(value);
    const bucket = shift * FINE + (value >> shift);
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.count += 1;
    if (us > this.largest) this.largest = us;
  }

  /** Percentile in milliseconds (the middle of its bucket); `share` 0..1. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * share));
    let seen = 0;
    for (let bucket = 0; bucket < this.buckets.length; bucket += 1) {
      seen += this.buckets[bucket] ?? 0;
      if (seen >= wanted) return middle(bucket) / 1000;
    }
    return 0;
  }

  /** What is counted so far, small enough to be passed on. */
  cells(): LatencyCell[] {
    const cells: LatencyCell[] = [];
    this.buckets.forEach((count, bucket) => {
      if (count > 0) cells.push([bucket, count]);
    });
    return cells;
  }

  /** Adds what another one counted. */
  merge(cells: readonly LatencyCell[]): void {
    for (const [bucket, count] of cells) {
      this.buckets[bucket] = (this.buckets[bucket] ?? 0) + count;
      this.count += count;
      this.largest = Math.max(this.largest, middle(bucket));
    }
  }

  /** How many samples there are. */
  get samples(): number {
    return this.count;
  }

  summary(): LatencySummary {
    return {
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.largest / 1000,
    };
  }
}

/** A bucket and how many samples it holds. */
export type LatencyCell = readonly [bucket: number, count: number];

/** In milliseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Microseconds. A bucket at `shift` holds FINE..2*FINE-1 in its mantissa, which is what the index arithmetic undoes. */
function middle(bucket: number): number {
  if (bucket < 2 * FINE) return bucket;
  const shift = Math.floor(bucket / FINE) - 1;
  return (bucket - shift * FINE + 0.5) * 2 ** shift;
}
