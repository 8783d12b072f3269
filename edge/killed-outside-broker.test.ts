import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../device-sims/harness/free-port.ts';
import { Mosquitto } from '../device-sims/harness/mosquitto.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { JournalReader } from './journal/reader.ts';

const UPLINKS = 400;
const EUI = 'a84041000181c061';
const TOPIC = `application/1/device/${EUI}/event/up`;

let dir: string;
let mosquitto: Mosquitto | undefined;
let store: Store | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'store-hub-outside-'));
});

afterEach(async () => {
  await store?.stop();
  await mosquitto?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Temperature of a Milesight EM300-TH, tenths of a degree. */
function uplink(index: number): string {
  const data = Buffer.from([0x03, 0x67, index & 0xff, (index >> 8) & 0xff]).toString('base64');
  return JSON.stringify({
    deduplicationId: `uplink-${index}`,
    time: new Date().toISOString(),
    deviceInfo: { deviceProfileName: 'EM300-TH', devEui: EUI },
    ...{ fCnt: index, fPort: 85, data },
  });
}

function readings(dataDir: string): Map<string, number> {
  const reader = JournalReader.open(dataDir);
  const counts = new Map<string, number>();
  try {
    for (let from = 0; ; ) {
      const page = reader.page({ from, limit: 2000 });
      if (page.length === 0) return counts;
      for (const { type, data } of page) {
        if (type !== 'retail.climate.measured.v1') continue;
        const { readingId } = JSON.parse(data) as { readingId: string };
        counts.set(readingId, (counts.get(readingId) ?? 0) + 1);
      }
      from = (page.at(-1)?.sequence ?? 0) + 1;
    }
  } finally {
    reader.close();
  }
}

describeWith('mosquitto')('what a device says at an outside broker', () => {
  test('is in the journal once, through kills of the edge and a restart of the broker', async () => {
    const port = await freePort();
    mosquitto = new Mosquitto({ dir, port });
    store = await makeStore({
      config: {
        brokers: [
          { name: 'shop', url: `mqtt://127.0.0.1:${port}` },
          // It holds up neither the start nor the other.
          { name: 'gone', url: `mqtt://127.0.0.1:${await freePort()}` },
        ],
        devices: [
          {
            name: 'fridge-7',
            codec: 'chirpstack',
            model: 'em300-th',
            unit: 'fridge-7',
            mqtt: { topic: TOPIC, broker: 'shop' },
          },
          {
            name: 'door-9',
            codec: 'zigbee2mqtt',
            unit: 'fridge-9',
            mqtt: { topic: 'zigbee2mqtt/door-9', broker: 'gone' },
          },
        ],
      },
    });
    const { edge, dataDir } = store;
    // The broker is down at the start of the edge.
    await edge.start();
    await waitUntil('a word about the broker', () => edge.lines.some((line) => line.includes('nobody listens there')));
    await mosquitto.start();
    const works = () => edge.lines.filter((line) => line.includes('it works again')).length;
    await waitUntil('the subscription', () => works() > 0);
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 100 });
    try {
      client.on('error', () => undefined);
      for (let index = 0; index < UPLINKS; index += 1) {
        await client.publishAsync(TOPIC, uplink(index), { qos: 1 });
        if (index % 100 === 50) {
          await edge.kill();
          await edge.start();
        }
        if (index === 175) {
          await mosquitto.stop();
          await delay(300);
          await mosquitto.start();
        }
      }
      await waitUntil('all uplinks', () => readings(dataDir).size === UPLINKS, { timeoutMs: 30_000 });
    } finally {
      await client.endAsync(true);
    }
    await edge.stop();
    expect([...readings(dataDir).values()].every((count) => count === 1)).toBe(true);
    const list = await store.run(['dead-letters', 'list']);
    expect(list.stdout).toContain('no dead letters');
  });
});
