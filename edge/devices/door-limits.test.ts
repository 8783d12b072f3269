/** What one client, and all of them, may ask for: each limit closes, slows or refuses the one, and the next is served. */
import mqtt from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import type { DoorLimits } from './door-options.ts';
import { InFlight } from './in-flight.ts';
import { MqttDoor } from './mqtt-door.ts';
import { connectPacket, packet, publishPacket, RawMqtt, subscribePacket, until } from './raw-mqtt.ts';

let intake: ControlledIntake;
let door: MqttDoor;
let port: number;
let logged: string[];

async function open(limits: Partial<DoorLimits> = {}, inFlight = new InFlight(8_000_000)): Promise<void> {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec, logger, inFlight, limits });
  ({ port } = await door.start());
}

beforeEach(() => {
  intake = new ControlledIntake();
  logged = [];
});

afterEach(async () => {
  intake.answer();
  await door.stop(100);
});

const saying = (text: string) => logged.filter((line) => line.includes(text));

async function serves(id: string): Promise<void> {
  const device = await RawMqtt.open(port, { id });
  device.send(publishPacket('in/sale/t', `ok ${id}`, 1, 1));
  await until(() => device.acknowledged.length === 1);
  device.socket.destroy();
}

describe('connections', () => {
  test('that say nothing give way to a device, even of their own address', async () => {
    await open({ connections: 20, connectionsPerAddress: 10 });
    const silent: RawMqtt[] = [];
    for (let i = 0; i < 30; i += 1) silent.push(await RawMqtt.dial(port));
    // A CONNECT that was begun is no CONNECT.
    for (const raw of silent) if (!raw.closed) raw.send(connectPacket().subarray(0, 5));
    const device = await RawMqtt.open(port, { id: 'real' });
    for (let i = 0; i < 30; i += 1) await RawMqtt.dial(port);
    await until(() => silent.every((raw) => raw.closed));
    await device.ping();
    expect(door.counters.silentReplaced).toBe(20 + 1 + 30);
    expect(saying('newer connections needed its place')).toHaveLength(1);
  });

  test('of one address are turned away over its limit when all of them are devices', async () => {
    await open({ connections: 20, connectionsPerAddress: 2 });
    const first = await RawMqtt.open(port, { id: 'a' });
    await RawMqtt.open(port, { id: 'b' });
    const third = await RawMqtt.dial(port);
    await until(() => third.closed);
    expect(door.counters.connectionsRefused).toBe(1);
    expect(saying('too many are open')[0]).toContain('127.0.0.1');
    first.socket.destroy();
    await until(() => door.connections === 1);
    await serves('c');
  });
});

describe('another version of MQTT', () => {
  test('5 is answered in its own format, counted, and explained in the log', async () => {
    await open();
    const refused = await mqtt
      .connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, protocolVersion: 5, clientId: 'till-7' })
      .catch((error: Error & { code?: number }) => error);
    expect(refused).toMatchObject({ code: 0x84, message: expect.stringContaining('Unsupported Protocol Version') });
    expect(door.counters.mqtt5Closed).toBe(1);
    expect(saying('client till-7 speaks MQTT 5: this hub speaks MQTT 3.1.1')).toHaveLength(1);
    await serves('next');
  });

  test('5 is answered byte by byte too', async () => {
    await open();
    const raw = await RawMqtt.dial(port);
    const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 60, 0, 0, 1, 0x78]);
    for (const byte of packet(0x10, head)) raw.send(Buffer.from([byte]));
    await until(() => raw.closed);
    expect(raw.of(2)[0]?.body.subarray(0, 2)).toEqual(Buffer.from([0, 0x84]));
    expect(raw.of(2)[0]?.body.toString()).toContain('set the device to 3.1.1');
  });

  test.each([[6], [2], [0], [127]])('%i is answered with return code 1', async (level) => {
    await open();
    const raw = await RawMqtt.dial(port);
    raw.send(packet(0x10, Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, level, 2, 0, 60, 0, 1, 0x78])));
    await until(() => raw.closed);
    expect(raw.of(2).map(({ body }) => [...body])).toEqual([[0, 1]]);
    expect(door.counters.unknownLevelClosed).toBe(1);
    expect(saying(`protocol of level ${level}`)).toHaveLength(1);
  });

  test('3.1 is served', async () => {
    await open();
    const raw = await RawMqtt.dial(port);
    const name = Buffer.from('MQIsdp');
    raw.send(packet(0x10, Buffer.from([0, 6]), name, Buffer.from([3, 2, 0, 60, 0, 1, 0x78])));
    raw.send(publishPacket('in/sale/t', 'ok old', 1, 1));
    await until(() => raw.acknowledged.length === 1);
    expect(raw.of(2)[0]?.body[1]).toBe(0);
  });
});

