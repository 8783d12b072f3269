/**
 * The hub's own restore does not halt: what head office has of the closed incarnation counts as acknowledged, what it
 * lacks goes up as it was, and only then the new incarnation. A journal that somebody copied back still halts.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import type { Store } from '../../device-sims/harness/store.ts';
import { kafkaStores } from './kafka-stores.fixture.ts';
import { drained, forget, haltsForGood, provenComplete, sell, startBoth, stopBoth } from './resume.fixture.ts';

describeWithKafka('a store that was restored from its own backup', () => {
  vi.setConfig({ testTimeout: 180_000 });
  const kafka = kafkaStores('store-b', 2);

  async function succeeds(store: Store, ...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await store.run([...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  test('head office is beyond the backup: nothing is sent twice, the bridge keeps running', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    expect(await succeeds(store, 'backup', 'backup.db')).toMatchObject({ hub: store.hub });
    await sell(store, 21, 40);
    await drained(store);
    await store.edge.stop();
    expect(await succeeds(store, 'restore', 'backup.db')).toMatchObject({ left_behind: expect.any(Number) });
    await store.edge.start();
    await sell(store, 41, 50);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 50);
    // A second time from the same backup, with head office in an incarnation that the backup never heard of.
    await store.edge.stop();
    await succeeds(store, 'restore', 'backup.db');
    await store.edge.start();
    await sell(store, 51, 60);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 60);
    await stopBoth(store);
    await startBoth(store);
    await sell(store, 61, 62);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 62);
  });

  test('head office lacks some of the backup: that goes up under its old identity, and first', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 10);
    await drained(store);
    await store.bridge.stop();
    await sell(store, 11, 25);
    await succeeds(store, 'backup', 'backup.db');
    await store.edge.stop();
    expect(await succeeds(store, 'restore', 'backup.db')).toMatchObject({ left_behind: 0 });
    await store.edge.start();
    await sell(store, 26, 30);
    await store.bridge.start();
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 30);
  });

  test('what was sent from the backup in the meantime is not sent again', async () => {
    const store = await kafka.open();
    await store.edge.start();
    await sell(store, 1, 15);
    await succeeds(store, 'backup', 'backup.db');
    await store.bridge.start();
    await drained(store);
    await stopBoth(store);
    await succeeds(store, 'restore', 'backup.db');
    await startBoth(store);
    await sell(store, 16, 20);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 20);
  });

  test('on a new box, with both folders gone, it goes on without an operator', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    await succeeds(store, 'backup', 'backup.db');
    await sell(store, 21, 30);
    await drained(store);
    await stopBoth(store);
    await forget(store, ['journal', 'bridge']);
    await succeeds(store, 'restore', 'backup.db');
    await startBoth(store);
    await sell(store, 31, 40);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 40);
  });

  test('a backup that somebody copied into its place by hand still halts', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    await drained(store);
    await succeeds(store, 'backup', 'backup.db');
    await sell(store, 21, 40);
    await drained(store);
    await stopBoth(store);
    for (const suffix of ['-wal', '-shm']) await rm(join(store.dataDir, `journal.db${suffix}`), { force: true });
    await cp(join(store.dir, 'backup.db'), join(store.dataDir, 'journal.db'));
    await store.edge.start();
    await sell(store, 41, 45);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('older than what it already sent');
  });
});
