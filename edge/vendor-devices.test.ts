/** LoRaWAN and Zigbee sensors before a real edge: publishes on mapped topics, a restart, a crash, and silence. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type Publisher, startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

let store: Store | undefined;
let publisher: Publisher | undefined;

afterEach(async () => {
  await publisher?.close();
  await store?.stop();
  [publisher, store] = [undefined, undefined];
});

const DEVICES = [
  {
    ...{ name: 'fridge-sensor', codec: 'chirpstack', model: 'em300-th', unit: 'fridge-1', rhythm: '1h' },
    mqtt: { topic: 'application/shop/device/24e124136b501234/event/+' },
  },
  {
    ...{ name: 'door-counter', codec: 'things-stack', model: 'vs121', line: 'door', rhythm: '1h' },
    mqtt: { topic: 'v3/shop@ttn/devices/counter-1/up' },
  },
  {
    ...{ name: 'zigbee', codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/#' } },
    places: { 'cold room/door': 'freezer-1', hall: 'entrance' },
  },
  { name: 'probe', rhythm: '2s' },
];

const base64 = (hex: string): string => Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('base64');

interface Journaled {
  readonly type: string;
  readonly source: string;
  readonly time: string;
  readonly data: Record<string, unknown>;
}

async function journal(): Promise<Journaled[]> {
  const { stdout } = (await store?.run(['journal', 'export'])) ?? { stdout: '' };
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Journaled]));
}

const ofType = (events: readonly Journaled[], type: string): unknown[] =>
  events.filter((event) => event.type === `retail.${type}.v1`).map(({ data }) => data);

async function shop(): Promise<Store> {
  store = await makeStore({ config: { devices: DEVICES } });
  await store.edge.start();
  publisher = await startPublisher(store.mqttUrl);
  return store;
}

const said = (topic: string, message: unknown): Promise<void> | undefined =>
  publisher?.publishRaw(topic, JSON.stringify(message));

test('their uplinks become facts of the shop, once each, over a crash of the hub', async () => {
  const made = await shop();
  const deviceInfo = { devEui: '24e124136b501234' };
  const time = new Date().toISOString();
  const up = (id: string, hex: string) =>
    said('application/shop/device/24e124136b501234/event/up', {
      ...{ deduplicationId: id, time, deviceInfo, fCnt: 1, fPort: 85 },
      data: base64(hex),
    });
  const counted = (f_cnt: number, hex: string) =>
    said('v3/shop@ttn/devices/counter-1/up', {
      end_device_ids: { device_id: 'counter-1' },
      uplink_message: { session_key_id: 's', ...(f_cnt > 0 && { f_cnt }), frm_payload: base64(hex), received_at: time },
    });
  await up('a', '01755C 03673401 046865');
  await counted(0, '0dccfeff0300');
  await said('zigbee2mqtt/cold room/door', { contact: false, battery: 90 });
  await said('zigbee2mqtt/hall', { occupancy: true });
  await said('zigbee2mqtt/bridge/info', { version: '2' });
  await up('late', '20CE 56991a63 1001 5d');
  await made.edge.kill();
  await made.edge.start();
  await publisher?.close();
  publisher = await startPublisher(made.mqttUrl);
  // What was not acknowledged for all that the network knows comes again.
  await up('a', '01755C 03673401 046865');
  await up('late-again', '20CE 56991a63 1001 5d');
  await counted(1, '0dcc04000300');
  await said('application/shop/device/24e124136b501234/event/up', { data: '!' });
  const events = await journal();
  const climate = events.filter(({ type }) => type === 'retail.climate.measured.v1');
  expect(climate.map(({ source, data }) => [source, data.unit, data.celsius ?? data.door_open])).toEqual([
    ['/store-0042/fridge-sensor', 'fridge-1', 30.8],
    ['/store-0042/zigbee.cold%20room.door', 'freezer-1', true],
    ['/store-0042/fridge-sensor', 'fridge-1', 27.2],
  ]);
  expect(climate.at(-1)?.time).toBe('2022-09-09T01:39:34.000Z');
  expect(ofType(events, 'traffic.crossed')).toMatchObject([{ line: 'door', in: 6, out: 0 }]);
  expect(ofType(events, 'traffic.occupancy')).toMatchObject([{ zone: 'entrance', occupancy: 1 }]);
  expect(ofType(events, 'devices.counterreset')).toMatchObject([{ device: 'door-counter', wrapped: true }]);
  const letters = await made.run(['dead-letters', 'list', '--json']);
  expect(JSON.parse(letters.stdout.trim())).toMatchObject({ device: 'fridge-sensor', pointers: ['/data'], count: 1 });
});

test('one that falls silent is on the staff page, in status and in health, over a crash, until it is heard', async () => {
  const made = await shop();
  const reading = { unit: 'x', celsius: 4 };
  await publisher?.publish('climate', 'probe', reading);
  const alerts = async () => (await made.get(`${made.httpUrl}/api/alerts`)) as { subject: string; title: string }[];
  await waitUntil('the alert', async () => (await alerts()).length === 1, { timeoutMs: 20_000 });
  expect(await alerts()).toMatchObject([{ rule: 'device-health', subject: 'probe', title: 'probe: is quiet' }]);
  const status = async () => JSON.parse((await made.run(['status', '--json'])).stdout) as { quiet: string[] };
  expect((await status()).quiet).toEqual(['probe']);
  expect(await made.get(`${made.httpUrl}/health/ready`)).toMatchObject({
    status: 'degraded',
    reasons: [expect.stringContaining('1 device is quiet: probe')],
  });
  await made.edge.kill();
  await made.edge.start();
  expect((await status()).quiet).toEqual(['probe']);
  await publisher?.close();
  publisher = await startPublisher(made.mqttUrl);
  const beating = setInterval(() => void publisher?.publish('climate', 'probe', reading).catch(() => undefined), 500);
  try {
    await waitUntil('it is well', async () => (await alerts()).length === 0, { timeoutMs: 20_000 });
    await delay(3_000);
    expect(await alerts()).toEqual([]);
    expect((await status()).quiet).toEqual([]);
  } finally {
    clearInterval(beating);
  }
  const kinds = (await journal()).map(({ type }) => type).filter((type) => /silent|seen|alerts/.test(type));
  expect(kinds).toEqual([
    'retail.devices.silent.v1',
    'retail.alerts.raised.v1',
    'retail.devices.seen.v1',
    'retail.alerts.resolved.v1',
  ]);
});
