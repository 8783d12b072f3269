import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../harness/need-tools.ts';
import { makeStore, type Store } from '../harness/store.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { loadWorld } from '../sim/load-world.ts';
import { streams } from '../sim/streams.ts';
import { openWorld } from '../sim/world.ts';
import { configOf, openFleet } from './fleet.ts';
import { type Links, newTally } from './sim-device.ts';

const NO_LINKS: Links = { publish: async () => undefined, post: async () => undefined, leave: async () => undefined };

describeWith('socat')('scales on serial lines', () => {
  let dir = '';
  let store: Store | undefined;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'store-hub-scales-'));
  });
  afterAll(async () => {
    await store?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('tell a real hub how many stand on their shelves, in the morning and at noon', async () => {
    const file = loadWorld('fashion');
    const own = await makeStore({ config: configOf({ file, coverage: 100, speed: 60, dir, serial: true }) });
    store = own;
    await own.edge.start();
    const world = openWorld({ file, seed: 3, from: '2026-03-05', days: 1, coverage: 100 });
    world.advance(world.now + 1000);
    const all = openFleet({
      ...{ world, of: streams(3), tally: newTally(), dir, serial: true },
      ...{ linksOf: () => NO_LINKS, clockOf: () => (now: number) => now },
    });
    const scales = all.filter(({ entry }) => entry?.serial !== undefined);
    expect(scales.map(({ entry }) => entry?.codec)).toEqual(['mt-sics', 'toledo-8217', 'mt-sics', 'toledo-8217']);
    const shelves = scales.map(({ entry }) => String(entry?.shelf));
    const known = async (): Promise<Record<string, unknown>> => {
      const { stdout } = await own.run(['journal', 'export']);
      const counts: Record<string, unknown> = {};
      for (const line of stdout.split('\n')) {
        if (line === '') continue;
        const { type, data } = JSON.parse(line) as { type: string; data: Record<string, unknown> };
        if (type === 'retail.shelves.level.v1') counts[String(data.shelf)] = data.count;
      }
      return counts;
    };
    const truly = (): Record<string, number> =>
      Object.fromEntries(shelves.map((shelf) => [shelf, world.countOn(shelf)]));
    const same = async (): Promise<boolean> => {
      const [said, is] = [await known(), truly()];
      return shelves.every((shelf) => said[shelf] === is[shelf]);
    };
    try {
      for (const scale of scales) await scale.start();
      await waitUntil('the hub to count four shelves', same, { timeoutMs: 30_000, everyMs: 500 });
      const morning = truly();
      for (let hour = 0; hour < 40 && shelves.every((shelf) => world.countOn(shelf) === morning[shelf]); hour += 1)
        world.advance(world.now + 30 * 60_000);
      expect(truly()).not.toEqual(morning);
      await waitUntil('the hub to count what was taken', same, { timeoutMs: 30_000, everyMs: 500 });
    } finally {
      for (const scale of scales) await scale.stop();
    }
  }, 90_000);
});
