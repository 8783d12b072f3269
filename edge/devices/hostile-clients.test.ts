/** Clients that do at the wrong moment what they may do, and what must not come of it: over real sockets. */
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import { Credentials } from './credentials.ts';
import { type OpenDoor, openDoor } from './door.fixture.ts';
import { MqttDoor } from './mqtt-door.ts';
import {
  again,
  type ConnectFields,
  connectPacket,
  packet,
  publishPacket,
  pubrelPacket,
  RawMqtt,
  subscribePacket,
  until,
} from './raw-mqtt.ts';
import { testUser } from './users.fixture.ts';

let open: OpenDoor;

afterEach(async () => {
  open.intake.answer();
  await open.door.stop(100);
});

const client = (fields: ConnectFields = {}): Promise<RawMqtt> => RawMqtt.open(open.port, fields);

/** A keep that can be made to wait. */
function gate(): { keep: () => Promise<void>; shut: () => void; open: () => void } {
  let passes = Promise.resolve();
  let release = (): void => undefined;
  return {
    keep: () => passes,
    shut: () => {
      passes = new Promise((resolve) => {
        release = resolve;
      });
    },
    open: () => release(),
  };
}

test('a client that leaves its answers unread and releases too early ends nothing but itself', async () => {
  open = await openDoor({ stalled: 60_000 });
  const { door, port, intake } = open;
  const deaf = await client({ id: 'deaf' });
  await deaf.subscribe(['x', 0]);
  deaf.socket.pause();
  const much = publishPacket('x', Buffer.alloc(200_000), 0);
  const sender = await client({ id: 'sender' });
  for (let i = 0; i < 100; i += 1) {
    sender.send(much);
    await sender.ping();
  }
  await until(() => door.counters.slowDropped > 0);
  intake.automatic = false;
  const before = intake.waiting.length;
  deaf.send(publishPacket('in/sale/t', 'ok', 2, 7), pubrelPacket(7));
  await until(() => intake.waiting.length > before);
  await (await client({ id: 'neighbour' })).ping();
  intake.answer();
  await (await RawMqtt.open(port, { id: 'another' })).ping();
  deaf.socket.resume();
  await until(() => deaf.ids(5).length === 1);
  expect(intake.deliveries).toHaveLength(1);
});

describe('a connection under a client id of somebody else', () => {
  test('that is refused does not touch what that one has under way', async () => {
    const logger = pino({ level: 'silent' });
    const intake = new ControlledIntake();
    const credentials = new Credentials({ users: [testUser('till-1')], logger });
    const door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec, logger, credentials });
    const { port } = await door.start();
    open = { door, port, intake, logged: [], kept: [] };
    const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
    const till = await RawMqtt.dial(port);
    const login = [text('till'), text('till-1'), text('till-1 password')];
    till.send(packet(0x10, text('MQTT'), Buffer.from([4, 0xc0, 0, 0]), ...login));
    await until(() => till.of(2).length === 1);
    const reading = publishPacket('in/sale/till-1', 'ok', 2, 7);
    till.send(reading);
    await until(() => till.ids(5).length === 1);

    const stranger = await RawMqtt.dial(port);
    stranger.send(connectPacket({ id: 'till-1/till', clean: true }));
    await until(() => stranger.closed);
    expect(stranger.of(2)[0]?.body[1]).toBe(2);

    till.send(again(reading));
    await until(() => till.ids(5).length === 2);
    expect([intake.deliveries.length, door.counters.qos2Repeated]).toEqual([1, 1]);
  });

  test('that is gone before it was let in leaves no session behind', async () => {
    const { keep, shut, open: pass } = gate();
    open = await openDoor({}, keep);
    const { door, port } = open;
    const first = await client({ id: 'scale', clean: false });
    await first.subscribe(['x', 1]);
    shut();
    const hasty = await RawMqtt.dial(port);
    hasty.send(connectPacket({ id: 'scale', clean: true }));
    await until(() => door.kept.sessions === 0);
    hasty.socket.destroy();
    await until(() => door.connections === 1);
    pass();
    // It was let in, so it took the place of the first.
    await until(() => first.closed);
    const next = await client({ id: 'other' });
    await next.ping();
    next.socket.destroy();
    await until(() => door.connections === 0);
    expect(door.kept).toEqual({ sessions: 0, awaySessions: 0, queuedMessages: 0, retained: 0 });
  });
});

test('more messages than there are packet ids do not stop the door', async () => {
  open = await openDoor({ offlineMessages: 100_000, offlineSize: 100_000_000, queued: 1_000_000_000 });
  const slow = await client({ id: 'slow' });
  await slow.subscribe(['out/x', 1]);
  for (let i = 0; i < 66_000; i += 1) await open.door.publishOut('out/x', 'x');
  const other = await client({ id: 'other' });
  await other.ping();
});

