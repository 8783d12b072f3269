/** Syncs that fail, reads and writes that fail, syncs that take long: nothing acknowledged is lost. */
import { afterEach, expect, it, vi } from 'vitest';
import { describeWithLoopDisk } from '../device-sims/harness/loop-disk.ts';
import { attachStrace } from '../device-sims/harness/strace.ts';
import { DiskShop } from './disk-shop.fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

let shop: DiskShop | undefined;

afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

const FAULTS = [
  { fault: 'a sync that fails', inject: 'inject=fdatasync,fsync:error=EIO' },
  { fault: 'a later sync that fails', inject: 'inject=fdatasync,fsync:error=EIO:when=20' },
  { fault: 'a write that fails', inject: 'inject=pwrite64:error=EIO:when=50' },
];

describeWithLoopDisk('an edge whose disk fails', ['strace'], () => {
  it.each(FAULTS)(
    'by $fault ends non-zero, acknowledges nothing more, and recovers at the next start',
    async ({ inject }) => {
      shop = await DiskShop.open(96);
      const { edge } = shop.store;
      const before = (await shop.sell(50)).ids;
      await attachStrace(edge.pid ?? 0, [inject]);
      let over = (): void => undefined;
      const selling = shop.sellUntil(
        new Promise<void>((resolve) => {
          over = resolve;
        }),
      );
      const ended = await Promise.race([
        edge.stopped(),
        new Promise((done) => setTimeout(() => done('runs on'), 30_000)),
      ]);
      over();
      expect(ended).toMatchObject({ code: 1 });
      const taken = [...before, ...(await selling)];
      await edge.start();
      expect(shop.missing(taken)).toEqual([]);
      expect((await shop.sell()).status).toBe(202);
    },
  );

  it('by syncs of 30 ms only becomes slower', async () => {
    shop = await DiskShop.open(96);
    const { edge } = shop.store;
    const strace = await attachStrace(edge.pid ?? 0, ['inject=fdatasync,fsync:delay_enter=30000']);
    const taken = await shop.sellUntil(new Promise((done) => setTimeout(done, 3000)));
    await strace.detach();
    expect(taken.length).toBeGreaterThan(20);
    expect(edge.running()).toBe(true);
    await edge.kill();
    await edge.start();
    expect(shop.missing(taken)).toEqual([]);
  });
});
