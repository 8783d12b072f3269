/**
 * Whether memory is flat: the slope of resident memory over the last three quarters of the time, by least squares.
 * Each life of a process begins low and fills its caches, so its first minute does not count, and a restart must not
 * look like a fall: the lives share one slope and have a level each, and beside it stands the slope through all of them.
 */

export interface MemorySample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly pid: number;
  readonly rssMb: number;
}

export interface MemoryTrend {
  /** MB per hour within the lives of the process; nothing with fewer than 3 samples. */
  readonly within: number | undefined;
  /** MB per hour over all of them. */
  readonly overall: number | undefined;
  /** Hours that the slopes rest on. */
  readonly hours: number;
  readonly meanMb: number;
  readonly peakMb: number;
  readonly lives: number;
}

const WARM_UP_S = 60;

export function memoryTrend(samples: readonly MemorySample[]): MemoryTrend {
  const end = samples.at(-1)?.at ?? 0;
  const born = new Map<number, number>();
  for (const { pid, at } of samples) if (!born.has(pid)) born.set(pid, at);
  const counted = samples.filter(({ at, pid }) => at >= end / 4 && at - (born.get(pid) ?? 0) >= WARM_UP_S);
  const lives = [...new Set(counted.map(({ pid }) => pid))].map((pid) => counted.filter((one) => one.pid === pid));
  const first = counted[0]?.at ?? 0;
  return {
    within: slope(lives),
    overall: slope([counted]),
    hours: ((counted.at(-1)?.at ?? first) - first) / 3600,
    meanMb: counted.reduce((sum, { rssMb }) => sum + rssMb, 0) / Math.max(1, counted.length),
    peakMb: samples.reduce((peak, { rssMb }) => Math.max(peak, rssMb), 0),
    lives: lives.length,
  };
}

/** One slope for all groups (per hour), each with a level of its own. */
function slope(groups: readonly (readonly MemorySample[])[]): number | undefined {
  let covariance = 0;
  let variance = 0;
  let count = 0;
  for (const group of groups) {
    const meanAt = group.reduce((sum, { at }) => sum + at, 0) / Math.max(1, group.length);
    const meanMb = group.reduce((sum, { rssMb }) => sum + rssMb, 0) / Math.max(1, group.length);
    for (const { at, rssMb } of group) {
      covariance += (at - meanAt) * (rssMb - meanMb);
      variance += (at - meanAt) ** 2;
      count += 1;
    }
  }
  return count < 3 || variance === 0 ? undefined : (covariance / variance) * 3600;
}
