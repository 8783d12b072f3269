import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { Mosquitto } from '../../device-sims/harness/mosquitto.ts';
import { describeWith } from '../../device-sims/harness/need-tools.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { startLink } from '../../device-sims/link/tcp-proxy.ts';
import type { DeviceConfig, OutsideBroker } from '../contracts/devices.ts';
import type { Frame } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import { authority, certificate } from '../ops/certificates.fixture.ts';
import { KeptFilters } from './kept-filters.ts';
import { OutsideBrokerLink } from './outside-broker.ts';
import { again, publishPacket, until } from './raw-mqtt.ts';

interface Taken {
  readonly device: string;
  readonly text: string;
  readonly frame: Frame;
  readonly done: (receipt: Receipt) => void;
}

const ACCEPTED: Receipt = { outcome: 'accepted', accepted: 1, repeated: 0 };
const calibration = { celsius: 0, weight: 1 };
const SECRET = { topic: 'secret/+', broker: 'shop' };
const DEVICES: readonly DeviceConfig[] = [
  { name: 'door-3', codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/door-3', broker: 'shop' }, calibration },
  { name: 'gateway', codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/+', broker: 'shop' }, calibration },
];

let dir: string;
let port: number;
let taken: Taken[];
let troubles: [device: string, reason: string | undefined][];
let automatic: boolean;
let closing: (() => unknown)[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'store-hub-mosquitto-'));
  port = await freePort();
  taken = [];
  troubles = [];
  automatic = false;
  closing = [];
});

afterEach(async () => {
  for (const close of closing) await close();
  rmSync(dir, { recursive: true, force: true });
});

async function broker(lines?: readonly string[]): Promise<Mosquitto> {
  const mosquitto = new Mosquitto({ dir, port, ...(lines && { lines }) });
  await mosquitto.start();
  closing.push(() => mosquitto.stop());
  return mosquitto;
}

async function link(more: Partial<OutsideBroker> = {}, devices = DEVICES): Promise<OutsideBrokerLink> {
  const opened = new OutsideBrokerLink({
    hub: 'store-0042',
    broker: { name: 'shop', url: `mqtt://127.0.0.1:${port}`, ...more },
    devices,
    take: (device, frame, done) => {
      taken.push({ device, frame, text: Buffer.from(frame.bytes).toString(), done });
      if (automatic) setTimeout(() => done(ACCEPTED), 1);
    },
    trouble: (device, reason) => void troubles.push([device, reason]),
    kept: new KeptFilters({ dataDir: dir, write: writeFileSync }),
    logger: pino({ level: 'silent' }),
    pause: { first: 50, longest: 200 },
  });
  await opened.start();
  closing.unshift(() => opened.stop(0));
  return opened;
}

async function publisher(options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 50, ...options });
  client.on('error', () => undefined);
  closing.unshift(() => client.endAsync(true));
  return client;
}

