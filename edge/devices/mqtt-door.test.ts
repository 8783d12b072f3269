import { once } from 'node:events';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import type { DoorLimits } from './door-options.ts';
import { InFlight } from './in-flight.ts';
import { MqttDoor } from './mqtt-door.ts';
import { publishPacket, RawMqtt, subscribePacket, until } from './raw-mqtt.ts';

let intake: ControlledIntake;
let door: MqttDoor;
let port: number;
const logged: string[] = [];

async function open(limits: Partial<DoorLimits> = {}, inFlight = new InFlight(1_000_000)): Promise<void> {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec, logger, inFlight, limits });
  ({ port } = await door.start());
}

beforeEach(() => {
  intake = new ControlledIntake();
  logged.length = 0;
});

afterEach(async () => {
  intake.answer();
  await door.stop(100);
});

const client = (options: mqtt.IClientOptions = {}): Promise<MqttClient> =>
  mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });

const bodies = () => intake.deliveries.map(({ readings }) => readings[0]?.body);

describe('acknowledgement', () => {
  test('comes after the receipt, not before', async () => {
    await open();
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    raw.send(publishPacket('in/sale/till-1', 'ok 1', 1, 7));
    await until(() => intake.waiting.length === 1);
    const other = await RawMqtt.open(port, { id: 'other' });
    await other.ping();
    expect(raw.acknowledged).toEqual([]);
    intake.answer();
    await until(() => raw.acknowledged.length === 1);
    expect(raw.acknowledged).toEqual([7]);
    expect(intake.deliveries[0]).toMatchObject({ kind: 'sale', device: 'till-1' });
  });

  test('keeps the order of the publishes, also where one needs no receipt', async () => {
    await open();
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    raw.send(
      publishPacket('in/sale/t', 'ok', 1, 1),
      publishPacket('in/presence/p', '{}', 1, 2),
      publishPacket('in/sale/t', 'bad', 1, 3),
      publishPacket('in/presence/p', '{}', 1, 4),
      publishPacket('in/sale/t', 'ok', 1, 5),
    );
    await until(() => intake.waiting.length === 3);
    expect(raw.acknowledged).toEqual([]);
    intake.answer(1);
    await until(() => raw.acknowledged.length === 2);
    intake.answer();
    await until(() => raw.acknowledged.length === 5);
    expect(raw.acknowledged).toEqual([1, 2, 3, 4, 5]);
    expect(door.counters).toMatchObject({ publishesQos1: 5, readings: 2, readingsOnlyCounted: 4, refused: 1 });
  });

  test('of what needs no receipt is at once when nothing is before it', async () => {
    await open();
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    raw.send(publishPacket('in/presence/p', '{}', 1, 9));
    await until(() => raw.acknowledged.length === 1);
    expect(intake.waiting).toHaveLength(0);
  });

  test('never comes for what could not be stored: that connection closes, others stay', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    const other = await RawMqtt.open(port, { id: 'other' });
    intake.broken = true;
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1), publishPacket('in/sale/t', 'bad', 1, 2));
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
    intake.broken = false;
    other.send(publishPacket('in/sale/t', 'ok', 1, 3));
    await until(() => other.acknowledged.length === 1);
    expect(door.counters.notStored).toBeGreaterThan(0);
    expect(door.inFlight.bytes).toBe(0);
  });

  test('waits for a device that leaves its socket full, once for each publish, and gives up in the end', async () => {
    await open({ stalled: 1500 });
    const raw = await RawMqtt.open(port);
    raw.send(subscribePacket([['out/#', 0]]));
    await until(() => raw.of(9).length === 1);
    raw.socket.pause();
    // Subscribers do not make the hub wait.
    await door.publishOut('out/a', Buffer.alloc(8_000_000), { qos: 0 });
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1), publishPacket('in/sale/t', 'ok', 1, 2));
    await until(() => intake.deliveries.length === 2);
    raw.socket.resume();
    await until(() => raw.of(3).length === 1 && raw.acknowledged.length === 2);
    expect(raw.acknowledged).toEqual([1, 2]);
    raw.send(publishPacket('in/sale/t', 'ok', 1, 3));
    await until(() => raw.acknowledged.length === 3);
    raw.socket.pause();
    await door.publishOut('out/a', Buffer.alloc(12_000_000), { qos: 0 });
    await until(() => door.connections === 0);
    expect(door.counters.stalledClosed).toBe(1);
  });

  test('comes to a client library that publishes a thousand at once', async () => {
    await open();
    const publisher = await client();
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) => publisher.publishAsync('in/sale/t', `ok ${i}`, { qos: 1 })),
    );
    expect(bodies()).toEqual(Array.from({ length: 1000 }, (_, i) => `ok ${i}`));
    expect(door.inFlight).toMatchObject({ bytes: 0, deliveries: 0 });
    await publisher.endAsync();
  });
});

