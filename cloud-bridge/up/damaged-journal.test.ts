/**
 * A journal that is damaged under a running hub: the edge mends it by itself, head office gets what could be saved under
 * its old identity, is told of the rest, and nothing halts.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import type { Store } from '../../device-sims/harness/store.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { PAGE_BYTES as PAGE } from '../../edge/journal/database.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { verify } from '../hq/verify.ts';
import { kafkaStores } from './kafka-stores.fixture.ts';
import { drained, sell, startBoth } from './resume.fixture.ts';

describeWithKafka('a hub whose journal was damaged', () => {
  vi.setConfig({ testTimeout: 180_000 });
  const kafka = kafkaStores('store-d', 2);

  /** Head office has sales 1 to 300; 301 to 1500 wait; the edge is killed or stopped. */
  async function storeWithBacklog(end: 'kill' | 'stop'): Promise<Store> {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 300);
    await drained(store);
    await store.bridge.stop();
    for (let from = 301; from <= 1500; from += 100) await sell(store, from, from + 99);
    await waitUntil('the identity', async () => readdirSync(store.dataDir).includes('incarnations.json'), {
      timeoutMs: 30_000,
    });
    await store.edge[end]();
    if (end === 'stop') {
      const db = new SQLite(join(store.dataDir, 'journal.db'));
      db.pragma('wal_checkpoint(TRUNCATE)');
      db.close();
    }
    return store;
  }

  /** Overwrites leaf pages that hold these sales. */
  function spoil(store: Store, ...sales: number[]): void {
    const file = join(store.dataDir, 'journal.db');
    const bytes = readFileSync(file);
    const descriptor = openSync(file, 'r+');
    for (const sale of sales) {
      for (let page = 1; page < bytes.length / PAGE; page += 1) {
        const content = bytes.subarray(page * PAGE, (page + 1) * PAGE);
        if (content[0] === 0x0d && content.includes(`till-1/${sale}{`))
          writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, page * PAGE);
      }
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
  }

  /** Runs both again; resolves when head office has everything that is left. Gives the lost and what `verify` says. */
  async function mended(store: Store): Promise<{ chain: readonly { reason: string }[]; dropped: number }> {
    await store.edge.start();
    await store.bridge.start();
    await waitUntil(
      'the salvage',
      async () => {
        const reader = JournalReader.open(store.dataDir);
        try {
          return reader.incarnations().length > 1;
        } finally {
          reader.close();
        }
      },
      { timeoutMs: 60_000 },
    );
    await drained(store);
    await sell(store, 2001, 2010);
    await drained(store);
    const report = await verify({ brokers: kafka.brokers }, { hub: store.hub });
    expect(report.fault).toBeUndefined();
    expect(report.ok).toBe(true);
    for (const { streams } of report.hubs)
      for (const stream of Object.values(streams)) expect(stream).toMatchObject({ gaps: 0, duplicates: 0 });
    const reader = JournalReader.open(store.dataDir);
    try {
      return { chain: reader.incarnations(), dropped: report.hubs[0]?.streams.sales?.dropped ?? 0 };
    } finally {
      reader.close();
    }
  }

  test('pages of unsent events are found by the bridge; the others go up, the lost ones are told', async () => {
    const store = await storeWithBacklog('stop');
    spoil(store, 700, 900, 1100);
    const { chain, dropped } = await mended(store);
    expect(chain.map(({ reason }) => reason)).toEqual(['new database', 'salvage']);
    expect(dropped).toBeGreaterThan(2);
    expect(dropped).toBeLessThan(120);
    const alerts = (await store.get(`${store.httpUrl}/api/alerts`)) as { rule: string; detail: string }[];
    const [alert] = alerts.filter(({ rule }) => rule === 'journal-damage');
    expect(alert?.detail).toContain(`${dropped} of sales`);
    expect(await store.get(`${store.httpUrl}/health/ready`)).toMatchObject({
      status: 'degraded',
      reasons: expect.arrayContaining([expect.stringContaining('the journal was damaged')]),
    });
    const said = store.edge.lines.find((line) => line.includes('the journal was damaged'));
    expect(said).toContain('events were saved');
    expect(said).toContain('.damaged');
  });

  test('the first page: all events are saved', async () => {
    const store = await storeWithBacklog('stop');
    const descriptor = openSync(join(store.dataDir, 'journal.db'), 'r+');
    writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, 0);
    closeSync(descriptor);
    const { chain, dropped } = await mended(store);
    expect([chain.map(({ reason }) => reason), dropped]).toEqual([['new database', 'salvage'], 0]);
  });

  test('the whole file: the hub begins anew, and head office knows after what', async () => {
    const store = await storeWithBacklog('stop');
    writeFileSync(join(store.dataDir, 'journal.db'), Buffer.alloc(40 * PAGE));
    const { chain } = await mended(store);
    expect(chain.map(({ reason }) => reason)).toEqual(['new database', 'lost']);
  });

  test('the write-ahead log after kill -9: what was in it is gone, no identity is used twice', async () => {
    const store = await storeWithBacklog('kill');
    const wal = join(store.dataDir, 'journal.db-wal');
    writeFileSync(wal, Buffer.alloc(readFileSync(wal).length, 'rubbish'));
    const { chain } = await mended(store);
    expect(chain.at(-1)?.reason).not.toBe('new database');
  });

  test('killed again and again while it salvages, it gets there', async () => {
    const store = await storeWithBacklog('stop');
    truncateSync(
      join(store.dataDir, 'journal.db'),
      Math.floor(readFileSync(join(store.dataDir, 'journal.db')).length / PAGE / 2) * PAGE,
    );
    // Before, while and after the new journal takes the old one's place.
    for (const sign of [
      'journal.damaged',
      'journal.db.new',
      'journal.db.new',
      'journal.exchange',
      'journal.exchange',
    ]) {
      const ended = store.edge.startAndWait(30_000);
      const seen = (): boolean => existsSync(join(store.dataDir, sign)) || !store.edge.running();
      for (let looks = 0; !seen(); looks += 1) if (looks % 200 === 0) await breathe();
      await store.edge.kill();
      await ended;
      const reached = existsSync(join(store.dataDir, 'journal.damaged'));
      if (!reached) break;
    }
    const { chain } = await mended(store);
    expect(chain.at(-1)?.reason).toBe('salvage');
  });
});
