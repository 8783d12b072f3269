/** A real edge on a disk that others fill, that becomes read-only, and that comes back. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { describeWithLoopDisk } from '../device-sims/harness/loop-disk.ts';
import { attachStrace } from '../device-sims/harness/strace.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { DiskShop } from './disk-shop.fixture.ts';
import { JournalReader } from './journal/reader.ts';
import { edgeRequest } from './ops/edge-request.ts';

vi.setConfig({ testTimeout: 120_000 });

let shop: DiskShop | undefined;

afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

async function open(): Promise<DiskShop> {
  shop = await DiskShop.open(96);
  return shop;
}

/** Sells until it is not taken any more; the ids that were. */
async function sellUntilRefused(own: DiskShop): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < 2000; i += 1) {
    const { status, ids } = await own.sell(100);
    if (status !== 202) return taken;
    taken.push(...ids);
  }
  throw new Error('the disk was never full');
}

/** As the bridge does when head office has everything. */
async function acknowledgeAll(own: DiskShop): Promise<number> {
  const reader = JournalReader.open(own.dataDir);
  const incarnation = reader.incarnations().at(-1)?.incarnation ?? '';
  const acked = { sales: reader.heads(incarnation).sales ?? 0 };
  reader.close();
  const body = { incarnation, acked, batch: 'b' };
  return (await edgeRequest(join(own.dataDir, 'edge.sock'), 'POST', '/bridge/acknowledge', body)).status;
}

describeWithLoopDisk('a disk that others have filled', [], () => {
  it('is refused and said so without a crash, and takes facts again by itself when there is room', async () => {
    const own = await open();
    expect(await own.level(12)).toBe(202);
    const [repeat = ''] = (await own.sell()).ids;
    own.disk.fill();
    const taken = await sellUntilRefused(own);
    const full = await own.readiness();
    expect(full.status).toBe(503);
    expect(full.reasons).toMatch(/nothing is stored: the disk is full/);
    // What needs no storing is still acknowledged.
    expect(await own.level(12)).toBe(202);
    expect((await own.sellAs([repeat])).status).toBe(202);
    expect(await own.level(11)).toBe(503);
    expect(own.store.edge.running()).toBe(true);
    own.disk.empty();
    const back = performance.now();
    await waitUntil('the hub to take facts again', async () => (await own.readiness()).status === 200);
    expect(performance.now() - back).toBeLessThan(15_000);
    const after = await own.sell();
    expect(after.status).toBe(202);
    await waitUntil('the ballast to be back', () => existsSync(join(own.dataDir, 'ballast')));
    await own.store.edge.kill();
    await own.store.edge.start();
    expect(own.missing([...taken, ...after.ids])).toEqual([]);
  });

  it('acknowledges no word on consent that it cannot store, and goes by what it took', async () => {
    const own = await open();
    const say = async (kind: string, body: object) => (await own.store.post(`/in/${kind}/gate`, body)).status;
    const consent = (shopper: string, granted: boolean) => say('consent', { shopper, granted, scope: 'offers' });
    const sighted = (zone: string) => say('presence', { shopper: 'anna-4410', zone, present: true });
    expect([await consent('anna-4410', true), await sighted('dairy')]).toEqual([202, 202]);
    own.disk.fill();
    await sellUntilRefused(own);
    expect([await consent('bob-9102', true), await consent('anna-4410', false)]).toEqual([503, 503]);
    // Of whom nothing is known nothing needs storing.
    expect(await consent('carl-7731', false)).toBe(202);
    own.disk.empty();
    await waitUntil('the hub to take facts again', async () => (await own.readiness()).status === 200);
    expect([await consent('anna-4410', false), await sighted('beverages')]).toEqual([202, 202]);
    const reader = JournalReader.open(own.dataDir);
    const [incarnation] = reader.incarnations();
    const events = reader.rows('shoppers', incarnation?.incarnation ?? '', 0, 100);
    reader.close();
    expect(events.map(({ data }) => JSON.parse(data).granted ?? JSON.parse(data).zone)).toEqual([true, 'dairy', false]);
  });

  it('still takes what head office acknowledges, and stores in the pages that become free by it', async () => {
    const own = await open();
    for (let i = 0; i < 50; i += 1) await own.sell(100);
    own.disk.fill();
    await sellUntilRefused(own);
    expect(existsSync(join(own.dataDir, 'ballast'))).toBe(false);
    own.disk.fill(); // whatever became free, others take it, too
    expect(await acknowledgeAll(own)).toBeLessThan(300);
    await waitUntil('facts to be taken on the full disk', async () => (await own.sell(10)).status === 202);
    const more = await own.sell(100);
    expect(more.status).toBe(202);
    expect(own.missing(more.ids)).toEqual([]);
  });

  it('could not do that without the ballast', async () => {
    const own = await open();
    for (let i = 0; i < 50; i += 1) await own.sell(100);
    rmSync(join(own.dataDir, 'ballast'));
    own.disk.fill();
    await sellUntilRefused(own);
    own.disk.fill();
    await acknowledgeAll(own);
    await new Promise((done) => setTimeout(done, 4000));
    expect((await own.sell(100)).status).toBe(503);
    expect(own.store.edge.running()).toBe(true);
  });

  it('does not keep the hub from starting', async () => {
    const own = await open();
    const { ids } = await own.sell(100);
    await own.store.edge.kill();
    own.disk.fill();
    const ended = await Promise.race([
      own.store.edge.startAndWait(90_000),
      waitUntil('it to answer', async () => (await own.readiness()).status > 0, { timeoutMs: 60_000 }).then(() => 'up'),
    ]);
    expect(ended).toBe('up');
    expect(own.missing(ids)).toEqual([]);
  });
});

describeWithLoopDisk('a disk that became read-only', ['strace'], () => {
  it('is refused and said so without a crash; everything acknowledged is there after it was mounted again', async () => {
    const own = await open();
    expect(await own.level(12)).toBe(202);
    const { ids } = await own.sell(500);
    await own.disk.makeReadOnly();
    expect((await own.sell()).status).toBe(503);
    const now = await own.readiness();
    expect(now.status).toBe(503);
    expect(now.reasons).toMatch(/read-only/);
    expect(await own.level(12)).toBe(202);
    await new Promise((done) => setTimeout(done, 2500));
    expect(own.store.edge.running()).toBe(true);
    await own.store.edge.kill();
    await own.disk.remount();
    await own.store.edge.start();
    expect((await own.sell()).status).toBe(202);
    expect(own.missing(ids)).toEqual([]);
  });

  it('and then writable again is used again by itself', async () => {
    const own = await open();
    const before = await own.sell(10);
    const files = ['journal.db-wal', 'write-test'].map((name) => join(own.dataDir, name));
    const strace = await attachStrace(own.store.edge.pid ?? 0, ['inject=pwrite64,openat:error=EROFS'], files);
    expect((await own.sell()).status).toBe(503);
    expect((await own.readiness()).reasons).toMatch(/read-only/);
    await strace.detach();
    await waitUntil('the hub to take facts again', async () => (await own.readiness()).status === 200);
    const after = await own.sell(10);
    expect(after.status).toBe(202);
    expect(own.missing([...before.ids, ...after.ids])).toEqual([]);
  });
});
