import { expect, it } from 'vitest';
import { RssiRings, WINDOW } from './rssi-rings.ts';

it('keeps the last 20 of each ring and their plain mean, through growth and reuse', () => {
  const rings = new RssiRings();
  const plain = new Map<number, number[]>();
  let state = 3;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % most;
  };
  for (let step = 0; step < 60_000; step += 1) {
    const held = [...plain.keys()];
    const at = held[below(Math.max(1, held.length))];
    if (at === undefined || (below(20) === 0 && held.length < 3000)) plain.set(rings.take(), []);
    else if (below(400) === 0) {
      rings.give(at);
      plain.delete(at);
    } else {
      const dbm = (below(20_000) - 15_000) / 100;
      rings.push(at, dbm);
      plain.set(at, [...(plain.get(at) ?? []), dbm].slice(-WINDOW));
    }
  }
  expect(plain.size).toBeGreaterThan(1024);
  for (const [ring, values] of plain) {
    expect(rings.count(ring)).toBe(values.length);
    if (values.length === 0) continue;
    expect(rings.mean(ring)).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 9);
  }
});
