/** The cable of one antenna of a living Impinj reader is pulled out, before a real edge, over a kill -9. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

const SHIRT = { epc: 'MHQle_cZTkAAABqF', uri: 'urn:epc:id:sgtin:0614141.812345.6789' };
const BOX = {
  epc: Buffer.from('3174257BF4499602D2000000', 'hex').toString('base64'),
  uri: 'urn:epc:id:sscc:0614141.1234567890',
};
const timestamp = '2026-03-01T10:00:00.123456789Z';

let store: Store | undefined;
let beating: NodeJS.Timeout | undefined;

afterEach(async () => {
  clearInterval(beating);
  await store?.stop();
  store = undefined;
});

function push(...events: readonly object[]): Promise<Response> {
  return fetch(`${store?.httpUrl}/push/ceiling`, {
    method: 'POST',
    body: JSON.stringify(events.map((event) => ({ timestamp, hostname: 'impinj-14-2b-3c', ...event }))),
  });
}

const sighting = (antennaPort: number, { epc }: typeof SHIRT) => ({
  eventType: 'tagInventory',
  tagInventoryEvent: { epc, antennaPort, peakRssiCdbm: -6000 },
});
const antenna = (is: 'Connected' | 'Disconnected', antennaPort: number) => ({
  eventType: `antenna${is}`,
  [`antenna${is}Event`]: { antennaPort },
});

interface Told {
  readonly type: string;
  readonly subject: string;
  readonly receivedtime: string;
  readonly data: Record<string, unknown>;
}

async function told(kind: RegExp): Promise<Told[]> {
  const { stdout } = (await store?.run(['journal', 'export'])) ?? { stdout: '' };
  const events = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Told]));
  return events.filter(({ type }) => kind.test(type));
}

const departures = async (): Promise<unknown[]> => (await told(/items\.departed/)).map(({ data }) => data.epc);

test('its zone keeps its items, other zones let theirs go; staff hear of it, and plugged in again it departs what is gone', async () => {
  store = await makeStore({
    config: {
      sensing: { rfid: { departed_after: '10s' } },
      devices: [{ name: 'ceiling', codec: 'impinj', push: true, antennas: { 1: 'floor', 2: 'back-room' } }],
    },
  });
  await store.edge.start();
  await push(sighting(1, SHIRT), sighting(2, BOX), antenna('Disconnected', 1), antenna('Disconnected', 4));
  await store.edge.kill();
  await store.edge.start();
  const running = { eventType: 'inventoryStatus', inventoryStatusEvent: { inventoryStatus: 'running' } };
  beating = setInterval(() => void push(running).catch(() => undefined), 500);

  const alerts = (await store.get(`${store.httpUrl}/api/alerts`)) as { title: string; detail: string }[];
  expect(alerts).toMatchObject([
    { title: 'ceiling: antenna 1 is not connected', detail: expect.stringContaining('check its cable') },
  ]);
  await waitUntil('the box has departed', async () => (await departures()).length > 0, { timeoutMs: 60_000 });
  await delay(2_000);
  expect(await departures()).toEqual([BOX.uri]);
  expect((await store.run(['devices', 'list'])).stdout).toMatch(/ceiling .* antenna 1 /);
  expect(await store.get(`${store.httpUrl}/health/ready`)).toMatchObject({
    reasons: expect.arrayContaining([expect.stringContaining('1 antenna reads nothing: 1 of ceiling;')]),
  });

  await push(antenna('Connected', 1));
  await waitUntil('the shirt has departed', async () => (await departures()).length > 1, { timeoutMs: 60_000 });
  const [connected, departed] = [(await told(/devices\.antenna/)).at(-1), (await told(/items\.departed/)).at(-1)];
  expect([connected?.data.state, departed?.data.epc]).toEqual(['connected', SHIRT.uri]);
  const covered = Date.parse(departed?.receivedtime ?? '') - Date.parse(connected?.receivedtime ?? '');
  expect(covered).toBeGreaterThan(9_000);
  expect(await store.get(`${store.httpUrl}/api/alerts`)).toEqual([]);
}, 180_000);