const works = () => until(() => troubles.at(-1)?.[1] === undefined && troubles.length > 0);
/** Subscribed, with nothing said about it: a marker comes through. */
async function subscribed(client: MqttClient): Promise<void> {
  await waitUntil('the subscription', async () => {
    await client.publishAsync('zigbee2mqtt/marker', 'marker', { qos: 1 });
    return taken.length > 0;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const { done } of taken.splice(0)) done(ACCEPTED);
}

describeWith('mosquitto')('devices at an outside broker', () => {
  test('filters that no device has any more leave its session, also when the hub was away', async () => {
    const mosquitto = await broker();
    automatic = true;
    const first = await link();
    const client = await publisher();
    await subscribed(client);
    await first.stop();
    const [door] = DEVICES;
    const only = door === undefined ? [] : [door];
    const second = await link({}, only);
    const noted = join(dir, 'outside-brokers.json');
    await until(() => !readFileSync(noted, 'utf8').includes('zigbee2mqtt/+'));
    await second.stop();
    // Away, the broker keeps for its session what is subscribed to, and nothing else.
    await client.publishAsync('zigbee2mqtt/door-4', 'not for us', { qos: 1 });
    await client.publishAsync('zigbee2mqtt/door-3', 'for us', { qos: 1 });
    taken.splice(0);
    const subscriber = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      ...{ clientId: 'store-hub-store-0042-shop', clean: false, reconnectPeriod: 0 },
    });
    const heard: string[] = [];
    subscriber.on('message', (_, payload) => heard.push(payload.toString()));
    await until(() => heard.includes('for us'));
    expect(heard).toEqual(['for us']);
    await subscriber.endAsync(true);
    await mosquitto.stop();
  });

  test('are told apart by their topics, and what two filters match comes once', async () => {
    await broker();
    await link();
    const client = await publisher();
    await subscribed(client);
    await client.publishAsync('zigbee2mqtt/door-3', 'a', { qos: 1 });
    await client.publishAsync('zigbee2mqtt/door-4', 'b', { qos: 2 });
    await client.publishAsync('zigbee2mqtt/door-4', 'c', { qos: 0 });
    await client.publishAsync('other/door-4', 'd', { qos: 1 });
    await until(() => taken.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(taken.map(({ device, text, frame }) => [device, text, frame.topic])).toEqual([
      ['door-3', 'a', 'zigbee2mqtt/door-3'],
      ['gateway', 'b', 'zigbee2mqtt/door-4'],
      ['gateway', 'c', 'zigbee2mqtt/door-4'],
    ]);
  });

  test('are acknowledged when they are stored: what was not comes again to the next process', async () => {
    await broker();
    const first = await link();
    const client = await publisher();
    await subscribed(client);
    for (const text of ['a', 'b', 'c']) await client.publishAsync('zigbee2mqtt/door-3', text, { qos: 1 });
    await until(() => taken.length === 3);
    taken[0]?.done(ACCEPTED);
    // In its turn: b is not stored, so c is not acknowledged either.
    taken[2]?.done(ACCEPTED);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await first.stop(0);
    await client.publishAsync('zigbee2mqtt/door-3', 'd', { qos: 1 });
    taken = [];
    automatic = true;
    await link();
    await until(() => taken.length === 3);
    expect(taken.map(({ text }) => text)).toEqual(['b', 'c', 'd']);
  });

  test('are taken once when the connection breaks while they are being stored', async () => {
    await broker();
    const proxy = await startLink({ target: { port } });
    const url = `mqtt://${proxy.address}`;
    closing.push(() => proxy.stop());
    await link({ url });
    const client = await publisher();
    await subscribed(client);
    for (let i = 0; i < 10; i += 1) await client.publishAsync('zigbee2mqtt/door-3', `${i}`, { qos: 1 });
    await until(() => taken.length === 10);
    proxy.cut();
    await until(() => troubles.some(([, reason]) => reason !== undefined));
    proxy.heal();
    // Some are stored while nobody is connected, the others afterwards.
    for (const { done } of taken.slice(0, 5)) done(ACCEPTED);
    await works();
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { done } of taken.slice(5)) done(ACCEPTED);
    await client.publishAsync('zigbee2mqtt/door-3', 'last', { qos: 1 });
    await until(() => taken.at(-1)?.text === 'last');
    expect(taken.map(({ text }) => text)).toEqual([...Array.from({ length: 10 }, (_, i) => `${i}`), 'last']);
  });

  test('that cannot be stored are sent again', async () => {
    await broker();
    await link();
    const client = await publisher();
    await subscribed(client);
    await client.publishAsync('zigbee2mqtt/door-3', 'a', { qos: 1 });
    await until(() => taken.length === 1);
    taken[0]?.done({ outcome: 'not-stored', reason: 'disk full' });
    await until(() => taken.length === 2);
    expect(taken[1]?.text).toBe('a');
    expect(troubles.map(([, reason]) => reason)).toContain(
      `the broker shop (mqtt://127.0.0.1:${port}): a publish could not be stored here: disk full`,
    );
    automatic = true;
    taken[1]?.done(ACCEPTED);
    await works();
  });

  test('are named in a sentence while it is away, once, and when it is back', async () => {
    await link();
    await until(() => troubles.length === 2);
    expect(troubles).toEqual(
      ['door-3', 'gateway'].map((name) => [name, `the broker shop (mqtt://127.0.0.1:${port}): nobody listens there`]),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(troubles).toHaveLength(2);
    const mosquitto = await broker();
    await works();
    expect(troubles).toHaveLength(4);
    await mosquitto.stop();
    await until(() => troubles.length === 6);
    await mosquitto.start();
    await until(() => troubles.length === 8 || troubles.at(-1)?.[1] === undefined);
    const client = await publisher();
    await client.publishAsync('zigbee2mqtt/door-3', 'back', { qos: 1 });
    await until(() => taken.length === 1);
  });

  test('wait for an address that the client library can use, without an end of the process', async () => {
    await link({ url: 'mqtt://127.0.0.1:99999' });
    expect(troubles[0]?.[1]).toContain('Port should be >= 0 and < 65536');
  });

  test('come by TLS where the authority is trusted, and are refused in words where it is not', async () => {
    const ca = authority(dir, 'shop-ca');
    const other = authority(dir, 'other-ca');
    const { cert, key } = certificate(dir, ca, { commonName: 'mosquitto' });
    await broker(['allow_anonymous true', `cafile ${ca.cert}`, `certfile ${cert}`, `keyfile ${key}`]);
    const url = `mqtts://localhost:${port}`;
    const wrong = await link({ url, ca: other.cert });
    await until(() => troubles.length > 0);
    expect(troubles[0]?.[1]).toMatch(/its certificate is not trusted/);
    await wrong.stop(0);
    troubles = [];
    automatic = true;
    await link({ url, ca: ca.cert });
    const client = await mqtt.connectAsync(url, { rejectUnauthorized: false });
    closing.unshift(() => client.endAsync(true));
    await subscribed(client);
  });

  test('need the right name and password, which is read again from its file', async () => {
    const passwords = join(dir, 'passwords');
    execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'hub', 'right']);
    const password_file = join(dir, 'secret');
    writeFileSync(password_file, 'wrong\n');
    await broker(['allow_anonymous false', `password_file ${passwords}`]);
    await link({ username: 'hub', password_file });
    await until(() => troubles.length > 0);
    expect(troubles[0]?.[1]).toMatch(/refuses/);
    writeFileSync(password_file, 'right\n');
    automatic = true;
    await works();
    await subscribed(await publisher({ username: 'hub', password: 'right' }));
  });

  test('are heard where the broker lets only some be read, and the others when it does', async () => {
    let open = false;
    const strict = await Aedes.createBroker({
      authorizeSubscribe: (_client, filter, done) => done(null, open || filter.topic !== 'secret/+' ? filter : null),
    });
    const server = createServer(strict.handle);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    closing.push(
      () => new Promise((resolve) => strict.close(() => resolve(undefined))),
      () => server.close(),
    );
    automatic = true;
    const secret: DeviceConfig = { ...DEVICES[0], name: 'cold', codec: 'impinj', calibration, mqtt: SECRET };
    await link({}, [...DEVICES, secret]);
    await until(() => troubles.length === 1);
    expect(troubles[0]?.[0]).toBe('cold');
    expect(troubles[0]?.[1]).toMatch(/refuses the subscription to secret\/\+: allow store-hub-store-0042-shop to read/);
    const client = await publisher();
    await client.publishAsync('zigbee2mqtt/door-3', 'open', { qos: 1 });
    await until(() => taken.length === 1);
    open = true;
    await until(() => troubles.length === 2);
    expect(troubles[1]).toEqual(['cold', undefined]);
    await client.publishAsync('secret/1', 'cold', { qos: 1 });
    await until(() => taken.at(-1)?.device === 'cold');
  });

  test('keep no retained message: nobody knows when it was said', async () => {
    await broker();
    const client = await publisher();
    await client.publishAsync('zigbee2mqtt/door-3', 'long ago', { qos: 1, retain: true });
    await link();
    await subscribed(client);
    await client.publishAsync('zigbee2mqtt/door-3', 'now', { qos: 1, retain: true });
    await until(() => taken.length === 1);
    expect(taken[0]?.text).toBe('now');
  });

  test('are left out and told of when they are larger than 1 MiB, and hold up nothing', async () => {
    await broker();
    automatic = true;
    await link();
    const client = await publisher();
    await subscribed(client);
    await client.publishAsync('zigbee2mqtt/door-3', Buffer.alloc(1_048_577, 32), { qos: 1 });
    await client.publishAsync('zigbee2mqtt/door-3', 'open', { qos: 1 });
    await until(() => taken.length === 1);
    expect(taken[0]?.text).toBe('open');
    expect(troubles.at(-1)?.[1]).toBe('a publish of 1048577 bytes was left out: at most 1 MiB is taken');
  });

  test('are read on when there are more than may wait', async () => {
    await broker(['allow_anonymous true', 'max_inflight_messages 5000']);
    automatic = true;
    await link();
    const client = await publisher();
    await subscribed(client);
    await Promise.all(
      Array.from({ length: 5000 }, (_, i) => client.publishAsync('zigbee2mqtt/door-3', `${i}`, { qos: 1 })),
    );
    await until(() => taken.length === 5000);
    expect(new Set(taken.map(({ text }) => text)).size).toBe(5000);
  });
});

