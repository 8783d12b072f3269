/** What the edge dropped for want of space, on its way to a real Kafka: left out, told, and proven by head office's verify. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import { PartitionReader } from '../hq/partition-reader.ts';
import { createTopics } from '../hq/topics.ts';
import { verify } from '../hq/verify.ts';
import { BridgeDaemon } from './daemon.ts';
import { planRefill } from './resume-plans.ts';
import { readSituation } from './resume-situation.ts';
import { arrived, checkpoints, Shop } from './shop.fixture.ts';
import { StateFile } from './state.ts';

vi.setConfig({ testTimeout: 120_000 });

const PARTITION = 1;

describeWithKafka('events that were dropped', () => {
  let kafka: LocalKafka;
  let shop: Shop;
  let count = 0;
  let running: BridgeDaemon | undefined;

  beforeAll(async () => {
    kafka = await startKafka();
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    shop = new Shop(`dropped-${count}`);
    await shop.start();
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await shop.remove();
  });

  function bridge(): BridgeDaemon {
    const daemon = new BridgeDaemon({
      hub: shop.hub,
      partition: PARTITION,
      brokers: kafka.brokers,
      access: () => ({}),
      logger: pino({ level: process.env.DEBUG_BRIDGE ?? 'silent' }),
      transactionTimeout: 3_000,
      dataDir: shop.dataDir,
      bridgeDir: shop.bridgeDir,
      linger: 20,
      retryMax: 1_000,
      metrics: new BridgeMetrics(),
    });
    running = daemon;
    void daemon.run();
    return daemon;
  }

  async function sent(stream: 'sales' | 'climate' | 'alerts' | 'devices', to: number): Promise<void> {
    await waitUntil(`${stream} to reach ${to}`, () => shop.acked(stream) >= to, { timeoutMs: 60_000 });
  }

  async function proven(dropped: Partial<Record<string, number>>): Promise<void> {
    const report = await verify({ brokers: kafka.brokers }, { hub: shop.hub });
    expect(report).toMatchObject({ ok: true });
    for (const [stream, rows] of Object.entries(dropped)) {
      const found = report.hubs.at(-1)?.streams as Record<string, object> | undefined;
      expect(found?.[stream], stream).toMatchObject({ dropped: rows, gaps: 0, duplicates: 0 });
    }
  }

  async function toldRanges(): Promise<unknown[]> {
    const devices = await arrived(kafka.brokers, shop.hub, 'devices', PARTITION);
    return devices
      .map(({ text }) => JSON.parse(text) as { type: string; data: Record<string, string | number> })
      .filter(({ type }) => type === 'retail.devices.dropped.v1')
      .map(({ data }) => [data.stream, Number(data.from), Number(data.to), data.count]);
  }

  async function droppedInCheckpoints(stream: string): Promise<unknown[]> {
    const texts = await checkpoints(kafka.brokers, shop.hub, PARTITION);
    return texts.flatMap((text) => {
      const { streams } = JSON.parse(text) as { streams: Record<string, { dropped: { from: string; to: string }[] }> };
      return (streams[stream]?.dropped ?? []).map(({ from, to }) => [Number(from), Number(to)]);
    });
  }

  test('are left out, named in the checkpoint once, and told by events that arrive with it', async () => {
    shop.append('sales', 1000);
    shop.append('alerts', 50);
    shop.drop('sales', 1, 100);
    shop.drop('sales', 101, 150);
    shop.drop('sales', 501, 600);
    shop.drop('alerts', 10, 12);
    const daemon = bridge();
    await sent('sales', 1000);
    expect((await arrived(kafka.brokers, shop.hub, 'sales', PARTITION)).length).toBe(750);
    await proven({ sales: 100, alerts: 3 }); // what is before the oldest record needs no proof
    expect(await droppedInCheckpoints('sales')).toEqual([
      [1, 150],
      [501, 600],
    ]);
    expect(await toldRanges()).toEqual([
      ['sales', 1, 150, 150],
      ['sales', 501, 600, 100],
      ['alerts', 10, 12, 3],
    ]);
    shop.append('sales', 10);
    await sent('sales', 1010);
    await proven({ sales: 100, alerts: 3 });
    expect(daemon.report.status().lag).toEqual({});
    expect((await droppedInCheckpoints('sales')).length).toBe(2);
  });

  test('between gathering and reserving are not sent, and nothing after them is lost', async () => {
    shop.append('sales', 20_000);
    shop.beforeReserve = () => {
      shop.drop('sales', 1, 3000);
      shop.drop('sales', 5001, 9000);
    };
    bridge();
    await sent('sales', 20_000);
    const sales = await arrived(kafka.brokers, shop.hub, 'sales', PARTITION);
    expect(sales.length).toBe(13_000);
    expect(sales[0]?.streamSequence).toBe(3001);
    await proven({ sales: 4000 });
    expect(await toldRanges()).toEqual([
      ['sales', 1, 3000, 3000],
      ['sales', 5001, 9000, 4000],
    ]);
  });

  test('again and again, while the bridge is sending, never become a gap', async () => {
    shop.append('sales', 60_000, 'x'.repeat(50));
    bridge();
    let dropped = 0;
    for (let from = 8001; from < 60_000; from += 4000) {
      shop.beforeReserve = () => {
        // As the edge does: neither what is being sent goes, nor what head office has.
        if (Math.max(shop.reserved('sales'), shop.acked('sales')) >= from) return;
        shop.drop('sales', from, from + 999);
        dropped += 1000;
      };
      await waitUntil('the next reservation', () => shop.beforeReserve === undefined || shop.acked('sales') === 60_000);
    }
    await sent('sales', 60_000);
    expect(dropped).toBeGreaterThan(0);
    await proven({ sales: dropped });
  });

  test('at the very end do not hold up what comes later', async () => {
    shop.append('climate', 100);
    shop.drop('climate', 51, 100);
    shop.append('sales', 10);
    bridge();
    await sent('sales', 10);
    await proven({ climate: 0 });
    shop.append('climate', 5);
    await sent('climate', 105);
    await proven({ climate: 50 });
  });

  test('of an earlier incarnation are told by the next one, and proven meanwhile', async () => {
    shop.append('sales', 100);
    shop.drop('sales', 41, 60);
    const before = shop.incarnation;
    shop.openIncarnation();
    shop.append('sales', 10);
    bridge();
    await sent('sales', 10);
    const report = await verify({ brokers: kafka.brokers }, { hub: shop.hub });
    expect(report).toMatchObject({ ok: true });
    const old = report.hubs.find(({ incarnation }) => incarnation === before);
    expect(old?.streams.sales).toMatchObject({ first: 1, last: 100, dropped: 20, gaps: 0 });
    expect(await toldRanges()).toEqual([['sales', 41, 60, 20]]);
  });

  test('do not keep a refill from going on after what head office really has', async () => {
    shop.append('sales', 300);
    shop.drop('sales', 101, 200);
    const first = bridge();
    await sent('sales', 300);
    await waitUntil('it to be idle', () => first.report.status().state === 'idle', { timeoutMs: 30_000 });
    await first.stop();
    const journal = JournalReader.open(shop.dataDir);
    const reader = new PartitionReader({ brokers: kafka.brokers });
    await reader.start();
    try {
      const state = StateFile.open(shop.bridgeDir);
      const sources = { hub: shop.hub, partition: PARTITION, state: state.state, journal, reader };
      state.close();
      const situation = await readSituation(sources);
      const { incarnation } = shop;
      const fellBack = new Map([[incarnation, { ...situation.office.real.get(incarnation), sales: 50 }]]);
      const office = { ...situation.office, real: fellBack };
      expect(planRefill({ ...situation, office })).toMatchObject({ incarnation, acked: { sales: 50 } });
    } finally {
      await reader.stop();
      journal.close();
    }
  });

  test('are no excuse for other holes: those halt it as before', async () => {
    shop.append('sales', 100);
    shop.drop('sales', 41, 50);
    shop.lose('sales', 51, 60);
    const daemon = bridge();
    await waitUntil('the halt', () => daemon.report.status().state === 'halted', { timeoutMs: 30_000 });
    expect(daemon.report.status().reason).toMatch(/lacks events of sales between 50 and 61/);
  });
});
