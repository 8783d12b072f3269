import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { facingSchema } from '../../edge/contracts/planogram.ts';
import { fitOut } from './floor.ts';
import { planogramYaml } from './hub-planogram.ts';
import { loadWorld, readyWorlds } from './load-world.ts';
import { lived, ofKind } from './world.fixture.ts';
import { openWorld } from './world.ts';

test.each(readyWorlds())('%s: the hub takes its planogram, and no shelf or product is named twice', (name) => {
  const { planogram } = parse(planogramYaml(fitOut(loadWorld(name), 50)));
  const facings = planogram.map((facing: unknown) => facingSchema.parse(facing));
  expect(facings.length).toBe(loadWorld(name).departments.reduce((sum, { skus }) => sum + skus, 0));
  for (const key of ['shelf', 'gtin', 'name'] as const) {
    expect(new Set(facings.map((facing: Record<typeof key, string>) => facing[key])).size).toBe(facings.length);
  }
});

test.each(readyWorlds())('%s: every shelf stands in its zone, and no two at one place', (name) => {
  const { shelves, zones } = fitOut(loadWorld(name), 50);
  for (const { zone, x, y } of shelves) {
    const [left, front, width, depth] = zones.get(zone)?.area ?? [0, 0, 0, 0];
    expect(x > left && x < left + width && y > front && y < front + depth).toBe(true);
  }
  const places = new Set(shelves.map(({ x, y }) => `${x} ${y}`));
  // In the longest aisles places are rounded to one.
  expect(places.size / shelves.length).toBeGreaterThan(0.9);
});

test('a tagged item stands on a shelf in its zone, or is carried', () => {
  const world = openWorld({ file: loadWorld('fashion'), seed: 7, from: '2026-03-07', days: 1 });
  const basket = new Set<string>();
  world.watch((record) => {
    if (record.kind === 'picked') for (const epc of record.epcs ?? []) basket.add(epc);
    if (record.kind === 'put-back' || record.kind === 'restocked')
      for (const epc of record.epcs ?? []) basket.delete(epc);
  });
  world.advance(world.endsAt - 9 * 3_600_000);
  let [standing, carried] = [0, 0];
  for (const zone of world.floor.zones.keys()) {
    for (const epc of world.tagsIn(zone)) {
      const shelf = world.shelfOf(epc);
      if (shelf) {
        expect(shelf.zone).toBe(zone);
        expect(basket).not.toContain(epc);
        standing += 1;
      } else if (basket.has(epc)) {
        carried += 1;
      }
    }
  }
  const { on_shelves, misplaced } = world.census();
  expect(standing).toBe(on_shelves + misplaced);
  expect(carried).toBeGreaterThan(0);
});

test('staff who are sent to a shelf fill it from the back room', () => {
  const lazy = { change: (file: ReturnType<typeof loadWorld>) => ({ ...file, staff: { ...file.staff, notice: 0 } }) };
  const { records } = lived('supermarket', lazy);
  expect(ofKind(records, 'fetched')).toEqual([]);
  const file = lazy.change(loadWorld('supermarket'));
  const world = openWorld({ file, seed: 7, from: '2026-03-05', days: 1 });
  const gap = ofKind(records, 'gap-began').find(({ in_back_room, ms }) => in_back_room > 20 && ms > world.now);
  if (!gap) throw new Error('no gap with stock behind it');
  const told: string[] = [];
  world.watch((record) => {
    if ('shelf' in record && record.shelf === gap.shelf && record.kind !== 'shelf') told.push(record.kind);
  });
  world.advance(gap.ms);
  world.sendStaff(gap.shelf);
  world.advance(gap.ms + 600_000);
  expect(told.filter((kind) => kind !== 'picked')).toEqual(['gap-began', 'restocked', 'gap-ended']);
});
