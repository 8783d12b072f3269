/** The bridge killed with -9 after every single step of the protocol, and head office's streams proven each time. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type GuardedProcess, spawnGuarded } from '../../device-sims/harness/guarded-process.ts';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { projectRoot } from '../../device-sims/harness/project.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';
import { verify } from '../hq/verify.ts';
import type { runBridge } from '../main.ts';
import { CONNECTING, SENDING } from './protocol.ts';
import { arrived, Shop } from './shop.fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

const PARTITION = 1;
const PROGRAM = join(projectRoot(), 'dist', 'cloud-bridge', 'up', 'kill-at-step.fixture.js');

describeWithKafka('a bridge killed with -9', () => {
  let kafka: LocalKafka;
  let shop: Shop;
  let count = 0;
  const processes: GuardedProcess[] = [];

  beforeAll(async () => {
    kafka = await startKafka();
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    shop = new Shop(`killed-${count}`);
    await shop.start();
  });

  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.end('SIGKILL')));
    await shop.remove();
  });

  /** Only what the bridge looks at. */
  function config(): Partial<Parameters<typeof runBridge>[0]> & Record<string, unknown> {
    return {
      hub: shop.hub,
      data_dir: shop.dataDir,
      http: { hosts: [] } as never,
      cloud: { brokers: kafka.brokers, partition: PARTITION, linger: 10, retry_max: 1_000 },
      bridge: { data_dir: shop.bridgeDir, http: { listen: { host: '127.0.0.1', port: 0 } } },
    };
  }

  function start(...args: string[]): GuardedProcess {
    const started = spawnGuarded(process.execPath, [PROGRAM, JSON.stringify(config()), ...args]);
    started.child.stdout?.resume();
    processes.push(started);
    return started;
  }

  const steps = [
    ...CONNECTING.map((step) => ({ step: step.name, survived: 0 })),
    ...SENDING.map((step) => ({ step: step.name, survived: 0 })),
    // Not the first batch: there is a position to go back to.
    ...SENDING.map((step) => ({ step: step.name, survived: 2 })),
  ];

  test.each(steps)('after $step (survived $survived times): each event once, in order', async ({ step, survived }) => {
    shop.append('sales', 20_000, 'x'.repeat(50));
    shop.append('alerts', 3);
    const { signal } = await start(step, String(survived)).ended;
    expect(signal).toBe('SIGKILL');
    shop.append('sales', 500);
    start();
    await waitUntil('all to be acknowledged', () => shop.acked('sales') >= 20_500, { timeoutMs: 60_000 });
    const sales = await arrived(kafka.brokers, shop.hub, 'sales', PARTITION);
    expect(sales.map((event) => event.streamSequence)).toEqual(Array.from({ length: 20_500 }, (_, n) => n + 1));
    const report = await verify({ brokers: kafka.brokers }, { hub: shop.hub });
    expect(report).toMatchObject({ ok: true });
  });
});
