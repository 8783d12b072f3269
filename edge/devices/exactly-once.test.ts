import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SavedSessions, SessionChange } from '../contracts/sessions.ts';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import { Handshakes } from './handshakes.ts';
import { MqttDoor } from './mqtt-door.ts';
import { again, publishPacket, pubrelPacket, RawMqtt, until } from './raw-mqtt.ts';

const NOTHING: SavedSessions = { handshakes: [], sessions: [], subscriptions: [], queued: [], retained: [] };

let intake: ControlledIntake;
let door: MqttDoor;
let port: number;
/** What the door wanted kept, and whether it can be. */
let kept: SessionChange[];
let keepable: boolean;

beforeEach(async () => {
  intake = new ControlledIntake();
  kept = [];
  keepable = true;
  door = new MqttDoor({
    listen: { host: '127.0.0.1', port: 0 },
    intake,
    codec,
    logger: pino({ level: 'silent' }),
    keep: async (changes) => {
      if (!keepable) throw new Error('disk full');
      kept.push(...changes);
    },
  });
  ({ port } = await door.start());
});

afterEach(async () => {
  intake.answer();
  await door.stop(100);
});

const kept2 = (id: string) => RawMqtt.open(port, { id, clean: false });
const reading = (text: string, packetId: number) => publishPacket('in/sale/t', `ok ${text}`, 2, packetId);
const bodies = () => intake.deliveries.map(({ readings }) => readings[0]?.body);

describe('a QoS 2 publish', () => {
  test('is answered after its commit, and confirmed after its note is gone', async () => {
    intake.automatic = false;
    const raw = await kept2('scale');
    raw.send(reading('1', 7));
    await until(() => intake.waiting.length === 1);
    await raw.ping();
    expect(raw.ids(5)).toEqual([]);
    expect(intake.deliveries[0]?.handshake).toEqual({ client: 'scale', packet: 7 });
    intake.answer();
    await until(() => raw.ids(5).length === 1);
    raw.send(pubrelPacket(7));
    await until(() => raw.ids(7).length === 1);
    expect([raw.ids(5), raw.ids(7), raw.acknowledged]).toEqual([[7], [7], []]);
    expect(kept).toEqual([{ is: 'released', client: 'scale', packet: 7 }]);
    expect(door.counters).toMatchObject({ publishesQos2: 1, qos2Repeated: 0 });
  });

  test('is stored once when it comes again in the same chunk, before and after its commit, and by a new connection', async () => {
    intake.automatic = false;
    const first = await kept2('scale');
    first.send(reading('1', 7), again(reading('1', 7)), reading('2', 8));
    await until(() => intake.waiting.length === 2);
    const second = await kept2('scale');
    await until(() => first.closed);
    second.send(again(reading('1', 7)), reading('3', 9));
    await until(() => intake.waiting.length === 3);
    expect(second.ids(5)).toEqual([]);
    intake.answer();
    await until(() => second.ids(5).length === 2);
    second.send(again(reading('2', 8)), again(reading('1', 7)));
    await until(() => second.ids(5).length === 4);
    expect(second.ids(5)).toEqual([7, 9, 8, 7]);
    expect(bodies()).toEqual(['ok 1', 'ok 2', 'ok 3']);
    expect(door.counters.qos2Repeated).toBe(4);
  });

  test('with an id that was released is a new one', async () => {
    const raw = await kept2('scale');
    for (const text of ['1', '2', '3']) {
      raw.send(reading(text, 7));
      await until(() => raw.ids(5).length === Number(text));
      raw.send(pubrelPacket(7));
      await until(() => raw.ids(7).length === Number(text));
    }
    expect(bodies()).toEqual(['ok 1', 'ok 2', 'ok 3']);
  });

  test('keeps its turn among those of QoS 1', async () => {
    intake.automatic = false;
    const raw = await kept2('scale');
    raw.send(
      publishPacket('in/sale/t', 'ok', 1, 1),
      reading('2', 2),
      publishPacket('in/presence/p', '{}', 2, 3),
      publishPacket('in/sale/t', 'ok', 1, 4),
      publishPacket('in/sale/t', 'bad', 2, 5),
    );
    await until(() => intake.waiting.length === 4);
    intake.answer();
    await until(() => raw.acknowledged.length + raw.ids(5).length === 5);
    const answers = raw.packets.filter(({ type }) => type === 4 || type === 5).map(({ body }) => body.readUInt16BE(0));
    expect(answers).toEqual([1, 2, 3, 4, 5]);
    expect(intake.refusals[0]?.handshake).toEqual({ client: 'scale', packet: 5 });
  });

  test('that could not be stored closes the connection, and is new when it comes again', async () => {
    intake.broken = true;
    const raw = await kept2('scale');
    raw.send(reading('1', 7));
    await until(() => raw.closed);
    expect(raw.ids(5)).toEqual([]);
    intake.broken = false;
    const back = await kept2('scale');
    back.send(again(reading('1', 7)));
    await until(() => back.ids(5).length === 1);
    expect(bodies()).toEqual(['ok 1', 'ok 1']);
  });

  test('of a clean session is forgotten with it, and nothing of it is on disk', async () => {
    const raw = await RawMqtt.open(port, { id: 'scale' });
    raw.send(reading('1', 7), again(reading('1', 7)));
    await until(() => raw.ids(5).length === 2);
    raw.socket.destroy();
    await until(() => door.connections === 0);
    const back = await RawMqtt.open(port, { id: 'scale' });
    back.send(reading('2', 7));
    await until(() => back.ids(5).length === 1);
    expect(bodies()).toEqual(['ok 1', 'ok 2']);
    expect(intake.deliveries.map(({ handshake }) => handshake)).toEqual([undefined, undefined]);
    expect(kept).toEqual([]);
  });

  test('of an earlier session is forgotten, on disk too, when the client begins a clean one', async () => {
    const raw = await kept2('scale');
    raw.send(reading('1', 7));
    await until(() => raw.ids(5).length === 1);
    const clean = await RawMqtt.open(port, { id: 'scale' });
    expect(kept).toContainEqual({ is: 'session-ended', client: 'scale' });
    clean.send(reading('2', 7));
    await until(() => clean.ids(5).length === 1);
    expect(bodies()).toEqual(['ok 1', 'ok 2']);
  });

  test('of other clients with the same packet id is another one', async () => {
    const raws = await Promise.all(['a', 'b', 'c'].map((id) => kept2(id)));
    for (const raw of raws) raw.send(reading('1', 7));
    await until(() => raws.every((raw) => raw.ids(5).length === 1));
    expect(intake.deliveries).toHaveLength(3);
  });

  test('is not taken from a client that releases none of a thousand', async () => {
    const raw = await kept2('scale');
    raw.send(...Array.from({ length: 1001 }, (_, i) => reading('1', i + 1)));
    await until(() => raw.closed);
    expect(intake.deliveries).toHaveLength(1000);
    expect(door.counters.qos2Closed).toBe(1);
  });
});

