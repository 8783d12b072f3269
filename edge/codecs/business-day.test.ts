import { describe, expect, test } from 'vitest';
import { dayInZone } from './business-day.ts';
import { seeded } from './fuzzing.ts';
import { IsoTimeReader } from './iso-time.ts';

describe('the day in a zone', () => {
  test('changes at local midnight, summer and winter, and in zones of odd offsets', () => {
    const berlin = dayInZone('Europe/Berlin');
    expect(berlin(Date.parse('2026-07-01T21:59:59Z'))).toBe('2026-07-01');
    expect(berlin(Date.parse('2026-07-01T22:00:00Z'))).toBe('2026-07-02');
    expect(berlin(Date.parse('2026-12-01T22:59:59Z'))).toBe('2026-12-01');
    expect(berlin(Date.parse('2026-12-01T23:00:00Z'))).toBe('2026-12-02');
    expect(dayInZone('Asia/Kathmandu')(Date.parse('2026-12-01T18:15:00Z'))).toBe('2026-12-02');
  });

  test('is refused for a zone that does not exist', () => {
    expect(() => dayInZone('Europe/Nowhere')).toThrow(RangeError);
  });
});

describe('the reader of ISO times', () => {
  test('agrees with Date.parse wherever it answers', () => {
    const random = seeded(3);
    const two = (below: number) => String(Math.floor(random() * below)).padStart(2, '0');
    const reader = new IsoTimeReader();
    let answered = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const fraction = ['', '.1', '.12', '.123', '.1234', '.'][Math.floor(random() * 6)];
      const zone = ['Z', `+${two(15)}:${two(60)}`, `-${two(13)}:${two(60)}`, '+0100', ''][Math.floor(random() * 5)];
      const text = `20${two(40)}-${two(14)}-${two(33)}T${two(25)}:${two(61)}:${two(61)}${fraction}${zone}`;
      const ms = reader.read(text);
      if (ms === undefined) continue;
      answered += 1;
      expect(ms, text).toBe(Date.parse(text));
    }
    expect(answered).toBeGreaterThan(3_000);
  });
});
