import { expect, it } from 'vitest';
import { CoveredTime } from './covered-time.ts';

it('a reader that invents zones has a bounded number of clocks; the zones beyond go by the clock of the shop', () => {
  const time = new CoveredTime([{ name: 'reader', zones: ['sales'] }], 60_000);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200_000; i += 1) time.learn('reader', `zone-${i}`);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(15_000_000);
  for (let now = 0; now <= 120_000; now += 10_000) time.heard('reader', now);
  expect(time.of('sales')).toBe(120_000);
  expect(time.of('zone-5')).toBe(120_000);
  expect(time.of('zone-150000')).toBe(120_000);
});
