/** Head office's Kafka fell back, or the configuration names another partition or hub: halts, and what mends them. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { makeStore, type Store } from '../../device-sims/harness/store.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { CHECKPOINT_TOPIC } from '../../edge/contracts/streams.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { verify } from '../hq/verify.ts';
import {
  drained,
  EVERY_TOPIC,
  halted,
  haltsForGood,
  provenComplete,
  refused,
  resume,
  resumed,
  rollBack,
  sell,
  startBoth,
  stopBoth,
} from './resume.fixture.ts';

describeWithKafka('after head office or the configuration changed', () => {
  vi.setConfig({ testTimeout: 180_000 });
  let kafka: LocalKafka;
  let store: Store;
  let number = 0;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  beforeEach(async () => {
    await rollBack(kafka.brokers, EVERY_TOPIC);
    number += 1;
    store = await makeStore({ hub: `store-b${number}`, brokers: kafka.brokers });
  });
  afterEach(async () => {
    await store.stop();
  });
  afterAll(async () => {
    await kafka.stop();
  });

  async function sent(last: number): Promise<void> {
    await startBoth(store);
    await sell(store, 1, last);
    await drained(store);
  }

  test('all topics are empty: halts, and a refill sends everything again under the same identities', async () => {
    await sent(20);
    await store.bridge.stop();
    await rollBack(kafka.brokers, EVERY_TOPIC);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('Head office has less than it once confirmed');
    await sell(store, 21, 22);
    const dry = await resume(store, '--dry-run', '--json');
    const report = JSON.parse(dry.stdout) as { done: boolean; choices: { refill: { possible: boolean } } };
    expect(report).toMatchObject({ done: false, choices: { refill: { possible: true } } });
    await resumed(store, 'refill');
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 22);
  });

  test('one topic and the checkpoints fell back to different points: a refill goes by what is really there', async () => {
    await sent(20);
    await store.bridge.stop();
    await rollBack(kafka.brokers, ['retail.sales', CHECKPOINT_TOPIC]);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('its checkpoints end before offset');
    await resumed(store, 'refill');
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 20);
  });

  test('only a topic fell back, not the checkpoints: verify finds it, a refill mends it', async () => {
    await sent(20);
    await store.bridge.stop();
    await rollBack(kafka.brokers, ['retail.sales']);
    const report = await verify({ brokers: kafka.brokers }, { hub: store.hub });
    expect(report.fault).toContain('sales end at 0, the checkpoint says 20');
    await resumed(store, 'refill');
    await store.bridge.start();
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 20);
  });

  test('nothing fell back: a refill is refused, and the bridge goes on', async () => {
    await sent(5);
    await store.bridge.stop();
    expect(await refused(store, 'refill')).toContain('head office is not behind');
    await store.bridge.start();
    await sell(store, 6, 8);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 8);
  });

  test('what head office lost is pruned here already: a refill is refused and names the events', async () => {
    await store.configure({ journal: { keep_acknowledged: '1s' } });
    await sent(30);
    await waitUntil('the sales to be pruned', () => {
      const journal = JournalReader.open(store.dataDir);
      const left = journal.last(1, { stream: 'sales' }).length;
      journal.close();
      return left === 0;
    });
    await store.bridge.stop();
    await rollBack(kafka.brokers, EVERY_TOPIC);
    await store.bridge.start();
    await halted(store);
    expect(await refused(store, 'refill')).toMatch(/lost events that this journal has pruned already:.*sales 1-30 of/);
    await resumed(store, 'new-incarnation');
    await sell(store, 31, 33);
    await drained(store);
    expect((await verify({ brokers: kafka.brokers }, { hub: store.hub })).fault).toBeUndefined();
  });

  test('another partition: halts until it is set back, or moves on purpose, with what waits', async () => {
    await sent(10);
    await store.bridge.stop();
    await store.configure({ cloud: { partition: 2 } });
    await store.bridge.start();
    const reason = await haltsForGood(store);
    expect(reason).toContain('lie in partition 0');
    await sell(store, 11, 12);
    await store.bridge.stop();

    await store.configure({ cloud: { partition: 0 } });
    await store.bridge.start();
    await drained(store);
    await store.bridge.stop();
    await store.configure({ cloud: { partition: 2 } });
    await store.bridge.start();
    expect(await halted(store)).toBe(reason);
    // The shop goes on meanwhile: these were never sent, and are the first in the new partition.
    await sell(store, 13, 15);
    await resumed(store, 'repartition');
    await drained(store);
    await sell(store, 16, 20);
    await drained(store);
    await stopBoth(store);
    await startBoth(store);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 20);
  });

  test('a move to another partition does not look like a loss later', async () => {
    await sent(10);
    await store.bridge.stop();
    await store.configure({ cloud: { partition: 3 } });
    await resumed(store, 'repartition');
    expect(await refused(store, 'refill')).toContain('head office is not behind');
    await store.bridge.start();
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 10);
  });

  test('another hub in the configuration: the bridge halts, nobody can resume it, and setting it back is enough', async () => {
    await sent(5);
    await store.bridge.stop();
    await store.configure({ hub: 'store-other' });
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain(`This box has sent as hub ${store.hub}`);
    expect(await refused(store, 'new-incarnation')).toContain(`this box is hub ${store.hub}`);
    await store.bridge.stop();
    await store.configure({ hub: store.hub });
    await store.bridge.start();
    await sell(store, 6, 7);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 7);
  });

  test('resuming needs the edge, and a bridge that does not run', async () => {
    await sent(3);
    const running = await resume(store, '--dry-run');
    expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('is in use') });
    await stopBoth(store);
    const alone = await resume(store, '--dry-run');
    expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining('start the edge') });
  });
});
