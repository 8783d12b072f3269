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