/** A broker that gives the lowest free packet id, and whose connections are cut at will. */
class PlainBroker {
  readonly #server = createServer((socket) => this.#serve(socket));
  #socket: Socket | undefined;
  #subscribed = false;
  /** Packet ids of the PUBACKs, in order. */
  readonly acknowledged: number[] = [];

  async start(): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  stop(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  publish(packetId: number, text: string, isAgain = false): void {
    const packet = publishPacket('zigbee2mqtt/door-3', text, 1, packetId);
    this.#socket?.write(isAgain ? again(packet) : packet);
  }

  /** Resolves when it is connected anew. */
  async cut(): Promise<void> {
    const before = this.#socket;
    before?.destroy();
    await until(() => this.#socket !== before && this.#subscribed);
  }

  get subscribed(): boolean {
    return this.#subscribed;
  }

  #serve(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const type = (bytes[0] ?? 0) >> 4;
      if (type === 1) {
        socket.write(Buffer.from([0x20, 2, this.#subscribed ? 1 : 0, 0]));
        this.#socket = socket;
      } else if (type === 8) {
        socket.write(Buffer.from([0x90, 3, bytes[2] ?? 0, bytes[3] ?? 0, 1]));
        this.#subscribed = true;
      } else if (type === 4) {
        for (let at = 0; at < bytes.length; at += 4) this.acknowledged.push(bytes.readUInt16BE(at + 2));
      }
    });
  }
}

test('a publish that comes again is another one when the first was acknowledged, and the same one when it was not', async () => {
  const plain = new PlainBroker();
  await plain.start();
  closing.push(() => plain.stop());
  await link();
  await until(() => plain.subscribed);
  plain.publish(1, 'open');
  await until(() => taken.length === 1);
  taken[0]?.done(ACCEPTED);
  await until(() => plain.acknowledged.length === 1);
  // The door opened once more, under the id that was free again; the connection was gone before it came.
  await plain.cut();
  plain.publish(1, 'open', true);
  await until(() => taken.length === 2);
  await plain.cut();
  taken[1]?.done(ACCEPTED);
  plain.publish(1, 'open', true);
  await until(() => plain.acknowledged.length === 2);
  expect(taken).toHaveLength(2);
  // One that counts its ids up uses none of them again soon: this one it sent before.
  for (let packetId = 1000; packetId < 1400; packetId += 1) plain.publish(packetId, 'open');
  await until(() => taken.length === 402);
  for (const { done } of taken.slice(2)) done(ACCEPTED);
  await until(() => plain.acknowledged.length === 402);
  await plain.cut();
  plain.publish(1399, 'open', true);
  await until(() => plain.acknowledged.length === 403);
  expect(taken).toHaveLength(402);
});
