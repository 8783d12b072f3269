import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Frame } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import { createHttp } from '../ops/http.ts';
import { ControlledIntake, plainCodec } from './controlled-intake.ts';
import { Credentials } from './credentials.ts';
import { httpIn } from './http-in.ts';
import { MqttDoor } from './mqtt-door.ts';
import { again, publishPacket, RawMqtt, until } from './raw-mqtt.ts';
import { TopicMap } from './topic-map.ts';
import { testUser } from './users.fixture.ts';

interface Taken {
  readonly device: string;
  readonly frame: Frame;
  readonly done: (receipt: Receipt) => void;
  readonly handshake: unknown;
}

const ACCEPTED: Receipt = { outcome: 'accepted', accepted: 1, repeated: 0 };
const logger = pino({ level: 'silent' });

let taken: Taken[];
let strangers: string[];
let lookups: string[];
let intake: ControlledIntake;
let door: MqttDoor;
/** Who waits for room in the codec; undefined: there is room. */
let room: (() => void)[] | undefined;
let port: number;
let closing: (() => Promise<void>)[];

async function open(users: ReturnType<typeof testUser>[] = []): Promise<void> {
  const topics = new TopicMap<{ device: string; kind: 'frame' | 'consent' }>();
  topics.add('zigbee2mqtt/door-3', { device: 'door-3', kind: 'frame' });
  topics.add('readers/+/events', { device: 'reader', kind: 'frame' });
  topics.add('kiosk/#', { device: 'kiosk', kind: 'consent' });
  const credentials = users.length === 0 ? undefined : new Credentials({ users, logger });
  const frames = {
    framed: (topic: string) => {
      lookups.push(topic);
      return topics.find(topic);
    },
    pushed: (name: string) => (name === 'camera' ? { device: 'camera', kind: 'frame' as const } : undefined),
    take: (device: string, frame: Frame, done: (receipt: Receipt) => void, _position: unknown, handshake: unknown) =>
      void taken.push({ device, frame, done, handshake }),
    hasRoom: (_device: string, again?: () => void) => {
      if (room === undefined) return true;
      if (again !== undefined) room.push(again);
      return false;
    },
    stranger: (topic: string) => void strangers.push(topic),
  };
  const at = { host: '127.0.0.1', port: 0 };
  door = new MqttDoor({ listen: at, intake, codec: plainCodec, logger, frames, credentials });
  ({ port } = await door.start());
  const app = createHttp({ hosts: [], logger });
  const access = { credentials, demanded: credentials !== undefined };
  const { inFlight, counters } = door;
  await app.register(httpIn, { intake, codec: plainCodec, inFlight, counters, frames, access });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
  closing.push(
    () => app.close(),
    () => door.stop(100),
  );
}

let base = '';

beforeEach(() => {
  taken = [];
  strangers = [];
  lookups = [];
  closing = [];
  room = undefined;
  intake = new ControlledIntake();
});

afterEach(async () => {
  for (const { done } of taken) done(ACCEPTED);
  intake.answer();
  for (const close of closing) await close();
});

async function client(options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const connected = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  closing.unshift(() => connected.endAsync(true));
  return connected;
}

