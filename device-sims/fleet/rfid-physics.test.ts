import { expect, it } from 'vitest';
import type { Shelf } from '../sim/floor.ts';
import { loadWorld } from '../sim/load-world.ts';
import { streams } from '../sim/streams.ts';
import { openWorld, type World } from '../sim/world.ts';
import type { ZonePlan } from '../sim/world-file.ts';
import { inTime, RadioField } from './rfid-physics.ts';

const file = loadWorld('fashion');
const world = openWorld({ file, seed: 3, from: '2026-03-05', days: 1 });
world.advance(world.now + 1000);
const NOBODY_BLIND = new Set<number>();

function zoneOf(name: string): ZonePlan {
  const zone = file.zones.find((one) => one.zone === name);
  if (!zone) throw new Error(`no zone ${name}`);
  return zone;
}

/** The tags of one zone that the reader of another hears in one round. */
function heardFrom(name: string, reader: string, { shop = world, round = 0 } = {}): readonly string[] {
  const field = new RadioField(zoneOf(reader), [1, 2], shop, streams(3)('field', name, reader, round));
  const zone = zoneOf(name);
  return [...world.tagsIn(name)].filter(
    (epc) => field.answer(field.hanging(epc, zone, undefined), NOBODY_BLIND) !== undefined,
  );
}

it('what is read through a wall hangs nearer to it than the rest of its zone', () => {
  const women = [...world.tagsIn('women')];
  const rounds = 20;
  const heard = Array.from({ length: rounds }, (_, round) => heardFrom('women', 'fitting-rooms', { round })).flat();
  expect(heard.length / rounds).toBeGreaterThan(5);
  expect(heard.length / rounds / women.length).toBeLessThan(0.08);
  const [x, y] = [6.5, 9.5];
  const away = (epcs: readonly string[]): number => {
    const metres = epcs
      .map((epc) => world.shelfOf(epc))
      .filter((shelf): shelf is Shelf => shelf !== undefined)
      .map((shelf) => Math.hypot(shelf.x - x, shelf.y - y));
    return metres.reduce((sum, one) => sum + one, 0) / metres.length;
  };
  expect(away(heard)).toBeLessThan(away(women) - 0.3);
});

it('a crowd stands between, and takes reads away', () => {
  const crowded = Object.create(world, { personsIn: { value: () => 40 } }) as World;
  const all = world.tagsIn('women').size;
  const [alone, between] = [heardFrom('women', 'women').length, heardFrom('women', 'women', { shop: crowded }).length];
  expect(alone / all).toBeGreaterThan(0.95);
  expect(between).toBeLessThan(alone);
  expect(between / all).toBeGreaterThan(0.8);
});

it('a tag hangs as it hung until it is moved', () => {
  const [one, other] = world.floor.shelves;
  const [epc] = world.tagsIn('women');
  if (!one || !other || epc === undefined) throw new Error('an empty shop');
  let shelf = one;
  const moving = Object.create(world, { shelfOf: { value: () => shelf } }) as World;
  const zone = zoneOf('women');
  const field = new RadioField(zone, [1, 2], moving, streams(3)('moved'));
  const before = field.hanging(epc, zone, undefined);
  expect(field.hanging(epc, zone, before)).toBe(before);
  shelf = other;
  expect(field.hanging(epc, zone, before)).toMatchObject({ place: other.shelf });
});

it('a round has time for so many, each as likely as the others', () => {
  const random = streams(1)('round');
  const answers = Array.from({ length: 100 }, (_, number) => number);
  const times = new Map<number, number>();
  for (let round = 0; round < 500; round += 1)
    for (const one of inTime([...answers], 20, random)) times.set(one, (times.get(one) ?? 0) + 1);
  expect(times.size).toBe(100);
  expect(Math.min(...times.values())).toBeGreaterThan(60);
  expect(Math.max(...times.values())).toBeLessThan(140);
  expect(inTime([1, 2, 3], 20, random)).toHaveLength(3);
});