describe('quality of service', () => {
  test('0 is taken without an answer, and dropped and counted when too much of it waits', async () => {
    await open({ qos0: 2 * (4 + 512) });
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    raw.send(...Array.from({ length: 5 }, () => publishPacket('in/sale/t', 'ok..', 0)));
    await raw.ping();
    expect(intake.waiting).toHaveLength(2);
    expect(door.counters).toMatchObject({ publishesQos0: 5, qos0Dropped: 3 });
    intake.answer();
    raw.send(publishPacket('in/sale/t', 'ok..', 0));
    await raw.ping();
    expect(intake.waiting).toHaveLength(1);
  });

  test('of a subscription is what was asked for', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    raw.send(
      subscribePacket([
        ['out/#', 2],
        ['out/a', 1],
        ['out/b', 0],
        ['in/#', 1],
        ['#', 2],
      ]),
    );
    await until(() => raw.of(9).length === 1);
    expect([...(raw.of(9)[0]?.body.subarray(2) ?? [])]).toEqual([2, 1, 0, 128, 2]);
  });
});

describe('topics', () => {
  test('under in/ reach no subscriber, whatever the filter, retained or not', async () => {
    await open();
    const curious = await RawMqtt.open(port, { id: 'curious' });
    curious.send(
      subscribePacket([
        ['#', 1],
        ['+/sale/t', 1],
        ['+/#', 0],
        ['in/sale/t', 1],
        ['in', 1],
      ]),
    );
    await until(() => curious.of(9).length === 1);
    expect([...(curious.of(9)[0]?.body.subarray(2) ?? [])]).toEqual([1, 1, 0, 128, 128]);
    const raw = await RawMqtt.open(port);
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1, 1), publishPacket('in/sale/t', 'ok', 0));
    await until(() => raw.acknowledged.length === 1);
    await door.publishOut('out/hub/status', 'online', { retain: true });
    await until(() => curious.of(3).length > 0);
    const late = await RawMqtt.open(port, { id: 'late' });
    late.send(subscribePacket([['#', 1]]));
    await until(() => late.of(3).length > 0);
    const topics = [...curious.of(3), ...late.of(3)].map(({ body }) =>
      body.toString('utf8', 2, 2 + body.readUInt16BE(0)),
    );
    expect(new Set(topics)).toEqual(new Set(['out/hub/status']));
  });

  test('that nobody understands become dead letters, acknowledged', async () => {
    await open();
    const raw = await RawMqtt.open(port, { id: 'vendor-box' });
    const long = 'd'.repeat(129);
    raw.send(
      publishPacket('zigbee2mqtt/lamp', 'x', 1, 1),
      publishPacket('in/sales/till-1', 'ok', 1, 2),
      publishPacket('in/sale/a/b', 'ok', 1, 3),
      publishPacket('in/sale', 'ok', 1, 4),
      publishPacket(`in/sale/${long}`, 'ok', 1, 5),
      publishPacket('in/sale/a\u0001', 'ok', 1, 6),
      publishPacket('in/__proto__/a', 'ok', 1, 7),
      publishPacket('input/a', 'ok', 1, 8),
      publishPacket('in/presence/a/b', '{"shopper":"p-77"}', 1, 9),
    );
    await until(() => raw.acknowledged.length === 9);
    expect(raw.acknowledged).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(intake.refusals[8]).toMatchObject({ kind: 'presence', device: 'a/b', bytes: null });
    expect(intake.deliveries).toEqual([]);
    expect(intake.refusals[0]).toMatchObject({
      kind: 'zigbee2mqtt/lamp',
      device: 'vendor-box',
      reason: 'the topic is in/<kind>/<device>; no device format is mapped to this one',
      bytes: new Uint8Array(Buffer.from('x')),
    });
    expect(intake.refusals[1]).toMatchObject({ kind: 'sales', device: 'till-1' });
    expect(intake.refusals[1]?.reason).toContain('not a kind of reading');
    expect(intake.refusals[2]?.reason).toContain('one topic level');
    expect(intake.refusals.every(({ device }) => device.length <= 128)).toBe(true);
  });

  test.each(['out/alerts/x', 'out', '$SYS/x'])(
    'of the hub (%s) close the connection of whoever publishes there',
    async (topic) => {
      await open();
      const raw = await RawMqtt.open(port);
      raw.send(publishPacket(topic, 'ok', 1, 1));
      await until(() => raw.closed);
      expect(raw.acknowledged).toEqual([]);
      expect(intake.refusals).toEqual([]);
      expect(door.counters.forbiddenTopicClosed).toBe(1);
    },
  );

  test('of the hub reach subscribers, retained ones also later, until they are cleared', async () => {
    await open();
    await door.publishOut('out/alerts/shelf-gap/A1', '{"id":1}', { retain: true });
    await door.publishOut('out/alerts/shelf-gap/B1', '{"id":2}', { retain: true });
    await door.publishOut('out/alerts/shelf-gap/B1', '', { retain: true });
    const staff = await client();
    const got: string[] = [];
    staff.on('message', (topic, payload) => got.push(`${topic} ${payload}`));
    await staff.subscribeAsync('out/#', { qos: 1 });
    await until(() => got.length === 1);
    await door.publishOut('out/x', 'now', { qos: 0 });
    await until(() => got.length === 2);
    expect(got).toEqual(['out/alerts/shelf-gap/A1 {"id":1}', 'out/x now']);
    await expect(door.publishOut('in/sale/t', 'ok')).rejects.toThrow('not a topic of the hub');
    await staff.endAsync();
  });
});