describe('names of topics', () => {
  const deep = 'in/sale/'.concat('a/'.repeat(20));

  test.each<[string, Buffer | string]>([
    ['of 2,000 bytes', `in/sale/${'x'.repeat(2000)}`],
    ['of 600 characters of two bytes', `in/sale/${'é'.repeat(600)}`],
    ['of many levels', deep],
    ['with U+0000', 'in/sale/a\0b'],
    ['with a lone surrogate', Buffer.from('in/sale/\xed\xa0\x80', 'latin1')],
    ['that is no UTF-8', Buffer.from('in/sale/\xff\xfe', 'latin1')],
    ['with +', 'in/+/t'],
    ['with #', 'in/sale/#'],
  ])('%s close the connection, counted and named in the log', async (_, topic) => {
    await open();
    const raw = await RawMqtt.open(port, { id: 'hostile' });
    const name = Buffer.from(topic);
    const length = Buffer.from([name.length >> 8, name.length & 0xff]);
    raw.send(packet(0x32, length, name, Buffer.from([0, 1]), Buffer.from('ok')));
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
    expect(intake.waiting).toEqual([]);
    expect(door.counters).toMatchObject({ badTopicClosed: 1, connectionErrors: 0, faults: 0 });
    expect(saying('"client":"hostile"')).toHaveLength(1);
    expect(logged.every((line) => line.length < 500)).toBe(true);
    await serves('next');
  });

  test.each(['in//t', 'in/sale//', '/', '//in/sale/t', 'in/sale/a\u0007b', 'in/sale/\u{10ffff}\u0001', '$SYSX', 'é'])(
    'that only nobody understands (%j) are dead letters',
    async (topic) => {
      await open();
      const raw = await RawMqtt.open(port);
      raw.send(publishPacket(topic, 'ok', 1, 1));
      await until(() => raw.acknowledged.length === 1);
      expect(intake.refusals).toHaveLength(1);
      expect(intake.refusals[0]?.device).not.toMatch(/\p{Cc}/u);
    },
  );

  test('of wills are under the same rules', async () => {
    await open();
    const will = { topic: deep, payload: 'ok' };
    const raw = await RawMqtt.open(port, { will });
    raw.socket.destroy();
    await until(() => door.counters.badTopicClosed === 1);
    expect([door.counters.wills, intake.deliveries.length]).toEqual([0, 0]);
    expect(saying('a will was not sent')).toHaveLength(1);
  });
});

describe('subscriptions', () => {
  const granted = (raw: RawMqtt) => raw.of(9).flatMap(({ body }) => [...body.subarray(2)]);

  test.each([true, false])('are so many of one client (clean session: %s), and have room again', async (clean) => {
    await open({ subscriptions: 10 });
    const raw = await RawMqtt.open(port, { id: 'curious', clean });
    // All in one chunk, in several packets.
    raw.send(...Array.from({ length: 12 }, (_, i) => subscribePacket([[`out/${i}`, 0]], i + 1)));
    await until(() => granted(raw).length === 12);
    expect(granted(raw).filter((code) => code === 0x80)).toHaveLength(2);
    raw.send(subscribePacket([['out/0', 1]], 20));
    await until(() => granted(raw).length === 13);
    expect(granted(raw)[12]).toBe(1);
    raw.send(packet(0xa2, Buffer.from([0, 21, 0, 5]), Buffer.from('out/1')));
    await until(() => raw.of(11).length === 1);
    raw.send(subscribePacket([['out/other', 0]], 22));
    await until(() => granted(raw).length === 14);
    expect(granted(raw)[13]).toBe(0);
    expect(door.counters.subscriptionsRefused).toBe(2);
    expect(saying('one client may have 10')[0]).toContain('"client":"curious"');
  });

  test.each([
    ['to what devices publish', 'in/#'],
    ['to $SYS', '$SYS/#'],
    ['to something too deep', `out/${'+/'.repeat(20)}x`],
    ['to something too long', `out/${'x'.repeat(2000)}`],
    ['to U+0000', 'out/\0'],
  ])('%s are refused in the SUBACK', async (_, filter) => {
    await open();
    const raw = await RawMqtt.open(port);
    raw.send(subscribePacket([[filter, 0]]));
    await until(() => granted(raw).length === 1);
    expect(granted(raw)).toEqual([0x80]);
    expect(door.counters.subscriptionsRefused).toBe(1);
    await raw.ping();
  });

  test('that come too fast close the connection', async () => {
    await open({ subscriptions: 10 });
    const raw = await RawMqtt.open(port, { id: 'bomb', clean: false });
    raw.send(...Array.from({ length: 400 }, (_, i) => subscribePacket([['out/a', i % 2]], i + 1)));
    await until(() => raw.closed);
    expect(door.counters.brokenPacketClosed).toBe(1);
    expect(saying('more than 100 filters in a second')).toHaveLength(1);
    await serves('next');
  });
});

