/** The box's wall clock is set while the bridge sends: whatever it says, head office gets every event once. */
import { existsSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Publisher, startPublisher } from '../../device-sims/harness/mqtt-helpers.ts';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { describeWith } from '../../device-sims/harness/need-tools.ts';
import { makeStore } from '../../device-sims/harness/store.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';
import { verify } from '../hq/verify.ts';

const library =
  ['x86_64-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf']
    .map((machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`)
    .find((path) => existsSync(path)) ?? '';
const MONTH_S = 30 * 86_400;

describeWith('faketime')('a stepped clock', () => {
  describeWithKafka('while the bridge sends', () => {
    let kafka: LocalKafka;

    beforeAll(async () => {
      kafka = await startKafka();
      await createTopics({ brokers: kafka.brokers }, { partitions: 1, replication: 1 });
    }, 120_000);

    afterAll(async () => {
      await kafka.stop();
    });

    test('from 1970 on, a month on and a month back: each event once, and no time-out', {
      timeout: 180_000,
    }, async () => {
      const file = `/tmp/store-hub-bridge-clock-${process.pid}-${Date.now()}`;
      const setClock = async (seconds: number): Promise<void> => {
        await writeFile(file, `${seconds < 0 ? '' : '+'}${Math.round(seconds)}\n`);
        await utimes(file, new Date(), new Date());
      };
      const made = await makeStore({
        hub: 'stepped',
        brokers: kafka.brokers,
        env: {
          LD_PRELOAD: library,
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          DONT_FAKE_MONOTONIC: '1',
          NO_FAKE_STAT: '1',
        },
      });
      let publisher: Publisher | undefined;
      let open = true;
      try {
        await setClock(60 - Date.now() / 1000);
        await made.edge.start();
        await made.bridge.start();
        const source = await startPublisher(made.mqttUrl);
        publisher = source;
        let sent = 0;
        const sends = (async () => {
          for (; open; sent += 1) {
            await source.publish('traffic', 'door', { id: `r-${sent}`, line: 'door', in: 1, out: 0 });
            await delay(5);
          }
        })();
        const status = async () =>
          (await made.get(`${made.bridgeUrl}/status`)) as { state?: string; reasons?: readonly string[] };
        const arrived = async () => (await verify({ brokers: kafka.brokers }, { hub: made.hub })).ok;
        for (const seconds of [0, MONTH_S, 0, -MONTH_S, 0]) {
          await delay(3000);
          await setClock(seconds);
          expect(await arrived(), JSON.stringify(await status())).toBe(true);
        }
        await delay(3000);
        open = false;
        await sends;
        const waiting = async () =>
          ((await made.get(`${made.httpUrl}/status`)) as { buffer: { events: number } }).buffer.events;
        await waitUntil('everything in Kafka', async () => (await waiting()) === 0, { timeoutMs: 60_000 });
        expect(sent).toBeGreaterThan(500);
        expect((await made.bridge.stop()).code).toBe(0);
        const report = await verify({ brokers: kafka.brokers }, { hub: made.hub });
        expect(report).toMatchObject({ ok: true });
        expect(made.bridge.lines.filter((line) => /off line|halted|"level":"error"/.test(line))).toEqual([]);
      } finally {
        open = false;
        await publisher?.close();
        await made.stop();
      }
    });
  });
});
