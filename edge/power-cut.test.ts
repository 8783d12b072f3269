/** The power goes while tills sell: a real file system that forgets what was not synced. */
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { describeWithLoopDisk } from '../device-sims/harness/loop-disk.ts';
import { DiskShop } from './disk-shop.fixture.ts';

vi.setConfig({ testTimeout: 180_000 });

const CUTS = 5;

let shop: DiskShop | undefined;

afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

/** Sells for a while, cuts the power, and boots again: the ids that were acknowledged. */
async function sellThroughPowerCut(own: DiskShop, ms: number): Promise<string[]> {
  const now = delay(ms);
  const cut = now.then(() => own.disk.cutPower());
  const taken = await own.sellUntil(now);
  await cut;
  await own.store.edge.kill();
  await own.disk.remount();
  return taken;
}

describeWithLoopDisk('a power cut', ['eatmydata'], () => {
  it('loses nothing that was acknowledged', async () => {
    const own = await DiskShop.open(256);
    shop = own;
    const taken: string[] = [];
    for (let cut = 0; cut < CUTS; cut += 1) {
      taken.push(...(await sellThroughPowerCut(own, 500 + 333 * cut)));
      await own.store.edge.start();
      expect(own.missing(taken), `after cut ${cut + 1}`).toEqual([]);
    }
    expect(taken.length).toBeGreaterThan(CUTS * 20);
  });

  it('is one that this test notices: without syncs it loses', async () => {
    // What eatmydata puts before the C library makes every sync do nothing.
    const preload = execFileSync('eatmydata', ['printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
    const libraries = execFileSync('eatmydata', ['sh', '-c', 'echo "$LD_LIBRARY_PATH"'], { encoding: 'utf8' }).trim();
    const own = await DiskShop.open(256, { LD_PRELOAD: preload, LD_LIBRARY_PATH: libraries });
    shop = own;
    const taken = await sellThroughPowerCut(own, 1500);
    expect(taken.length).toBeGreaterThan(20);
    const missing = (): number => {
      try {
        return own.missing(taken).length;
      } catch {
        return taken.length; // there is not even a journal left
      }
    };
    expect(missing()).toBeGreaterThan(0);
  });
});
