import { expect, it } from 'vitest';
import { SaleTime } from './sale-time.ts';

it('the day of a sale is that of the store, where the till tells its time in UTC or since the epoch', () => {
  const evening = new SaleTime('America/New_York');
  const ms = Date.parse('2026-11-21T01:30:00Z');
  for (const text of ['2026-11-21T01:30:00Z', String(ms), String(ms / 1000), '2026-11-20 20:30:00'])
    expect(evening.read(text)).toEqual({ ms, day: '2026-11-20' });
  expect(evening.read('2026-11-20T20:30:00-05:00')).toEqual({ ms, day: '2026-11-20' });
  const night = new SaleTime('Europe/Berlin');
  expect(night.read('2026-11-20T23:30:00Z')?.day).toBe('2026-11-21');
  expect(new SaleTime().read('2026-11-20T23:30:00Z')?.day).toBe('2026-11-20');
});

it('a day that is written as one is that day in every zone', () => {
  for (const zone of ['America/New_York', 'Europe/Berlin', 'Pacific/Auckland'])
    for (const text of ['2026-11-20', '2026-11-20T00:00:00Z', '20.11.2026', '20261120'])
      expect(new SaleTime(zone).date(text)).toBe('2026-11-20');
});
