/**
 * The whole of it: a real edge with little room, a real bridge, a real Kafka behind a link that fails. What does not fit
 * is dropped and told; head office proves that nothing else is missing and nothing is there twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../device-sims/harness/need-kafka.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../device-sims/kafka/local-kafka.ts';
import type { Stream } from '../edge/contracts/streams.ts';
import { JournalReader } from '../edge/journal/reader.ts';
import type { VerifyReport } from './hq/completeness.ts';
import { createTopics } from './hq/topics.ts';
import { verify } from './hq/verify.ts';
import { arrived } from './up/shop.fixture.ts';

vi.setConfig({ testTimeout: 240_000 });

const ARRAY = 500;

describeWithKafka('a hub with little room', () => {
  let kafka: LocalKafka;
  let store: Store | undefined;
  let hubs = 0;
  let readings = 0;

  beforeAll(async () => {
    kafka = await startKafka({ link: true });
    await createTopics({ brokers: kafka.brokers }, { partitions: 1, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  afterEach(async () => {
    for (const link of kafka.links) link.heal();
    await store?.stop();
    store = undefined;
  });

  async function shop(budget: string): Promise<Store> {
    hubs += 1;
    const hub = `overflow-${hubs}`;
    const made = await makeStore({ hub, brokers: kafka.linkBrokers, config: { journal: { disk_budget: budget } } });
    store = made;
    await made.edge.start();
    await made.bridge.start();
    return made;
  }

  /** An array of crossings and one of sales, both sent until they are taken. */
  async function trade(own: Store, isOver: () => boolean = () => false): Promise<void> {
    const crossings = Array.from({ length: ARRAY }, () => ({ id: `c-${readings++}`, line: 'door', in: 1, out: 0 }));
    const line = { gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } };
    const sales = Array.from({ length: 5 }, () => readings++).map((n) => ({
      id: `s-${n}`,
      till: 'till-1',
      transaction: String(n),
      lines: [line],
    }));
    for (const [path, body] of [
      ['/in/traffic/counter-1', crossings],
      ['/in/sale/till-1', sales],
    ] as const) {
      while (!isOver()) {
        const answer = await own.post(path, body).catch(() => undefined);
        if (answer?.status === 202) break;
        await delay(50);
      }
    }
  }

  function heads(own: Store): Partial<Record<Stream, number>> {
    const reader = JournalReader.open(own.dataDir);
    try {
      return reader.heads(reader.incarnations().at(-1)?.incarnation ?? '');
    } finally {
      reader.close();
    }
  }

  /** Waits until head office has everything there is, and returns what verify says of the hub. */
  async function drained(own: Store): Promise<VerifyReport['hubs'][number]> {
    await waitUntil(
      'head office to have everything',
      async () => {
        const { lag, state } = (await own.get(`${own.bridgeUrl}/status`)) as { lag: object; state: string };
        expect(state).not.toBe('halted');
        return Object.keys(lag).length === 0;
      },
      { timeoutMs: 90_000, everyMs: 200 },
    );
    const report = await verify({ brokers: kafka.brokers }, { hub: own.hub });
    expect(report).toMatchObject({ ok: true, faults: 0 });
    const [found] = report.hubs;
    if (!found) throw new Error('verify knows nothing of the hub');
    for (const stream of Object.values(found.streams)) expect(stream).toMatchObject({ gaps: 0, duplicates: 0 });
    return found;
  }

  /** How many events of a stream the dropped events at head office name. */
  async function told(own: Store, stream: Stream): Promise<number> {
    const devices = await arrived(kafka.brokers, own.hub, 'devices', 0);
    return devices
      .map(({ text }) => JSON.parse(text) as { type: string; data: { stream: string; count: number } })
      .filter(({ type, data }) => type === 'retail.devices.dropped.v1' && data.stream === stream)
      .reduce((sum, { data }) => sum + data.count, 0);
  }

  /** Every event that ever was is at head office or told as dropped. */
  async function accountedFor(own: Store, stream: Stream): Promise<void> {
    const there = (await arrived(kafka.brokers, own.hub, stream, 0)).length;
    expect(there + (await told(own, stream))).toBe(heads(own)[stream]);
  }

  test('off line drops the oldest counts, tells staff, and proves complete when the link is back', async () => {
    const own = await shop('4MiB');
    for (let i = 0; i < 4; i += 1) await trade(own);
    await drained(own);
    for (const link of kafka.links) link.cut();
    for (let i = 0; i < 80; i += 1) await trade(own);
    await waitUntil('the alert', async () => {
      const alerts = (await own.get(`${own.httpUrl}/api/alerts`)) as { rule: string }[];
      return alerts.some(({ rule }) => rule === 'buffer-space');
    });
    const health = (await own.get(`${own.httpUrl}/health/ready`)) as { status: string; reasons: string[] };
    expect(health.status).toBe('degraded');
    expect(health.reasons.join('; ')).toMatch(/\d+ events of traffic were dropped for want of room since/);
    const metrics = await (await fetch(`${own.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/store_hub_events_dropped_total\{stream="traffic"\} [1-9]/);
    expect(metrics).toMatch(/store_hub_events_dropped_total\{stream="sales"\} 0/);
    for (const link of kafka.links) link.heal();
    const { streams } = await drained(own);
    expect(streams.traffic?.dropped).toBeGreaterThan(5000);
    expect(streams.sales).toMatchObject({ dropped: 0, last: 84 * 5 });
    await accountedFor(own, 'traffic');
    const listed = await own.run(['verify', '--hub', own.hub, '--json']);
    expect(listed.code).toBe(0);
  });

  test('killed with -9 on either side while it drops and sends, is complete or told every time', async () => {
    const own = await shop('8MiB');
    let over = false;
    const trading = Promise.all(
      [0, 1].map(async () => {
        while (!over) await trade(own, () => over);
      }),
    );
    let seed = 7;
    for (let round = 0; round < 12; round += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      if (round % 4 === 0) for (const link of kafka.links) link.cut();
      if (round % 4 === 2) for (const link of kafka.links) link.heal();
      await delay(700 + (seed % 1500));
      const victim = round % 3 === 2 ? own.bridge : own.edge;
      await victim.kill();
      await victim.start();
    }
    for (const link of kafka.links) link.heal();
    over = true;
    await trading;
    const { streams } = await drained(own);
    expect(streams.traffic?.dropped).toBeGreaterThan(0);
    await accountedFor(own, 'traffic');
    await accountedFor(own, 'sales');
  });
});
