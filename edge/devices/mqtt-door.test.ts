import { once } from 'node:events';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Codec } from './codec.ts';
import { ControlledIntake } from './controlled-intake.ts';
import { InFlight } from './in-flight.ts';
import { type DoorLimits, MqttDoor } from './mqtt-door.ts';
import { connectPacket, packet, publishPacket, RawMqtt, subscribePacket, until } from './raw-mqtt.ts';

/** Takes JSON with `ok`; `{"count": true}` is only counted. What real codecs do is their own test. */
const codec: Codec = {
  decode(kind, _device, payload) {
    const text = Buffer.from(payload).toString();
    if (kind === 'presence') return { ok: true, readings: [], counted: 1 };
    if (!text.includes('ok')) return { ok: false, reason: 'not ok', pointers: [''], bytes: new Uint8Array(payload) };
    return { ok: true, readings: [{ subject: 's', identity: undefined, time: undefined, body: text }], counted: 0 };
  },
  mask: (payload) => new Uint8Array(payload),
};

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
    expect(door.counters).toMatchObject({ publishesQos1: 5, readings: 2, readingsOnlyCounted: 2, refused: 1 });
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
    await open({ drainTimeout: 1500 });
    const raw = await RawMqtt.open(port);
    raw.send(subscribePacket([['out/#', 0]]));
    await until(() => raw.of(9).length === 1);
    raw.socket.pause();
    const large = Buffer.alloc(4_000_000);
    const written = [door.publishOut('out/a', large, { qos: 0 }), door.publishOut('out/b', large, { qos: 0 })];
    await new Promise((resolve) => setTimeout(resolve, 50));
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1), publishPacket('in/sale/t', 'ok', 1, 2));
    await until(() => intake.deliveries.length === 2);
    raw.socket.resume();
    await until(() => raw.of(3).length === 2 && raw.acknowledged.length === 2);
    expect(raw.acknowledged).toEqual([1, 2]);
    await Promise.all(written);
    raw.send(publishPacket('in/sale/t', 'ok', 1, 3));
    await until(() => raw.acknowledged.length === 3);
    raw.socket.pause();
    await door.publishOut('out/a', Buffer.alloc(12_000_000), { qos: 0 });
    await until(() => door.connections === 0);
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
    await open({ qos0: 10 });
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

  test('2 closes the connection, is counted and named in the log, a few times only', async () => {
    await open();
    for (let i = 0; i < 15; i += 1) {
      const raw = await RawMqtt.open(port, { id: `exact-${i}` });
      raw.send(publishPacket('in/sale/t', 'ok', 2, 1));
      await until(() => raw.closed);
    }
    expect(intake.deliveries).toEqual([]);
    expect(door.counters.qos2Closed).toBe(15);
    const lines = logged.filter((line) => line.includes('QoS 2'));
    expect(lines[0]).toContain('exact-0');
    expect(lines).toHaveLength(10);
  });

  test('of a subscription is 1 at most', async () => {
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
    expect([...(raw.of(9)[0]?.body.subarray(2) ?? [])]).toEqual([1, 1, 0, 128, 1]);
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
    raw.send(
      publishPacket('in/sale/t', 'ok', 1, 1, 1),
      publishPacket('in/sale/t', 'ok', 0),
      publishPacket('x/y', 'ok', 1, 2),
    );
    await until(() => raw.acknowledged.length === 2);
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
    );
    await until(() => raw.acknowledged.length === 8);
    expect(raw.acknowledged).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(intake.deliveries).toEqual([]);
    expect(intake.refusals[0]).toMatchObject({
      kind: 'zigbee2mqtt/lamp',
      device: 'vendor-box',
      reason: 'no codec is mapped to this topic',
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

describe('guards', () => {
  test.each([
    ['a publish of 2 MiB', [connectPacket(), Buffer.from([0x32, 0x80, 0x80, 0x80, 0x01])]],
    ['a partial CONNECT of 100 KiB', [Buffer.from([0x10, 0xa0, 0x8d, 0x06]), Buffer.alloc(1000)]],
    ['a SUBSCRIBE of 1 MiB', [connectPacket(), Buffer.from([0x82, 0x80, 0x80, 0x40])]],
    ['a length of five bytes', [connectPacket(), Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])]],
    ['65 filters', [connectPacket(), subscribePacket(Array.from({ length: 65 }, (_, i) => [`out/${i}`, 0] as const))]],
  ])('close a connection for %s before it is collected', async (_, bytes) => {
    await open();
    const raw = await RawMqtt.dial(port);
    for (const part of bytes) raw.send(part);
    await until(() => raw.closed);
    expect(door.counters.brokenPacketClosed).toBe(1);
    await until(() => door.connections === 0);
  });

  test('let a publish of 1 MiB through, in however many pieces', async () => {
    await open({}, new InFlight(10_000_000));
    const raw = await RawMqtt.open(port);
    const payload = Buffer.alloc(1_048_576, 'ok');
    const whole = publishPacket('in/sale/t', payload, 1, 1);
    for (let at = 0; at < whole.length; at += 99_991) raw.send(whole.subarray(at, at + 99_991));
    await until(() => raw.acknowledged.length === 1);
    expect(bodies()[0]).toHaveLength(1_048_576);
  });

  test('let large packets arrive a few at a time, so that all of them end', async () => {
    await open({ arriving: 400_000 }, new InFlight(10_000_000));
    const payload = Buffer.alloc(300_000, 'ok');
    const raws = await Promise.all(Array.from({ length: 5 }, (_, i) => RawMqtt.open(port, { id: `large-${i}` })));
    for (const raw of raws) raw.send(publishPacket('in/sale/t', payload, 1, 1).subarray(0, 250_000));
    const [first, second, third] = raws;
    await until(
      () => raws.filter((raw) => raw.socket.bytesWritten > 250_000 && raw.socket.writableLength === 0).length === 5,
    );
    expect(intake.deliveries).toEqual([]);
    // The one without room that goes away leaves the line.
    third?.socket.destroy();
    for (const raw of [second, raws[3], raws[4], first])
      raw?.send(publishPacket('in/sale/t', payload, 1, 1).subarray(250_000));
    await until(() => raws.every((raw) => raw === third || raw.acknowledged.length === 1));
    expect(intake.deliveries).toHaveLength(4);
  });

  test('close who does not say CONNECT in time, and who says something else first', async () => {
    await open({ connectTimeout: 100 });
    const silent = await RawMqtt.dial(port);
    const rude = await RawMqtt.dial(port);
    rude.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => rude.closed && silent.closed);
    expect(intake.deliveries).toEqual([]);
  });

  test('close who begins a packet and does not end it', async () => {
    await open({ packetAge: 1 });
    const slow = await RawMqtt.open(port, { id: 'slow' });
    slow.send(publishPacket('in/sale/t', 'ok', 1, 1).subarray(0, 8));
    const busy = await RawMqtt.open(port, { id: 'busy' });
    await until(() => {
      busy.send(publishPacket('in/sale/t', 'ok', 1, 1));
      return slow.closed;
    });
    expect(busy.closed).toBe(false);
  });

  test('turn away connections over the limit', async () => {
    await open({ connections: 2 });
    await RawMqtt.open(port, { id: 'a' });
    await RawMqtt.open(port, { id: 'b' });
    const third = await RawMqtt.dial(port);
    await until(() => third.closed);
    expect(door.counters.connectionsRefused).toBe(1);
  });

  test('refuse an empty client id with a session to keep, and MQTT 5', async () => {
    await open();
    const raw = await RawMqtt.dial(port);
    raw.send(connectPacket({ id: '', clean: false }));
    await until(() => raw.closed);
    expect(raw.of(2)[0]?.body[1]).toBe(2);
    await expect(client({ protocolVersion: 5 })).rejects.toThrow();
    await RawMqtt.open(port, { id: '', clean: true });
  });

  test('survive noise: whatever is sent, the next device is served', async () => {
    await open();
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    for (let i = 0; i < 200; i += 1) {
      const raw = await RawMqtt.dial(port);
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(random() * 60) }, () => Math.floor(random() * 256)),
      );
      const good = i % 2 === 0 ? connectPacket({ id: `n${i}` }) : Buffer.alloc(0);
      const first = [0x30, 0x32, 0x82, 0xa2, 0x40, 0x50, 0x62, 0x70, 0xc0, 0xe0, 0x10, 0x20][i % 12] ?? 0;
      raw.send(good, i % 3 === 0 ? noise : packet(first, noise));
      raw.socket.end();
    }
    const raw = await RawMqtt.open(port, { id: 'last' });
    raw.send(publishPacket('in/sale/t', 'ok last', 1, 1));
    await until(() => raw.acknowledged.length === 1);
    expect(bodies()).toContain('ok last');
  });

  test('close one connection for a fault of our own', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    intake.fault = new Error('no journal');
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
    const next = await RawMqtt.open(port, { id: 'next' });
    next.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => next.acknowledged.length === 1);
    expect(door.counters.faults).toBe(1);
    expect(door.inFlight.bytes).toBe(0);
  });
});

