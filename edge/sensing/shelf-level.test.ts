import { expect, test } from 'vitest';
import { dataSchemaOf } from '../contracts/events.ts';
import type { Facing } from '../contracts/planogram.ts';
import type { Fact } from './sensed.ts';
import { senseShelf } from './shelf-level.ts';
import { countByWeight } from './weight-count.ts';

const WATER: Facing = {
  ...{ shelf: 'A1', zone: 'beverages', gtin: '09521234543213', name: 'Spring water 1 l', capacity: 24, minimum: 4 },
  ...{ unit_weight_g: 1020, tare_g: 350 },
};

class Shelf {
  readonly #memory = new Map<string, unknown>();
  facing = WATER;

  /** The facts of one reading. */
  says(body: object, history = false): Fact[] {
    const text = JSON.stringify({ shelf: 'A1', gtin: WATER.gtin, ...body });
    const sensed = senseShelf(
      { kind: 'shelf', device: 'scale-1', subject: 'A1', body: text, history },
      { recall: (kind, key) => this.#memory.get(`${kind} ${key}`), facing: () => this.facing },
    );
    for (const [kind, key, value] of sensed.remember) this.#memory.set(`${kind} ${key}`, value);
    for (const { type, data } of sensed.facts) dataSchemaOf(type).parse(JSON.parse(data));
    return [...sensed.facts];
  }

  weighs(grams: number, history = false): unknown[] {
    return this.says({ weight_g: grams }, history).map(({ type, data }) => {
      const { count, nearest, residual_g } = JSON.parse(data) as Record<string, number>;
      return type === 'retail.shelves.level.v1' ? count : { nearest, residual_g };
    });
  }
}

test('a weight that a number of items explains is a level, whatever the scale trembles', () => {
  const shelf = new Shelf();
  expect(shelf.weighs(350 + 7 * 1020)).toEqual([7]);
  for (const tremble of [-30, -6, 0, 6, 30]) expect(shelf.weighs(350 + 7 * 1020 + tremble)).toEqual([]);
  expect(shelf.weighs(350 + 6 * 1020 - 25)).toEqual([6]);
  for (const tremble of [-40, 0, 40]) expect(countByWeight(350 + tremble, WATER)).toBe(0);
});

test('a weight that no number of items explains leaves the level as it was, and is a fact of its own once', () => {
  const shelf = new Shelf();
  shelf.weighs(350 + 7 * 1020);
  const foreign = 350 + 7 * 1020 + 400;
  expect(shelf.weighs(foreign)).toEqual([{ nearest: 7, residual_g: 400 }]);
  for (const tremble of [-6, 3, 6]) expect(shelf.weighs(foreign + tremble)).toEqual([]);
  expect(shelf.weighs(foreign + 500), 'more of it').toEqual([{ nearest: 8, residual_g: -120 }]);
  expect(shelf.weighs(350 + 7 * 1020), 'clear again is said, though the level is the same').toEqual([7]);
  expect(shelf.weighs(350 + 7 * 1020)).toEqual([]);
  expect(shelf.weighs(foreign)).toHaveLength(1);
  expect(
    shelf.says({ count: 7 }).map(({ type }) => type),
    'a count makes it clear too',
  ).toEqual(['retail.shelves.level.v1']);
});

test('between half-full and full the scatter of many items is allowed for, by their own sigma', () => {
  // 24 bottles, each within its 1 %: together up to 4 * 10.2 * sqrt(24) = 200 g.
  expect(countByWeight(350 + 24 * 1020 + 190, WATER)).toBe(24);
  expect(countByWeight(350 + 24 * 1020 + 210, WATER)).toMatchObject({ nearest: 24, residual_g: 210 });
  const exact = { ...WATER, unit_sigma_g: 1 };
  expect(countByWeight(350 + 24 * 1020 + 190, exact)).toMatchObject({ nearest: 24, residual_g: 190 });
  expect(countByWeight(350 + 24 * 1020 + 20, exact)).toBe(24);
});

test('what is lighter than the scale can tell is counted as before', () => {
  const spices = { ...WATER, unit_weight_g: 30, tare_g: 0 };
  for (const grams of [0, 14, 16, 44, 46, 300]) expect(countByWeight(grams, spices)).toBe(Math.round(grams / 30));
});

test('a shelf below its tare is empty, and a weight of the past changes nothing that is known now', () => {
  const shelf = new Shelf();
  expect(shelf.weighs(350 + 5 * 1020)).toEqual([5]);
  expect(shelf.weighs(350 + 5 * 1020 + 400, true)).toEqual([{ nearest: 5, residual_g: 400 }]);
  expect(shelf.weighs(350 + 5 * 1020)).toEqual([]);
  expect(shelf.weighs(-200)).toEqual([0]);
});
