/**
 * Copies of a store put back, continued, or run beside the original: each halts with a clear word and keeps halting,
 * and each way of resuming does what it said, so that head office finds neither gap nor duplicate.
 */
import { expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { kafkaStores } from './kafka-stores.fixture.ts';
import {
  backUp,
  drained,
  forget,
  halted,
  haltsForGood,
  provenComplete,
  putBack,
  refused,
  resume,
  resumed,
  sell,
  startBoth,
  stopBoth,
} from './resume.fixture.ts';

describeWithKafka('a store that was put back from a copy', () => {
  vi.setConfig({ testTimeout: 180_000 });
  const kafka = kafkaStores('store-r', 4);

  test('with all its folders, and continued: head office is ahead, and a new incarnation goes on', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    await drained(store);
    await stopBoth(store);
    await backUp(store);
    await startBoth(store);
    await sell(store, 21, 40);
    await drained(store);
    await stopBoth(store);

    await putBack(store, ['journal', 'bridge']);
    await store.edge.start();
    await sell(store, 41, 50);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('Head office has more from this hub than this box ever sent');

    const dry = await resume(store, '--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('--refill is not possible');
    expect(dry.stdout).toContain('other content');
    expect(await resume(store, '--new-incarnation')).toMatchObject({ code: 2 });
    expect(await refused(store, 'refill')).toContain('use --new-incarnation');
    expect(await halted(store)).toContain('Head office has more');

    await resumed(store, 'new-incarnation');
    await drained(store);
    await sell(store, 51, 55);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 55);
    await stopBoth(store);
    await startBoth(store);
    await sell(store, 56, 60);
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 60);
  });

  test("without the bridge's folder: what head office already has under the same identity is not sent again", async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    await drained(store);
    await store.bridge.stop();
    await sell(store, 21, 25);
    await store.edge.stop();
    await backUp(store);
    await startBoth(store);
    await sell(store, 26, 30);
    await drained(store);
    await stopBoth(store);

    await putBack(store, ['journal']);
    await store.edge.start();
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('older than what it already sent');
    expect(await refused(store, 'refill')).toContain('which the journal does not have');
    await sell(store, 31, 33);
    await resumed(store, 'new-incarnation');
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 33);
  });

  test("with the bridge's folder lost: head office knows more than the bridge, nothing is sent twice", async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 20);
    await drained(store);
    await stopBoth(store);
    await forget(store, ['bridge']);
    await store.edge.start();
    await sell(store, 21, 22);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('Head office has more from this hub than this box ever sent');
    await resumed(store, 'new-incarnation');
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 22);
  });

  test('as a new box under an old name: its own events go up under its own incarnation', async () => {
    const store = await kafka.open();
    await startBoth(store);
    await sell(store, 1, 10);
    await drained(store);
    await stopBoth(store);
    await forget(store, ['journal', 'bridge']);
    await store.edge.start();
    await sell(store, 11, 15);
    await store.bridge.start();
    expect(await haltsForGood(store)).toContain('that this box does not know');
    expect(await refused(store, 'refill')).toContain('use --new-incarnation');
    await resumed(store, 'new-incarnation');
    await drained(store);
    await provenComplete(kafka.brokers, store.hub, 15);
  });

  test('beside the original: one of the two sends, the other halts, and nothing is mixed', async () => {
    const original = await kafka.open();
    await startBoth(original);
    await sell(original, 1, 10);
    await drained(original);
    await stopBoth(original);
    await backUp(original);
    const clone = await kafka.open(original.hub);
    await putBack(original, ['journal', 'bridge'], clone);

    await startBoth(clone);
    await sell(clone, 11, 20);
    await drained(clone);
    await original.edge.start();
    await sell(original, 21, 30);
    await original.bridge.start();
    expect(await haltsForGood(original)).toContain('Head office has more from this hub than this box ever sent');
    await sell(clone, 31, 35);
    await drained(clone);

    await stopBoth(clone);
    await resumed(original, 'new-incarnation');
    await drained(original);
    await provenComplete(kafka.brokers, original.hub, 35);
    await clone.edge.start();
    await clone.bridge.start();
    expect(await haltsForGood(clone)).toContain('that this box does not know');
    await provenComplete(kafka.brokers, original.hub, 35);
  });
});
