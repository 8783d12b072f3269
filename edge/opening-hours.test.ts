import { expect, test } from 'vitest';
import { hoursSchema } from '../config/hours.ts';
import { clockIn, openAt } from './opening-hours.ts';

const BERLIN = 'Europe/Berlin';

function openIn(week: object, except = {}): (local: string) => boolean {
  const isOpen = openAt(hoursSchema.parse({ week, except }), BERLIN);
  return (iso) => isOpen(Date.parse(iso));
}

test('a store is open by its week, unless the day is an exception, in its own time zone', () => {
  const isOpen = openIn(
    { 'mon-fri': '08:00-20:00', sat: '08:00-13:00, 14:00-18:00' },
    { '2026-12-24': '08:00-14:00', '2026-12-25': 'closed', '2026-11-22': '13:00-18:00' },
  );
  const at = (...times: string[]): boolean[] => times.map(isOpen);
  // A Friday in November, an hour ahead of UTC; one in July, two hours ahead.
  expect(at('2026-11-20T06:59Z', '2026-11-20T07:00Z', '2026-11-20T18:59Z', '2026-11-20T19:00Z')).toEqual([
    ...[false, true, true, false],
  ]);
  expect(at('2026-07-03T05:59Z', '2026-07-03T06:00Z', '2026-07-03T18:00Z')).toEqual([false, true, false]);
  expect(at('2026-11-21T12:30Z', '2026-11-21T13:30Z', '2026-11-15T11:00Z')).toEqual([false, true, false]);
  expect(at('2026-12-24T12:00Z', '2026-12-24T13:00Z', '2026-12-25T10:00Z', '2026-11-22T12:00Z')).toEqual([
    ...[true, false, false, true],
  ]);
});

test('hours may go past midnight, and over a night that is an hour longer', () => {
  const isOpen = openIn({ sat: '18:00-03:00', sun: '00:00-24:00' }, { '2026-10-26': 'closed' });
  // Saturday, 24 October; the clocks go back at 03:00 on Sunday.
  expect(isOpen('2026-10-24T15:59Z')).toBe(false);
  expect(isOpen('2026-10-24T16:00Z')).toBe(true);
  expect(isOpen('2026-10-25T22:59Z')).toBe(true);
  expect(isOpen('2026-10-25T23:00Z')).toBe(false);
  const bar = openIn({ fri: '18:00-03:00' });
  expect(['2026-11-20T23:30Z', '2026-11-21T01:59Z', '2026-11-21T02:00Z'].map(bar)).toEqual([true, true, false]);
});

test('what is wrong with hours is said', () => {
  const faults = (hours: unknown): string[] =>
    hoursSchema.safeParse(hours).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  expect(faults({ week: { 'mon-fri': '8-20' } })).toEqual([
    'week.mon-fri: must be times such as 08:00-20:00, several with a comma between them, or closed, not "8-20"',
  ]);
  expect(faults({ week: { mon: '08:00-24:30' } })[0]).toContain('must be times such as');
  expect(faults({ week: { mon: '12:00-18:00, 08:00-11:00' } })).toEqual([
    'week.mon: must be in order, without overlap',
  ]);
  expect(faults({ week: { 'mon-fri': '08:00-20:00', wed: 'closed' } })).toEqual(['week.wed: wed is there already']);
  expect(faults({ week: { monday: '08:00-20:00' } })).toHaveLength(1);
  expect(faults({ week: {}, except: { '24.12.': 'closed' } })).toHaveLength(1);
  expect(faults({})).toHaveLength(1);
  for (const week of [{}, { 'mon-sun': 'closed' }])
    expect(faults({ week, except: { '2026-12-24': 'closed' } })).toEqual([
      'week: must have a day on which the store opens',
    ]);
  expect(faults({ week: {}, except: { '2026-12-24': '10:00-14:00' } })).toEqual([]);
});

test('staff read the time of the store', () => {
  const clockAt = clockIn(BERLIN);
  expect(clockAt(Date.parse('2026-11-20T09:36:59Z'))).toBe('2026-11-20 10:36');
  expect(clockAt(Date.parse('2026-07-03T22:05:00Z'))).toBe('2026-07-04 00:05');
});