describe('one client', () => {
  test('that sends faster than its rate is read more slowly, and loses nothing', async () => {
    await open({ rate: 500 });
    const flood = await RawMqtt.open(port, { id: 'flood' });
    const begun = performance.now();
    const total = 1500;
    flood.send(...Array.from({ length: total }, (_, i) => publishPacket('in/sale/t', 'ok'.repeat(300), 1, i + 1)));
    await serves('neighbour');
    const neighbour = performance.now() - begun;
    await until(() => flood.acknowledged.length === total);
    // One second's worth is free, the other thousand take two, less what the last read brought.
    expect(performance.now() - begun).toBeGreaterThan(1200);
    expect(neighbour).toBeLessThan(1000);
    expect(flood.acknowledged).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(door.counters.slowed).toBeGreaterThan(0);
    expect(saying('read more slowly')).toHaveLength(1);
    expect(saying('read more slowly')[0]).toContain('"client":"flood"');
  });

  test.each([0, 1])('has a bounded share of what waits for the journal, at QoS %i', async (qos) => {
    await open();
    intake.automatic = false;
    const flood = await RawMqtt.open(port, { id: 'flood' });
    const total = 20_000;
    flood.send(...Array.from({ length: total }, (_, i) => publishPacket('in/sale/t', 'ok', qos, (i % 60_000) + 1)));
    await until(() => intake.waiting.length > 200);
    const neighbour = await RawMqtt.open(port, { id: 'neighbour' });
    neighbour.send(publishPacket('in/sale/n', 'ok n', 1, 1));
    await until(() => intake.deliveries.some(({ device }) => device === 'n'));
    // What the first read of a connection may bring, and its share.
    expect(intake.waiting.length).toBeLessThan(6000);
    expect(door.inFlight.paused).toBe(false);
    intake.automatic = true;
    intake.answer();
    await until(() => intake.deliveries.length === total + 1 && door.inFlight.deliveries === 0);
    expect(door.counters.qos0Dropped).toBe(0);
    expect(door.inFlight.bytes).toBe(0);
  });

  test('may have one large publish under way, and the next after it', async () => {
    await open();
    intake.automatic = false;
    const large = await RawMqtt.open(port, { id: 'large' });
    for (let i = 1; i <= 4; i += 1) large.send(publishPacket('in/sale/t', Buffer.alloc(900_000, 'ok'), 1, i));
    await until(() => intake.waiting.length === 1);
    await othersAreServed();
    expect(intake.deliveries.filter(({ device }) => device === 't')).toHaveLength(1);
    intake.automatic = true;
    intake.answer();
    await until(() => large.acknowledged.length === 4);
  });

  async function othersAreServed(): Promise<void> {
    for (let i = 0; i < 5; i += 1) {
      const other = await RawMqtt.open(port, { id: `other-${i}` });
      await other.ping();
    }
  }

  test('is served byte by byte', async () => {
    await open();
    const slow = await RawMqtt.dial(port);
    const all = [connectPacket({ id: 'slow' }), publishPacket('in/sale/t', 'ok slow', 1, 1), Buffer.from([0xc0, 0])];
    for (const byte of Buffer.concat(all)) {
      slow.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => slow.acknowledged.length === 1 && slow.of(13).length === 1);
  });

  test.each([
    ['SUBSCRIBE without its flag', [0x80, 5, 0, 1, 0, 1, 0x61]],
    ['QoS 3', [0x36, 6, 0, 1, 0x61, 0, 1, 0x62]],
    ['a packet id of 0 in SUBSCRIBE', [0x82, 2, 0, 1]],
    ['a CONNECT inside a connection', [...connectPacket({ id: 'twice' })]],
    ['a topic longer than its packet', [0x32, 4, 0xff, 0xff, 0x61, 0x62]],
    ['packet type 0', [0x00, 0]],
    ['packet type 15', [0xf0, 0]],
    ['a packet only servers send', [0x20, 2, 0, 0]],
  ])('with impossible packets (%s) is closed, and the next is served', async (_, bytes) => {
    await open();
    const raw = await RawMqtt.open(port, { id: 'odd' });
    raw.send(Buffer.from(bytes));
    await until(() => raw.closed);
    expect(door.counters.faults).toBe(0);
    await serves('next');
  });
});

test('devices that wait for room are read in turn, not the same ones again', async () => {
  const inFlight = new InFlight(20_000);
  await open({}, inFlight);
  intake.automatic = false;
  const raws = await Promise.all(Array.from({ length: 40 }, (_, i) => RawMqtt.open(port, { id: `d${i}` })));
  for (const [i, raw] of raws.entries()) {
    raw.send(...Array.from({ length: 40 }, (_, n) => publishPacket(`in/sale/d${i}`, 'ok'.repeat(500), 1, n + 1)));
  }
  // Everybody had a turn before anybody has finished.
  for (let turn = 0; turn < 400 && new Set(intake.deliveries.map(({ device }) => device)).size < 40; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    intake.answer();
  }
  const counts = new Map<string, number>();
  for (const { device } of intake.deliveries) counts.set(device, (counts.get(device) ?? 0) + 1);
  expect(counts.size).toBe(40);
  expect(Math.max(...counts.values())).toBeLessThan(40);
  intake.automatic = true;
  intake.answer();
  await until(() => raws.every((raw) => raw.acknowledged.length === 40));
});
