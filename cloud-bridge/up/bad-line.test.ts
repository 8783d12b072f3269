/** A real broker behind a line that loses, cuts, swallows and crawls: each event once, whatever the line does. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';
import { LinkedShop } from './outage.fixture.ts';
import { arrived } from './shop.fixture.ts';

vi.setConfig({ testTimeout: 180_000 });

const QUICK = 3_000;

describeWithKafka('behind a bad line', () => {
  let kafka: LocalKafka;
  let store: LinkedShop;
  let count = 0;

  const heal = (): void => {
    for (const link of kafka.links) link.heal();
  };

  beforeAll(async () => {
    kafka = await startKafka({ link: true });
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    store = new LinkedShop(`far-${count}`, kafka.brokers);
    await store.shop.start();
  });

  afterEach(async () => {
    heal();
    await store.remove();
  });

  /** Breaks the line once, when a step is done. */
  function onceAfter(step: string, breaks: () => void): { observe: (step: string) => void; done: () => boolean } {
    let done = false;
    const observe = (completed: string): void => {
      if (completed !== step || done) return;
      done = true;
      breaks();
    };
    return { observe, done: () => done };
  }

  test('half open in the middle of sending, both ways, for longer than the brokers wait for a transaction', async () => {
    store.shop.append('sales', 3_000);
    const swallow = onceAfter('recordInDoubt', () => kafka.links[0]?.blackhole());
    store.start(kafka.linkBrokers, { transactionTimeout: QUICK, observe: swallow.observe });
    expect(await store.fault('no-answer')).toMatch(/does not answer: check the network/);
    await sleep(QUICK + 2_500);
    heal();
    await store.complete('sales', 3_000);
  });

  test('the answers to what was sent are lost: the records lie there, unconfirmed, and count once', async () => {
    store.shop.append('sales', 3_000);
    const lose = onceAfter('recordInDoubt', () => kafka.links[0]?.dropReplies());
    store.start(kafka.linkBrokers, { transactionTimeout: QUICK, observe: lose.observe });
    await store.fault('no-answer');
    heal();
    await store.complete('sales', 3_000);
  });

  test('cut after any part of a write', async () => {
    // Into the header of the first request, its end, the batch, its end, the checkpoint, the commit, and beyond.
    const cuts = [1, 7, 60, 150, 400, 1_500, 4_000, 9_000, 9_500, 10_000, 10_300, 10_600, 12_000];
    let armed: number | undefined;
    const daemon = store.start(kafka.linkBrokers, {
      transactionTimeout: QUICK,
      observe: (step) => {
        if (step !== 'recordInDoubt' || armed === undefined) return;
        kafka.links[0]?.cutAfter(armed);
        armed = undefined;
      },
    });
    for (const [round, cut] of cuts.entries()) {
      const wanted = 10 * (round + 1);
      armed = cut;
      store.shop.append('sales', 10, randomBytes(600).toString('base64'));
      const isOver = (): boolean => {
        if (store.shop.acked('sales') >= wanted) return true;
        return armed === undefined && daemon.report.status().state === 'offline';
      };
      await waitUntil('the cut, or the end of the batch', isOver, { timeoutMs: 60_000 });
      heal();
      await waitUntil('the batch', () => store.shop.acked('sales') >= wanted, { timeoutMs: 60_000 });
    }
    const rounds = cuts.length;
    await store.complete('sales', rounds * 10);
    expect(store.faultsTold()).toContain('cut');
  });

  test('up and down all the time', async () => {
    let going = true;
    const weather = (async () => {
      while (going) {
        await sleep(100 + Math.random() * 900);
        const [link] = kafka.links;
        const trouble = [() => link?.cut(), () => link?.blackhole(), () => link?.dropReplies()];
        trouble[Math.floor(Math.random() * trouble.length)]?.();
        await sleep(Math.random() * 600);
        heal();
      }
    })();
    store.start(kafka.linkBrokers, { transactionTimeout: QUICK, retryMax: 1_000 });
    for (let n = 0; n < 40; n += 1) {
      store.shop.append('sales', 100);
      store.shop.append('climate', 20);
      await sleep(500);
    }
    going = false;
    await weather;
    heal();
    await store.complete('sales', 4_000);
    await store.complete('climate', 800);
  });

  test('1 Mbit/s and 300 ms there and back: it goes on, without one time-out', async () => {
    store.shop.append('sales', 30_000);
    for (let n = 0; n < 300; n += 1) store.shop.append('climate', 1, randomBytes(3_000).toString('base64'));
    kafka.links[0]?.slow({ bytesPerSecond: 125_000, delayMs: 150 });
    const begun = performance.now();
    store.start(kafka.linkBrokers, { transactionTimeout: 30_000 });
    await store.complete('sales', 30_000);
    await store.complete('climate', 300);
    const seconds = (performance.now() - begun) / 1000;
    console.log(`1 Mbit/s, 300 ms: 30,300 events in ${seconds.toFixed(1)} s`);
    expect(store.faultsTold()).toEqual([]);
    expect(seconds).toBeLessThan(100);
  });

  test('a line too thin for a full batch: the batch becomes smaller until it fits, and stays so', async () => {
    for (let n = 0; n < 120; n += 1) store.shop.append('sales', 1, randomBytes(4_000).toString('base64'));
    kafka.links[0]?.slow({ bytesPerSecond: 30_000, delayMs: 20 });
    const daemon = store.start(kafka.linkBrokers, { transactionTimeout: 10_000 });
    await store.complete('sales', 120);
    const failures = store.lines.filter((line) => line.includes('"what failed"')).length;
    expect(store.faultsTold()).toEqual(['too-slow']);
    expect(failures).toBeLessThanOrEqual(4);
    expect(daemon.report.status().state).not.toBe('halted');
  });

  test('the lag goes on counting while off line and while halted', async () => {
    const daemon = store.start(kafka.linkBrokers, { retryMax: 60_000 });
    store.shop.append('sales', 5);
    await store.complete('sales', 5);
    kafka.links[0]?.cut();
    store.shop.append('sales', 10);
    await store.fault('cut').catch(() => store.fault('refused'));
    store.shop.append('sales', 7);
    expect(daemon.report.status().lag).toEqual({ sales: 17 });
    await store.stop();
    heal();
    const halted = store.start(kafka.linkBrokers, { partition: 0 });
    await waitUntil('the halt', () => halted.report.status().state === 'halted');
    expect(halted.report.status().lag).toEqual({ sales: 17 });
    store.shop.append('sales', 3);
    expect(halted.report.status().lag).toEqual({ sales: 20 });
    expect(await arrived(kafka.brokers, store.shop.hub, 'sales', 1)).toHaveLength(5);
  });
});
