import { expect, test } from 'vitest';
import { calendar, dayAfter, weekdayOf } from './calendar.ts';

test('times carry the offset that holds at that moment, on both sides of daylight saving', () => {
  const berlin = calendar('Europe/Berlin');
  expect(berlin.iso(Date.parse('2026-03-29T00:59:59.999Z'))).toBe('2026-03-29T01:59:59.999+01:00');
  expect(berlin.iso(Date.parse('2026-03-29T01:00:00.000Z'))).toBe('2026-03-29T03:00:00.000+02:00');
  expect(calendar('UTC').iso(0)).toBe('1970-01-01T00:00:00.000+00:00');
  expect(calendar('America/St_Johns').iso(Date.parse('2026-01-01T00:00:00Z'))).toBe('2025-12-31T20:30:00.000-03:30');
});

test('a time of day is found on the days of 23, 24 and 25 hours', () => {
  const berlin = calendar('Europe/Berlin');
  for (const date of ['2026-03-28', '2026-03-29', '2026-03-30', '2026-10-24', '2026-10-25', '2026-10-26']) {
    expect(berlin.iso(berlin.at(date, 8 * 60 + 30))).toContain(`${date}T08:30:00.000`);
    expect(berlin.iso(berlin.at(date, 0))).toContain(`${date}T00:00:00.000`);
  }
  const hours = (date: string): number => (berlin.at(dayAfter(date, 1), 0) - berlin.at(date, 0)) / 3_600_000;
  expect([hours('2026-03-28'), hours('2026-03-29'), hours('2026-10-25')]).toEqual([24, 23, 25]);
});

test('days follow each other over the ends of months, and have their names', () => {
  expect(dayAfter('2026-02-28', 1)).toBe('2026-03-01');
  expect(weekdayOf('2026-03-05')).toBe('thursday');
});
