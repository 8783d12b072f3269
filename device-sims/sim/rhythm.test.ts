import { expect, test } from 'vitest';
import type { LedgerRecord } from './ledger-records.ts';
import { loadWorld } from './load-world.ts';
import { lived, ofKind } from './world.fixture.ts';
import { openWorld } from './world.ts';

test('the rhythm of the week and of the day shows', () => {
  const { records } = lived('pharmacy', { from: '2026-03-02', days: 14 });
  const byDay = new Map<string, number>();
  const byHour = new Map<string, number>();
  for (const { time } of ofKind(records, 'entered')) {
    byDay.set(time.slice(0, 10), (byDay.get(time.slice(0, 10)) ?? 0) + 1);
    byHour.set(time.slice(11, 13), (byHour.get(time.slice(11, 13)) ?? 0) + 1);
  }
  const day = (...dates: string[]): number => dates.reduce((sum, date) => sum + (byDay.get(date) ?? 0), 0);
  expect(day('2026-03-08', '2026-03-15')).toBe(0);
  // Weights 1.25, 0.9 and 0.5 of 350: each within five standard deviations of its Poisson mean over two weeks.
  const near = (count: number, mean: number): void => {
    expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean));
  };
  near(day('2026-03-02', '2026-03-09'), 875);
  near(day('2026-03-04', '2026-03-11'), 630);
  near(day('2026-03-07', '2026-03-14'), 350);
  expect(byHour.get('10')).toBeGreaterThan(1.5 * (byHour.get('13') ?? 0));
});

test('the shop opens by its own wall clock on the day on which the clocks change', () => {
  const { records } = lived('pharmacy', { from: '2026-03-28', days: 3 });
  expect(ofKind(records, 'shop-opened').map(({ time }) => time)).toEqual([
    '2026-03-28T08:30:00.000+01:00',
    '2026-03-30T08:00:00.000+02:00',
  ]);
  expect(records.at(-1)?.time).toBe('2026-03-31T00:00:00.000+02:00');
});

test('a promotion moves demand while it runs, and its price is what the till takes', () => {
  const withIt = lived('fashion', { from: '2026-03-02', days: 7 }).records;
  const without = lived('fashion', {
    from: '2026-03-02',
    days: 7,
    change: (file) => ({ ...file, promotions: [] }),
  }).records;
  const [began] = ofKind(withIt, 'promotion-began');
  const [ended] = ofKind(withIt, 'promotion-ended');
  const gtins = new Set(began?.gtins);
  expect(gtins.size).toBe(30);
  const picked = (records: typeof withIt, during: boolean): number =>
    ofKind(records, 'picked').filter(
      ({ gtin, ms }) => gtins.has(gtin) && ms >= (began?.ms ?? 0) === true && ms < (ended?.ms ?? 0) === during,
    ).length;
  expect(picked(withIt, true)).toBeGreaterThan(1.4 * picked(without, true));
  const prices = new Map(ofKind(withIt, 'product').map(({ gtin, price }) => [gtin, price.amount]));
  let reduced = 0;
  for (const { ms, lines, total } of ofKind(withIt, 'sold')) {
    const isOn = ms >= (began?.ms ?? 0) && ms < (ended?.ms ?? 0);
    for (const { gtin, price, promotion } of lines) {
      const full = prices.get(gtin) ?? 0;
      const isReduced = isOn && gtins.has(gtin);
      expect(promotion).toBe(isReduced ? 'denim-days' : undefined);
      expect(price.amount).toBe(isReduced ? Math.round(full * 0.8) : full);
      if (isReduced) reduced += 1;
    }
    expect(total.amount).toBe(lines.reduce((sum, { count, price }) => sum + count * price.amount, 0));
  }
  expect(reduced).toBeGreaterThan(5);
});

test('few products make most of the sales', () => {
  const { records } = lived('supermarket', {
    change: (file) => ({ ...file, shoppers: { ...file.shoppers, per_day: 800 } }),
  });
  const picks = new Map<string, number>();
  for (const { gtin, count } of ofKind(records, 'picked')) picks.set(gtin, (picks.get(gtin) ?? 0) + count);
  const counts = [...picks.values()].sort((a, b) => b - a);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const top = counts.slice(0, 800).reduce((sum, count) => sum + count, 0);
  expect(top / all).toBeGreaterThan(0.4);
});

test('with more coverage the sensors of less stay, and nothing else changes', () => {
  const of = (coverage: number) => lived('pharmacy', { coverage }).records;
  const sensored = (records: ReturnType<typeof of>): Set<string> =>
    new Set(ofKind(records, 'shelf').flatMap(({ shelf, sensor }) => (sensor === 'none' ? [] : [shelf])));
  const [few, half, all] = [of(10), of(50), of(100)];
  expect([sensored(few).size, sensored(half).size, sensored(all).size]).toEqual([120, 600, 1_200]);
  for (const shelf of sensored(few)) expect(sensored(half)).toContain(shelf);
  const life = (records: ReturnType<typeof of>) => records.filter(({ kind }) => kind !== 'shelf' && kind !== 'world');
  expect(life(few)).toEqual(life(all));
});

test('a change in one corner does not shift the rest', () => {
  const plain = lived('pharmacy').records;
  const broken = lived('pharmacy', {
    change: (file) => ({ ...file, failures: [{ unit: 'medicine-store', day: 1, at: '09:00', hours: 4 }] }),
  }).records;
  const people = (records: typeof plain) => records.filter((record) => 'who' in record);
  expect(people(broken)).toEqual(people(plain));
  expect(ofKind(broken, 'temperature')).not.toEqual(ofKind(plain, 'temperature'));
  // Two more members of staff: the same people come at the same times, and want the same.
  const staffed = lived('pharmacy', { change: (file) => ({ ...file, staff: { ...file.staff, members: 5 } }) }).records;
  expect(ofKind(staffed, 'entered')).toEqual(ofKind(plain, 'entered'));
  // Half of them steal: that changes how they leave, not who comes after them.
  const honest = ofKind(plain, 'sold').length;
  const thieves = lived('pharmacy', {
    change: (file) => ({ ...file, shoppers: { ...file.shoppers, steal: 0.5 } }),
  }).records;
  expect(ofKind(thieves, 'sold').length).toBeLessThan(0.7 * honest);
  expect(ofKind(thieves, 'entered')).toEqual(ofKind(plain, 'entered'));
  expect(lived('pharmacy', { seed: 8 }).records.length).not.toBe(plain.length);
});

test('asking what is true, and how often time is advanced, changes nothing', () => {
  const plain = lived('pharmacy').records;
  const world = openWorld({ file: loadWorld('pharmacy'), seed: 7, from: '2026-03-05', days: 1 });
  const asked: LedgerRecord[] = [];
  world.watch((record) => asked.push(record));
  while (world.now < world.endsAt) {
    world.advance(world.now + 7_777);
    expect(world.celsius('medicine-1')).toBeGreaterThan(0);
    world.weightOn('free-choice-1-003');
    world.tagsIn('care');
    world.census();
  }
  expect(asked).toEqual(plain);
});