describe("a publish on a device's topic", () => {
  test.each([1, 2] as const)('of QoS %i is acknowledged after the receipt, not before', async (qos) => {
    await open();
    let acknowledged = false;
    const publishing = (await client()).publishAsync('zigbee2mqtt/door-3', '{"contact":true}', { qos }).then(() => {
      acknowledged = true;
    });
    await until(() => taken.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(acknowledged).toBe(false);
    expect(taken[0]).toMatchObject({ device: 'door-3', frame: { topic: 'zigbee2mqtt/door-3' } });
    taken[0]?.done(ACCEPTED);
    await publishing;
    expect([intake.refusals, strangers]).toEqual([[], []]);
  });

  test('of QoS 0 is taken', async () => {
    await open();
    await (await client()).publishAsync('readers/dock/events', 'x');
    await until(() => taken.length === 1);
    expect(taken[0]?.device).toBe('reader');
  });

  test('that could not be stored closes the connection and is not acknowledged', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    raw.send(publishPacket('zigbee2mqtt/door-3', 'x', 1, 1));
    await until(() => taken.length === 1);
    taken[0]?.done({ outcome: 'not-stored', reason: 'disk full' });
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
  });

  test('is acknowledged in its turn, though receipts come in another order', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    intake.automatic = false;
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1));
    raw.send(publishPacket('zigbee2mqtt/door-3', 'a', 1, 2));
    raw.send(publishPacket('in/sale/t', 'ok', 1, 3));
    raw.send(publishPacket('zigbee2mqtt/door-3', 'b', 1, 4));
    await until(() => taken.length === 2 && intake.waiting.length === 2);
    taken[1]?.done(ACCEPTED);
    intake.answer();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(raw.acknowledged).toEqual([1]);
    taken[0]?.done(ACCEPTED);
    await until(() => raw.acknowledged.length === 4);
    expect(raw.acknowledged).toEqual([1, 2, 3, 4]);
  });

  test('still goes round to subscribers', async () => {
    await open();
    const reader = await client();
    const heard: string[] = [];
    reader.on('message', (topic) => void heard.push(topic));
    await reader.subscribeAsync('zigbee2mqtt/#', { qos: 1 });
    const publishing = (await client()).publishAsync('zigbee2mqtt/door-3', 'x', { qos: 1 });
    await until(() => taken.length === 1 && heard.length === 1);
    taken[0]?.done(ACCEPTED);
    await publishing;
  });

  test('is looked up once for a topic, not once for a publish', async () => {
    await open();
    const publisher = await client();
    for (let i = 0; i < 50; i += 1) await publisher.publishAsync('readers/dock/events', 'x');
    await until(() => taken.length === 50);
    expect(lookups).toEqual(['readers/dock/events']);
  });

  test('of QoS 2 in a session that is kept is noted with what it stores', async () => {
    await open();
    const publishing = (await client({ clean: false, clientId: 'gateway' })).publishAsync('kiosk/1', 'x', { qos: 2 });
    await until(() => taken.length === 1);
    expect(taken[0]?.handshake).toEqual({ client: 'gateway', packet: expect.any(Number) });
    taken[0]?.done(ACCEPTED);
    await publishing;
  });
});

test('a publish that nobody is mapped to is shown as a stranger, and kept as a dead letter', async () => {
  await open();
  await (await client()).publishAsync('zigbee2mqtt/door-4', 'x', { qos: 1 });
  await (await client()).publishAsync('in/nonsense/door-4', 'x', { qos: 1 });
  expect(strangers).toEqual(['zigbee2mqtt/door-4', 'in/nonsense/door-4']);
  expect(intake.refusals.map(({ kind }) => kind)).toEqual(['zigbee2mqtt/door-4', 'nonsense']);
});

describe('a user', () => {
  const login = { username: 'gateway', password: 'gateway password' };

  test('publishes as its devices only, on their topics too', async () => {
    await open([testUser('gateway', { devices: ['door-3'] })]);
    const own = (await client(login)).publishAsync('zigbee2mqtt/door-3', 'x', { qos: 1 });
    await until(() => taken.length === 1);
    taken[0]?.done(ACCEPTED);
    await own;
    // What users publish does not travel.
    const other = await client(login);
    const closed = new Promise<void>((resolve) => other.once('close', () => resolve()));
    other.publish('readers/dock/events', 'x', { qos: 1 });
    await closed;
    expect(taken).toHaveLength(1);
    expect(door.counters.notAllowedClosed).toBe(1);
  });

  test('needs the permission where the device may tell consent', async () => {
    await open([testUser('gateway', { devices: ['kiosk'] })]);
    const refused = await client(login);
    const closed = new Promise<void>((resolve) => refused.once('close', () => resolve()));
    refused.publish('kiosk/1', 'x', { qos: 1 });
    await closed;
    expect(taken).toEqual([]);
  });

  test('leaves no will for a device that is not its own', async () => {
    await open([testUser('gateway', { devices: ['door-3'] })]);
    const will = (topic: string) => ({ ...login, will: { topic, payload: Buffer.from('gone'), qos: 0 as const } });
    await expect(client(will('readers/dock/events'))).rejects.toThrow();
    await client(will('zigbee2mqtt/door-3'));
  });

  test('pushes as its devices only', async () => {
    await open([testUser('gateway', { devices: ['camera'] }), testUser('till')]);
    const push = (name?: string) =>
      fetch(`${base}/push/camera`, {
        method: 'POST',
        body: 'x',
        ...(name && {
          headers: { authorization: `Basic ${Buffer.from(`${name}:${name} password`).toString('base64')}` },
        }),
      });
    expect([(await push()).status, (await push('till')).status]).toEqual([401, 403]);
    const own = push('gateway');
    await until(() => taken.length === 1);
    taken[0]?.done(ACCEPTED);
    expect((await own).status).toBe(202);
  });
});

