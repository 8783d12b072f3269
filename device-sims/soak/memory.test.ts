import { describe, expect, test } from 'vitest';
import { type MemorySample, memoryTrend } from './memory.ts';

/** A life of a process: a sample each 10 s, that warms up for 30 s to `level` and then grows by `perHour`. */
function life(pid: number, from: number, to: number, level: number, perHour: number): MemorySample[] {
  const samples: MemorySample[] = [];
  for (let at = from; at < to; at += 10) {
    const warm = Math.min(1, (at - from) / 30);
    samples.push({ at, pid, rssMb: 60 + (level - 60) * warm + (perHour * at) / 3600 });
  }
  return samples;
}

describe('the trend of memory', () => {
  test('is flat for a process that warms up again after each restart', () => {
    const trend = memoryTrend(
      [0, 400, 900, 1_700, 2_900].flatMap((from, n, all) => life(n, from, all[n + 1] ?? 3_600, 180, 0)),
    );
    expect(trend.overall).toBeCloseTo(0, 6);
    expect(trend.within).toBeCloseTo(0, 6);
    expect(trend.meanMb).toBeCloseTo(180, 6);
  });

  test('shows a leak, although every restart hides what had leaked', () => {
    const lives = [0, 1_200, 2_400].flatMap((from) =>
      life(from, from, from + 1_200, 180, 0).map((one) => ({
        ...one,
        rssMb: one.rssMb + ((one.at - from) / 3600) * 90,
      })),
    );
    expect(memoryTrend(lives).within).toBeCloseTo(90, 6);
  });

  test('shows what grows across restarts', () => {
    const trend = memoryTrend([0, 1_200, 2_400].flatMap((from) => life(from, from, from + 1_200, 180, 40)));
    expect(trend.overall).toBeCloseTo(40, 6);
    expect(trend.hours).toBeGreaterThan(0.6);
  });

  test('says nothing after a few samples', () => {
    expect(memoryTrend(life(1, 0, 60, 100, 0)).overall).toBeUndefined();
    expect(memoryTrend([]).within).toBeUndefined();
  });
});
