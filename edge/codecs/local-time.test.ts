import { expect, test } from 'vitest';
import { localTime } from './local-time.ts';

const at = (zone: string, wall: string) => new Date(localTime(zone)(Date.parse(`${wall}Z`))).toISOString();

test('local time is read with the offset that holds there and then', () => {
  expect(at('Europe/Berlin', '2026-11-20T09:15:00')).toBe('2026-11-20T08:15:00.000Z');
  expect(at('Europe/Berlin', '2026-07-20T09:15:00')).toBe('2026-07-20T07:15:00.000Z');
  expect(at('America/New_York', '2026-11-20T23:59:59')).toBe('2026-11-21T04:59:59.000Z');
  expect(at('Asia/Kathmandu', '2026-01-01T00:00:00')).toBe('2025-12-31T18:15:00.000Z');
  expect(at('UTC', '2026-01-01T00:00:00')).toBe('2026-01-01T00:00:00.000Z');
});

test('an hour that comes twice is the first one, and one that is left out is read as if the clock had not moved', () => {
  expect(at('Europe/Berlin', '2026-10-25T02:30:00')).toBe('2026-10-25T00:30:00.000Z');
  expect(at('Europe/Berlin', '2026-10-25T03:00:00')).toBe('2026-10-25T02:00:00.000Z');
  expect(at('Europe/Berlin', '2026-03-29T02:30:00')).toBe('2026-03-29T01:30:00.000Z');
  expect(at('Europe/Berlin', '2026-03-29T03:00:00')).toBe('2026-03-29T01:00:00.000Z');
  expect(at('Europe/Berlin', '2026-03-29T01:59:59')).toBe('2026-03-29T00:59:59.000Z');
});
