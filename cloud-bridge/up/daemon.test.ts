import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import { createTopics } from '../hq/topics.ts';
import { BridgeDaemon, type BridgeOptions } from './daemon.ts';
import { EdgeClient } from './edge-client.ts';
import { arrived, checkpoints, Shop } from './shop.fixture.ts';
import { StateFile } from './state.ts';

vi.setConfig({ testTimeout: 120_000 });

const PARTITION = 1;
const TRANSACTION_TIMEOUT = 3_000;

/** Bytes of the two requests of a commit, FindCoordinator and EndTxn: the link is cut behind the second one. */
function commitBytes(hub: string): number {
  const text = (value: string) => 2 + value.length;
  const header = 4 + 2 + 2 + 4 + text(`store-hub-${hub}`);
  return header + text(hub) + 1 + header + text(hub) + 8 + 2 + 1;
}

describeWithKafka('the bridge', () => {
  let kafka: LocalKafka;
  let shop: Shop;
  let count = 0;
  const running: BridgeDaemon[] = [];

  function bridge(change: Partial<BridgeOptions> = {}): BridgeDaemon {
    const daemon = new BridgeDaemon({
      hub: shop.hub,
      partition: PARTITION,
      brokers: kafka.linkBrokers,
      access: () => ({}),
      logger: pino({ level: process.env.DEBUG_BRIDGE ?? 'silent' }),
      transactionTimeout: TRANSACTION_TIMEOUT,
      dataDir: shop.dataDir,
      bridgeDir: shop.bridgeDir,
      linger: 20,
      retryMax: 1_000,
      metrics: new BridgeMetrics(),
      ...change,
    });
    running.push(daemon);
    daemon.run().catch((error: unknown) => {
      // A bridge that must end by itself is awaited by its test.
      if (!change.observe) expect(error).toMatchObject({ code: 'BRIDGE_LOCKED' });
    });
    return daemon;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  }

  /** Waits until the bridge says that head office has all of a stream, and proves it: each once, in order, no gap. */
  async function complete(stream: 'sales' | 'climate' | 'alerts', events: number): Promise<void> {
    const all = `${events} events of ${stream} to be acknowledged`;
    await waitUntil(all, () => shop.acked(stream) >= events, { timeoutMs: 60_000 });
    const seen = await arrived(kafka.brokers, shop.hub, stream, PARTITION);
    expect(seen.map((event) => event.streamSequence)).toEqual(Array.from({ length: events }, (_, n) => n + 1));
  }

  async function idle(daemon: BridgeDaemon): Promise<void> {
    await waitUntil('the bridge to be idle', () => daemon.report.status().state === 'idle', { timeoutMs: 60_000 });
  }

  async function halted(daemon: BridgeDaemon): Promise<string> {
    await waitUntil('the bridge to halt', () => daemon.report.status().state === 'halted', { timeoutMs: 60_000 });
    return daemon.report.status().reason;
  }

  beforeAll(async () => {
    kafka = await startKafka({ link: true });
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    shop = new Shop(`store-${count}`);
    await shop.start();
  });

  afterEach(async () => {
    for (const link of kafka.links) link.heal();
    await stopAll();
    await shop.remove();
  });

  test('drains what is there, then follows, and tells the edge', async () => {
    shop.append('sales', 12_345);
    shop.append('climate', 100);
    const daemon = bridge();
    await complete('sales', 12_345);
    await complete('climate', 100);
    shop.append('alerts', 3);
    await complete('alerts', 3);
    await idle(daemon);
    const { lag, sent, last } = daemon.report.status();
    expect(lag).toEqual({});
    expect(sent.events).toBe(12_345 + 100 + 3 + 1);
    expect(last?.streams.alerts).toMatchObject({ from: 1, to: 3 });
    expect(shop.requests.slice(-2)).toEqual(['/bridge/reserve', '/bridge/acknowledge']);
  });

  test('sends urgent streams first, and a checkpoint with every batch', async () => {
    shop.append('sales', 9_000);
    shop.append('alerts', 5);
    const daemon = bridge();
    await complete('sales', 9_000);
    await idle(daemon);
    const [first] = await checkpoints(kafka.brokers, shop.hub, PARTITION);
    expect(JSON.parse(first ?? '')).toMatchObject({
      hub: shop.hub,
      incarnation: shop.incarnation,
      batch: expect.stringMatching(/^[0-9a-f]{32}$/),
      streams: { alerts: { last: '0000000000000005', dropped: [] }, devices: { last: '0000000000000001' } },
      closed: [],
    });
  });

  test('finishes an older incarnation before a newer one, and names it as closed', async () => {
    const older = shop.incarnation;
    shop.append('sales', 5_000);
    shop.openIncarnation();
    shop.append('sales', 7);
    const daemon = bridge();
    await waitUntil('all sales to be acknowledged', () => shop.acked('sales') === 7);
    const seen = await arrived(kafka.brokers, shop.hub, 'sales', PARTITION);
    expect(seen).toHaveLength(5_007);
    expect(seen.slice(4_999, 5_001).map(({ incarnation, streamSequence }) => [incarnation, streamSequence])).toEqual([
      [older, 5_000],
      [shop.incarnation, 1],
    ]);
    await idle(daemon);
    const last = (await checkpoints(kafka.brokers, shop.hub, PARTITION)).at(-1) ?? '';
    expect(JSON.parse(last).closed).toEqual([
      {
        incarnation: older,
        streams: {
          sales: { last: '0000000000005000', dropped: [] },
          devices: { last: '0000000000000001', dropped: [] },
        },
      },
    ]);
  });

  test('a second bridge on the same folder is refused', async () => {
    await idle(bridge());
    const second = bridge();
    await expect(second.run()).rejects.toMatchObject({ code: 'BRIDGE_LOCKED' });
  });

  test('waits with a clear word while the edge is stopped, and goes on when it is there', async () => {
    await shop.stop();
    const daemon = bridge();
    await waitUntil('it to wait', () => daemon.report.status().reason.startsWith('waiting for the edge'));
    expect(daemon.report.status()).toMatchObject({
      state: 'offline',
      reason: expect.stringContaining('waiting for the edge'),
    });
    expect(daemon.report.readiness()).toMatchObject({ ready: true, reasons: [expect.stringContaining('edge')] });
    await shop.start();
    shop.append('sales', 10);
    await complete('sales', 10);
  });

  test('Kafka killed and started again: nothing is lost or doubled', async () => {
    const daemon = bridge();
    shop.append('sales', 20_000);
    await waitUntil('some to be sent', () => daemon.report.status().sent.events > 0);
    await kafka.kill();
    shop.append('sales', 1_000);
    await waitUntil('it to be off line', () => daemon.report.status().state === 'offline', { timeoutMs: 30_000 });
    expect(daemon.report.status().reason).toMatch(/off line .*retry in \d+ s/);
    await kafka.restart();
    await complete('sales', 21_000);
  });

  test('the link cut inside a transaction, for longer than the brokers wait for it: aborted, and sent once', async () => {
    let cuts = 1;
    bridge({
      observe: (step) => {
        if (step !== 'sendEvents' || cuts === 0) return;
        cuts -= 1;
        for (const link of kafka.links) link.cut();
      },
    });
    shop.append('sales', 3_000);
    await waitUntil('the cut', () => cuts === 0);
    await new Promise((resolve) => setTimeout(resolve, TRANSACTION_TIMEOUT + 2_500));
    expect(await arrived(kafka.brokers, shop.hub, 'sales', PARTITION)).toEqual([]);
    for (const link of kafka.links) link.heal();
    await complete('sales', 3_000);
  });

  test('a commit that is done while its answer is lost: known as committed, and not sent again', async () => {
    let cut = false;
    const daemon = bridge({
      observe: (step) => {
        if (step !== 'sendCheckpoint' || cut) return;
        cut = true;
        for (const link of kafka.links) link.cutAfter(commitBytes(shop.hub));
      },
    });
    shop.append('sales', 500);
    await waitUntil('it to be off line', () => cut && daemon.report.status().state === 'offline');
    for (const link of kafka.links) link.heal();
    await complete('sales', 500);
    await idle(daemon);
    // Nothing was sent after the cut: the batch in doubt was found at head office.
    expect(daemon.report.status().last).toBeUndefined();
    expect(shop.requests).toEqual(['/bridge/reserve', '/bridge/acknowledge']);
    expect(await checkpoints(kafka.brokers, shop.hub, PARTITION)).toHaveLength(1);
    shop.append('sales', 500);
    await complete('sales', 1_000);
  });

  test('a link that swallows everything: the bridge notices by itself, and goes on after it', async () => {
    const daemon = bridge();
    shop.append('sales', 10);
    await complete('sales', 10);
    await idle(daemon);
    for (const link of kafka.links) link.blackhole();
    shop.append('sales', 10);
    await waitUntil('it to notice', () => daemon.report.status().state === 'offline', { timeoutMs: 30_000 });
    for (const link of kafka.links) link.heal();
    await complete('sales', 20);
  });

  test('a journal put back under a running, idle bridge is noticed, and halts', async () => {
    const daemon = bridge();
    shop.append('sales', 20);
    await complete('sales', 20);
    await idle(daemon);
    await shop.stop();
    const backup = mkdtempSync(join(tmpdir(), 'store-hub-backup-'));
    shop.copy('data', backup);
    await shop.start();
    shop.append('sales', 30);
    await complete('sales', 50);
    await idle(daemon);
    await shop.stop();
    rmSync(shop.dataDir, { recursive: true });
    cpSync(backup, shop.dataDir, { recursive: true });
    await shop.start();
    shop.append('sales', 100);
    await waitUntil('it to halt', () => daemon.report.status().state === 'halted', { timeoutMs: 25_000 });
    expect(daemon.report.status().reason).toContain('put back from a copy');
    rmSync(backup, { recursive: true });
  });

  test("put back from a copy, with the bridge's folder: halts, keeps halting, and goes on when the halt is cleared", async () => {
    const first = bridge();
    shop.append('sales', 50);
    await complete('sales', 50);
    await idle(first);
    await stopAll();
    await shop.stop();
    const copy = new Shop(shop.hub);
    shop.copy('data', copy.dataDir);
    shop.copy('bridge-data', copy.bridgeDir);
    await shop.start();
    bridge();
    shop.append('sales', 5);
    await complete('sales', 55);
    await stopAll();

    const original = shop;
    try {
      shop = copy;
      await copy.start();
      copy.append('sales', 9);
      const second = bridge();
      expect(await halted(second)).toMatch(/Head office has more .*sales 55 instead of 50.*resume/);
      expect(second.report.readiness().ready).toBe(true);
      await stopAll();
      expect(await halted(bridge())).toMatch(/sales 55 instead of 50/);
      expect(await arrived(kafka.brokers, copy.hub, 'sales', PARTITION)).toHaveLength(55);

      // What an operator's resume does: takes the lock, tells the edge, settles the positions, clears the halt.
      const state = StateFile.open(copy.bridgeDir);
      const last = JSON.parse((await checkpoints(kafka.brokers, copy.hub, PARTITION)).at(-1) ?? '');
      const { position } = state.state;
      if (!position) throw new Error('nothing was recorded');
      const acked = { ...position.acked, sales: 55 };
      await new EdgeClient(copy.dataDir).acknowledge({ incarnation: position.incarnation, acked, batch: last.batch });
      state.save({ position: { ...position, acked, batch: last.batch }, halt: null });
      state.close();
      await complete('sales', 59);
    } finally {
      await stopAll();
      await original.remove();
    }
  });

  test("put back from a copy without the bridge's folder, and grown past it: halts", async () => {
    bridge();
    shop.append('sales', 50);
    await complete('sales', 50);
    await stopAll();
    await shop.stop();
    const copy = new Shop(shop.hub);
    shop.copy('data', copy.dataDir);
    await shop.start();
    bridge();
    shop.append('sales', 5);
    await complete('sales', 55);
    await stopAll();
    const original = shop;
    try {
      await shop.stop();
      shop = copy;
      original.copy('bridge-data', copy.bridgeDir);
      await copy.start();
      copy.append('sales', 30);
      expect(await halted(bridge())).toMatch(/journal of this box is older/);
      expect(await arrived(kafka.brokers, copy.hub, 'sales', PARTITION)).toHaveLength(55);
    } finally {
      await stopAll();
      await original.remove();
    }
  });

  test('another partition in the configuration halts, and the old one goes on', async () => {
    bridge();
    shop.append('sales', 5);
    await complete('sales', 5);
    await stopAll();
    expect(await halted(bridge({ partition: 0 }))).toMatch(/partition 1 .* says 0/);
    await stopAll();
    shop.append('sales', 5);
    bridge();
    await complete('sales', 10);
  });

  test('a topic that lost its end halts', async () => {
    bridge();
    shop.append('sales', 5);
    await complete('sales', 5);
    await stopAll();
    const state = StateFile.open(shop.bridgeDir);
    const { position } = state.state;
    if (!position) throw new Error('nothing was recorded');
    state.save({ position: { ...position, checkpointOffset: 1_000_000 } });
    state.close();
    expect(await halted(bridge())).toMatch(/Head office has less/);
  });

  test('a stop in the middle of a drain is quick, and the next start goes on', async () => {
    shop.append('sales', 30_000);
    const daemon = bridge();
    await waitUntil('some to be sent', () => daemon.report.status().sent.events > 0, { everyMs: 5 });
    await daemon.stop();
    expect(StateFile.peek(shop.bridgeDir)?.stoppedCleanly).toBe(true);
    bridge();
    await complete('sales', 30_000);
  });
});