test('a QoS 2 publish at which the door itself fails is taken when it comes again', async () => {
  const intake = new ControlledIntake();
  const logger = pino({ level: 'silent' });
  let fails = true;
  const decode: typeof codec.decode = (...given) => {
    if (fails) throw new Error('a fault of ours');
    return codec.decode(...given);
  };
  const door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec: { ...codec, decode }, logger });
  const { port } = await door.start();
  open = { door, port, intake, logged: [], kept: [] };
  const reading = publishPacket('in/sale/t', 'ok', 2, 7);
  const first = await client({ id: 'scale', clean: false });
  first.send(reading);
  await until(() => first.closed);
  fails = false;
  const second = await client({ id: 'scale', clean: false });
  second.send(again(reading));
  await until(() => second.ids(5).length === 1);
  expect([intake.deliveries.length, door.counters.faults]).toEqual([1, 1]);
});

describe('what one client makes the hub keep', () => {
  test('takes no place from the retained messages of the hub', async () => {
    open = await openDoor({ retained: 3, retainedBytes: 2000 });
    const { door } = open;
    const a = await client({ id: 'a' });
    for (let i = 0; i < 5; i += 1) a.send(publishPacket(`x/${i}`, 'x', 1, i + 1, 1));
    await until(() => a.acknowledged.length === 5);
    await door.publishOut('out/alerts/shelf-gap/A1', 'x'.repeat(3000), { retain: true });
    expect([door.counters.retainedRefused, door.kept.retained]).toEqual([2, 4]);
    const b = await client({ id: 'b' });
    await b.subscribe(['out/#', 0]);
    await until(() => b.messages.length === 1);
  });

  test('is not gathered while the disk is slow: of a retained message only the newest waits for it', async () => {
    const { keep, shut, open: pass } = gate();
    let bytes = 0;
    open = await openDoor({}, (changes) => {
      for (const change of changes) if ('payload' in change) bytes += change.payload.length;
      return keep();
    });
    shut();
    const a = await client({ id: 'a' });
    a.send(publishPacket('x', Buffer.alloc(100_000), 1, 1, 1));
    await until(() => bytes === 100_000);
    for (let i = 0; i < 50; i += 1) a.send(publishPacket('x', Buffer.alloc(100_000), 0, 0, 1));
    await a.ping();
    pass();
    await until(() => a.acknowledged.length === 1);
    await open.door.stop(100);
    expect(bytes).toBe(200_000);
  });

  test('is bounded when it asks for all retained messages again and again and reads none', async () => {
    open = await openDoor({ stalled: 60_000, subscriptions: 1000 });
    const { door, port } = open;
    const a = await client({ id: 'a' });
    for (let i = 0; i < 2000; i += 1) a.send(publishPacket(`x/${i}`, Buffer.alloc(1000), 0, 0, 1));
    await a.ping();
    const deaf = await client({ id: 'deaf' });
    deaf.socket.pause();
    const asked = subscribePacket([
      ['#', 0],
      ['x/#', 0],
      ['x/+', 0],
      ['+/#', 0],
    ]);
    for (let i = 0; i < 10; i += 1) {
      deaf.send(asked);
      await (await RawMqtt.open(port, { id: 'neighbour' })).ping();
    }
    await until(() => door.counters.slowDropped > 0);
  });

  // It fills the buffers of 120 sockets, which takes a busy machine its time.
  test('is one copy of a message, however many leave it unread', { timeout: 90_000 }, async () => {
    open = await openDoor({ stalled: 60_000 });
    const { door } = open;
    for (let i = 0; i < 120; i += 1) {
      const deaf = await client({ id: `deaf-${i}` });
      await deaf.subscribe(['x', 0]);
      deaf.socket.pause();
    }
    const a = await client({ id: 'a' });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 8; i += 1) a.send(publishPacket('x', Buffer.alloc(1_000_000), 0));
    await a.ping(40_000);
    await a.ping(40_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80_000_000);
    expect(door.connections).toBe(121);
  });
});

test('a will whose topic no PUBLISH may have goes nowhere', async () => {
  open = await openDoor();
  const reader = await client({ id: 'reader' });
  await reader.subscribe(['#', 0]);
  for (const topic of ['', 'x/+', 'x/#']) {
    const gone = await client({ id: 'gone', will: { topic, payload: 'w', retain: true } });
    gone.socket.destroy();
  }
  await until(() => open.door.counters.badTopicClosed === 3);
  await reader.ping();
  expect([reader.messages, open.door.kept.retained]).toEqual([[], 0]);
});