describe('a push', () => {
  const push = (name: string, body = 'x') => fetch(`${base}/push/${name}`, { method: 'POST', body });

  test('is answered after the receipt', async () => {
    await open();
    const answer = push('camera', '{"n":1}');
    await until(() => taken.length === 1);
    expect(Buffer.from(taken[0]?.frame.bytes ?? []).toString()).toBe('{"n":1}');
    taken[0]?.done({ outcome: 'accepted', accepted: 3, repeated: 1 });
    expect([(await answer).status, await (await answer).json()]).toEqual([202, { accepted: 3, repeated: 1 }]);
  });

  test('that is refused is 400 with the dead letter and the reason', async () => {
    await open();
    const answer = push('camera');
    await until(() => taken.length === 1);
    taken[0]?.done({ outcome: 'refused', letter: 'L1', reason: 'no field `count`' });
    expect((await answer).status).toBe(400);
    expect(await (await answer).json()).toMatchObject({ letter: 'L1', detail: 'no field `count`' });
  });

  test('that cannot be stored is 503, of nobody 404 and a stranger, too large 413', async () => {
    await open();
    const answer = push('camera');
    await until(() => taken.length === 1);
    taken[0]?.done({ outcome: 'not-stored', reason: 'disk full' });
    expect([(await answer).status, (await answer).headers.get('retry-after')]).toEqual([503, '1']);
    expect((await push('unknown')).status).toBe(404);
    expect(strangers).toEqual(['POST /push/unknown']);
    expect((await push('camera', 'x'.repeat(1_100_000))).status).toBe(413);
  });
});

test('the most specific filter wins, level by level', () => {
  const map = new TopicMap<string>();
  for (const filter of ['#', 'a/#', 'a/+/c', 'a/b/+', 'a/b/c', '+/b/d', 'a/b']) map.add(filter, filter);
  const found = ['a/b/c', 'a/b/x', 'a/x/c', 'a/x/y', 'a', 'a/b', 'z/b/d', 'z', 'z/y', '$SYS/x'].map((topic) =>
    map.find(topic),
  );
  expect(found).toEqual(['a/b/c', 'a/b/+', 'a/+/c', 'a/#', 'a/#', 'a/b', '+/b/d', '#', '#', undefined]);
});

describe('a frame of QoS 1 that its device sends again', () => {
  const frame = (packetId: number, payload = '{}') => publishPacket('zigbee2mqtt/door-3', payload, 1, packetId);
  const device = () => RawMqtt.open(port, { id: 'door-3', clean: false });

  test('because the connection ended before its PUBACK is the same frame, stored or on its way', async () => {
    await open();
    const first = await device();
    first.send(frame(1), frame(2), frame(3));
    await until(() => taken.length === 3);
    first.socket.destroy();
    await until(() => door.connections === 0);
    taken[0]?.done(ACCEPTED);
    const back = await device();
    back.send(again(frame(1)), again(frame(2)), again(frame(3, '{"other":1}')), frame(4));
    await back.until(() => taken.length === 5 && back.ids(4).length === 1);
    // Another content is another frame, and one that is not marked as sent again is new.
    expect(taken.slice(3).map(({ frame: { bytes } }) => Buffer.from(bytes).toString())).toEqual(['{"other":1}', '{}']);
    for (const { done } of taken) done(ACCEPTED);
    await back.until(() => back.ids(4).length === 4);
    expect(back.ids(4)).toEqual([1, 2, 3, 4]);
    // With its PUBACK the id is free: what is sent again under it may be another one that got lost.
    back.send(again(frame(1)));
    await until(() => taken.length === 6);
  });

  test('because it could not be stored is taken again', async () => {
    await open();
    const first = await device();
    first.send(frame(1));
    await until(() => taken.length === 1);
    taken[0]?.done({ outcome: 'not-stored', reason: 'disk full' });
    await until(() => first.closed);
    const back = await device();
    back.send(again(frame(1)));
    await until(() => taken.length === 2);
  });
});

test('while its codec has no room a device is not read, and none of its frames is lost; another one is, and a push is to come later', async () => {
  await open();
  room = [];
  const crowded = await RawMqtt.open(port, { id: 'crowded' });
  crowded.send(publishPacket('readers/1/events', '1', 1, 1));
  await until(() => room?.length === 1);
  const { status } = await fetch(`${base}/push/camera`, { method: 'POST', body: '{}' });
  crowded.send(publishPacket('readers/1/events', '2', 1, 2), publishPacket('readers/1/events', '3', 1, 3));
  const other = await RawMqtt.open(port, { id: 'other' });
  other.send(publishPacket('in/shelf/a', 'ok', 1, 1));
  await other.until(() => other.ids(4).length === 1);
  expect([taken.length, status, crowded.closed]).toEqual([1, 429, false]);
  const waiting = room;
  room = undefined;
  for (const goOn of waiting) goOn();
  await until(() => taken.length === 3);
  for (const { done } of taken) done(ACCEPTED);
  await crowded.until(() => crowded.ids(4).length === 3);
});
