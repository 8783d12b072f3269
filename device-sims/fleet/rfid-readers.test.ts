import { expect, it } from 'vitest';
import { loadWorld } from '../sim/load-world.ts';
import { streams } from '../sim/streams.ts';
import { openWorld } from '../sim/world.ts';
import { openImpinjReader } from './rfid-readers.ts';
import { newTally } from './sim-device.ts';

interface Event {
  readonly tagInventoryEvent?: { readonly epc: string; readonly peakRssiCdbm: number; readonly antennaPort: number };
  readonly inventoryStatusEvent?: object;
}

/**
 * A reader in the fashion shop at night, when nothing moves, for some simulated minutes; from the start on blind on an
 * antenna, or on all.
 */
async function nightOf(minutes: number, blind?: 1 | 2 | 'all') {
  const file = loadWorld('fashion');
  const world = openWorld({ file, seed: 3, from: '2026-03-05', days: 1 });
  world.advance(world.now + 1000);
  const zone = file.zones.find(({ zone }) => world.tagsIn(zone).size > 100);
  if (!zone) throw new Error('the fashion shop has no tags');
  const nextDoor = file.zones.filter((other) => other !== zone).map((other) => other.zone);
  const rssi = new Map<string, number[]>();
  const ports = new Set<number>();
  let alive = 0;
  const reader = openImpinjReader(
    { name: 'reader', zone, nextDoor, everyMs: 5_000, quietMs: 60_000 },
    {
      world,
      random: streams(3)('reader'),
      clock: (now) => now,
      tally: newTally(),
      links: {
        leave: async () => undefined,
        publish: async () => undefined,
        post: async (path, body) => {
          expect(path).toBe('/push/reader');
          const events = JSON.parse(String(body)) as Event[];
          expect(events.length).toBeLessThanOrEqual(500);
          for (const { tagInventoryEvent: tag, inventoryStatusEvent: status } of events) {
            if (status !== undefined) alive += 1;
            if (tag === undefined) continue;
            ports.add(tag.antennaPort);
            const epc = Buffer.from(tag.epc, 'base64url').toString('hex').toUpperCase();
            rssi.set(epc, [...(rssi.get(epc) ?? []), tag.peakRssiCdbm / 100]);
          }
        },
      },
    },
  );
  await reader.start();
  if (blind !== undefined) reader.blind?.(blind === 'all' ? undefined : blind, true);
  const from = world.now;
  for (let now = from; now < from + minutes * 60_000; now += 5_000) reader.look(now);
  await reader.settled();
  return { own: world.tagsIn(zone.zone), rssi, ports, alive };
}

it('a reader sees nearly every tag of its zone within minutes, each about once a minute, and strays seldom and weaker', async () => {
  const { own, rssi } = await nightOf(10);
  const reads = [...rssi].map(([epc, values]) => ({ isOwn: own.has(epc), values }));
  const mine = reads.filter(({ isOwn }) => isOwn);
  const strays = reads.filter(({ isOwn }) => !isOwn);
  expect(mine.length / own.size).toBeGreaterThan(0.99);
  const each = mine.reduce((sum, { values }) => sum + values.length, 0) / mine.length;
  expect(each).toBeGreaterThan(5);
  expect(each).toBeLessThan(12);
  expect(strays.length).toBeGreaterThan(0);
  const mean = (of: typeof reads): number => {
    const all = of.flatMap(({ values }) => values);
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  };
  expect(mean(mine) - mean(strays)).toBeGreaterThan(5);
  expect(Math.min(...reads.flatMap(({ values }) => values))).toBeGreaterThan(-90);
});

it('a blind reader sees nothing and reports that it is at work; blind on one side it sees less with the other', async () => {
  const all = await nightOf(2, 'all');
  expect(all.rssi.size).toBe(0);
  expect(all.alive).toBe(24);
  const [sound, half] = [await nightOf(2), await nightOf(2, 1)];
  expect(sound.ports).toEqual(new Set([1, 2]));
  expect(half.ports).toEqual(new Set([2]));
  const mine = ({ own, rssi }: typeof half): number => [...rssi.keys()].filter((epc) => own.has(epc)).length;
  // Half of the tags hang before the blind one, and half of those are out of the other's sight.
  expect(mine(half) / mine(sound)).toBeGreaterThan(0.65);
  expect(mine(half) / mine(sound)).toBeLessThan(0.85);
});

it('the same seed reads the same', async () => {
  const [once, again] = [await nightOf(2), await nightOf(2)];
  expect([...once.rssi]).toEqual([...again.rssi]);
});