describe('a release', () => {
  test('of an unknown id is confirmed', async () => {
    const raw = await kept2('scale');
    raw.send(pubrelPacket(99));
    await until(() => raw.ids(7).length === 1);
    expect(raw.ids(7)).toEqual([99]);
    expect(kept).toEqual([]);
  });

  test('that cannot be written is not confirmed: the connection closes, and the client releases it again', async () => {
    const raw = await kept2('scale');
    raw.send(reading('1', 7));
    await until(() => raw.ids(5).length === 1);
    keepable = false;
    raw.send(pubrelPacket(7));
    await until(() => raw.closed);
    expect(raw.ids(7)).toEqual([]);
    keepable = true;
    const back = await kept2('scale');
    back.send(pubrelPacket(7));
    await until(() => back.ids(7).length === 1);
    expect(kept).toEqual([{ is: 'released', client: 'scale', packet: 7 }]);
  });
});

describe('after a restart', () => {
  test('what was taken before it is answered and not stored again', async () => {
    const second = new MqttDoor({
      listen: { host: '127.0.0.1', port: 0 },
      intake,
      codec,
      logger: pino({ level: 'silent' }),
    });
    const started = await second.start({ ...NOTHING, handshakes: [{ client: 'scale', packet: 7, age: 1000 }] });
    const raw = await RawMqtt.open(started.port, { id: 'scale', clean: false });
    raw.send(again(reading('1', 7)), reading('2', 8));
    await until(() => raw.ids(5).length === 2);
    raw.send(pubrelPacket(7));
    await until(() => raw.ids(7).length === 1);
    raw.send(reading('3', 7));
    await until(() => raw.ids(5).length === 3);
    await second.stop(100);
    expect(bodies()).toEqual(['ok 2', 'ok 3']);
  });

  test('what was not released for a day is let go of', async () => {
    let now = 0;
    const handshakes = new Handshakes(
      async (changes) => void kept.push(...changes),
      () => now,
    );
    handshakes.restore([
      { client: 'a', packet: 1, age: 3_600_000 },
      { client: 'a', packet: 2, age: 0 },
    ]);
    now = 86_400_000 - 3_600_000;
    await handshakes.expire();
    expect(handshakes.size).toBe(2);
    now += 1;
    await handshakes.expire();
    expect(kept).toEqual([{ is: 'released', client: 'a', packet: 1 }]);
    expect(handshakes.get('a', 1)).toBeUndefined();
    expect(handshakes.get('a', 2)).toBeDefined();
  });
});