describe('wills', () => {
  test('are readings of any quality of service, unless the device said goodbye or the topic is the hub’s', async () => {
    await open();
    for (const qos of [0, 1, 2]) {
      const raw = await RawMqtt.open(port, {
        id: `w${qos}`,
        will: { topic: 'in/status/f', payload: `ok ${qos}`, qos },
      });
      raw.socket.destroy();
      await until(() => bodies().includes(`ok ${qos}`));
    }
    const polite = await RawMqtt.open(port, { id: 'p', will: { topic: 'in/status/f', payload: 'ok never' } });
    polite.send(Buffer.from([0xe0, 0]));
    await until(() => polite.closed);
    const forger = await RawMqtt.open(port, { id: 'f', will: { topic: 'out/hub/status', payload: 'ok forged' } });
    forger.socket.destroy();
    await until(() => door.connections === 0);
    await until(() => door.counters.wills === 3);
    expect(bodies()).toEqual(['ok 0', 'ok 1', 'ok 2']);
    expect(intake.refusals).toEqual([]);
  });

  test('are not sent because the hub stops', async () => {
    await open();
    const raw = await RawMqtt.open(port, { will: { topic: 'in/status/f', payload: 'ok' } });
    await door.stop();
    await until(() => raw.closed);
    expect(intake.deliveries).toEqual([]);
  });
});

describe('starting and stopping', () => {
  test('a stop waits for the receipts in flight, acknowledges them, and closes everything', async () => {
    await open();
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    const dumb = await RawMqtt.dial(port);
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => intake.waiting.length === 1);
    const stopped = door.stop();
    raw.send(publishPacket('in/sale/t', 'ok late', 1, 2));
    setTimeout(() => intake.answer(), 50);
    await stopped;
    await until(() => raw.closed && dumb.closed);
    expect(raw.acknowledged).toEqual([1]);
    expect(bodies()).toEqual(['ok']);
    await expect(RawMqtt.dial(port)).rejects.toThrow('ECONNREFUSED');
  });

  test('a stop does not wait longer than it is told', async () => {
    await open();
    intake.automatic = false;
    const raw = await RawMqtt.open(port);
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => intake.waiting.length === 1);
    await door.stop(50);
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
  });

  test('a port that is taken is told as such', async () => {
    await open();
    const logger = pino({ level: 'silent' });
    const second = new MqttDoor({ listen: { host: '127.0.0.1', port }, intake, codec, logger });
    await expect(second.start()).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await second.stop(0);
  });

  test('a second connection with the same id takes the place of the first', async () => {
    await open();
    const first = await RawMqtt.open(port, { id: 'twin' });
    const second = await RawMqtt.open(port, { id: 'twin' });
    await until(() => first.closed);
    second.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => second.acknowledged.length === 1);
    second.socket.destroy();
    await once(second.socket, 'close');
  });
});