describe('back-pressure', () => {
  const kilobyte = 'ok'.repeat(512);

  test('stops reading over the limit and goes on under half of it, and nothing is lost', async () => {
    const inFlight = new InFlight(200_000);
    await open({}, inFlight);
    intake.automatic = false;
    const raws = await Promise.all(Array.from({ length: 4 }, (_, i) => RawMqtt.open(port, { id: `d${i}` })));
    for (const raw of raws) {
      raw.send(...Array.from({ length: 1000 }, (_, i) => publishPacket('in/sale/t', kilobyte, 1, i + 1)));
    }
    await until(() => inFlight.paused);
    const held = intake.deliveries.length;
    // What one read can hold beyond the limit.
    expect(held).toBeLessThan(1000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(intake.deliveries.length).toBe(held);
    intake.automatic = true;
    intake.answer();
    await until(() => raws.every((raw) => raw.acknowledged.length === 1000));
    expect(intake.deliveries).toHaveLength(4000);
    expect(inFlight).toMatchObject({ bytes: 0, deliveries: 0, paused: false });
    for (const raw of raws) expect(raw.acknowledged).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  });

  test('does not cut a device that cannot be heard because of it', async () => {
    await open({}, new InFlight(1000));
    intake.automatic = false;
    const alive = await RawMqtt.open(port, { id: 'alive', keepAlive: 1 });
    const full = await RawMqtt.open(port, { id: 'full', keepAlive: 1 });
    full.send(publishPacket('in/sale/t', kilobyte, 1, 1));
    await until(() => door.inFlight.paused);
    const start = door.tick;
    alive.send(Buffer.from([0xc0, 0]));
    await until(() => door.tick >= start + 4);
    expect([alive.closed, full.closed]).toEqual([false, false]);
    intake.answer();
    await until(() => alive.of(13).length === 1 && full.acknowledged.length === 1);
  });

  test('cuts a device that is silent beyond its keep-alive, and sends its will', async () => {
    await open();
    const will = { topic: 'in/status/fridge-2', payload: 'ok offline' };
    const silent = await RawMqtt.open(port, { id: 'silent', keepAlive: 1, will });
    const patient = await RawMqtt.open(port, { id: 'patient', keepAlive: 60 });
    await until(() => silent.closed);
    await until(() => intake.deliveries.length === 1);
    expect(patient.closed).toBe(false);
    expect(intake.deliveries[0]).toMatchObject({ kind: 'status', device: 'fridge-2' });
    expect(door.counters.keepAliveClosed).toBe(1);
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
