/** What Paho's interoperability suite for MQTT 3.1.1 checks, and what stands beside it in the standard. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenDoor, openDoor } from './door.fixture.ts';
import {
  answerPacket,
  type ConnectFields,
  connectPacket,
  publishPacket,
  pubrelPacket,
  RawMqtt,
  unsubscribePacket,
  until,
} from './raw-mqtt.ts';

let open: OpenDoor;

beforeEach(async () => {
  open = await openDoor();
});

afterEach(async () => {
  await open.door.stop(100);
});

/** A client that confirms what it receives. */
const client = (fields: ConnectFields): Promise<RawMqtt> => RawMqtt.open(open.port, fields, true);

const sessionPresent = (raw: RawMqtt) => raw.of(2)[0]?.body[0] === 1;
const goodbye = async (raw: RawMqtt) => {
  raw.send(Buffer.from([0xe0, 0]));
  await until(() => raw.closed);
};
const seen = (raw: RawMqtt) => raw.messages.map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`);

/** Publishes at QoS 0, 1 and 2, and ends the handshake. */
async function publishAll(raw: RawMqtt, topics: readonly [string, string, string], retain = 0): Promise<void> {
  const before = raw.ids(7).length;
  raw.send(
    publishPacket(topics[0], 'qos 0', 0, 0, retain),
    publishPacket(topics[1], 'qos 1', 1, 11, retain),
    publishPacket(topics[2], 'qos 2', 2, 12, retain),
  );
  await until(() => raw.ids(5).length > before);
  raw.send(pubrelPacket(12));
  await until(() => raw.ids(7).length > before);
}

test('basic: what is published at each quality of service comes back, once', async () => {
  const a = await client({ id: 'a' });
  await a.subscribe(['TopicA', 2]);
  await publishAll(a, ['TopicA', 'TopicA', 'TopicA']);
  await until(() => a.messages.length === 3);
  await a.ping();
  expect(seen(a).sort()).toEqual(['TopicA qos 0 0', 'TopicA qos 1 1', 'TopicA qos 2 2']);
  expect(a.of(6)).toHaveLength(1);
});

test('basic: a second CONNECT, and a packet before CONNECT, close the connection', async () => {
  const twice = await client({ id: 'twice' });
  twice.send(connectPacket({ id: 'twice' }));
  await until(() => twice.closed);
  const rude = await RawMqtt.dial(open.port);
  rude.send(publishPacket('TopicA', 'x', 0));
  await until(() => rude.closed);
});

test('retained messages come to new subscriptions, marked as such, until an empty one clears them', async () => {
  const a = await client({ id: 'a' });
  await publishAll(a, ['fromb/qos 0', 'fromb/qos 1', 'fromb/qos 2'], 1);
  const b = await client({ id: 'b' });
  await b.subscribe(['fromb/+', 2]);
  await until(() => b.messages.length === 3);
  expect(b.messages.every(({ retain }) => retain)).toBe(true);
  expect(seen(b).sort()).toEqual(['fromb/qos 0 qos 0 0', 'fromb/qos 1 qos 1 1', 'fromb/qos 2 qos 2 2']);
  await b.subscribe(['fromb/+', 0]);
  await until(() => b.messages.length === 6);
  expect(b.messages.slice(3).every(({ qos, retain }) => qos === 0 && retain)).toBe(true);
  a.send(publishPacket('fromb/qos 1', 'newer', 1, 5, 1));
  await until(() => b.messages.length === 7);
  expect(b.messages[6]).toMatchObject({ payload: 'newer', retain: false });
  for (const [index, topic] of ['fromb/qos 0', 'fromb/qos 1', 'fromb/qos 2'].entries()) {
    a.send(publishPacket(topic, '', 1, 20 + index, 1));
  }
  await until(() => a.acknowledged.length === 5);
  const c = await client({ id: 'c' });
  await c.subscribe(['#', 2]);
  await c.ping();
  expect(c.messages).toEqual([]);
});

test('a zero-length client id is given one with a clean session, and refused with code 2 without', async () => {
  const clean = await RawMqtt.open(open.port, { id: '', clean: true });
  expect(clean.of(2)[0]?.body[1]).toBe(0);
  const kept = await RawMqtt.open(open.port, { id: '', clean: false });
  expect(kept.of(2)[0]?.body[1]).toBe(2);
  await until(() => kept.closed);
});

test('messages for a client that is away wait for it, in order, those of QoS 1 and 2', async () => {
  const a = await client({ id: 'a', clean: false });
  expect(sessionPresent(a)).toBe(false);
  await a.subscribe(['wild/+', 2]);
  await goodbye(a);
  const b = await client({ id: 'b' });
  await publishAll(b, ['wild/0', 'wild/1', 'wild/2']);
  b.send(publishPacket('wild/1', 'more', 1, 13));
  await until(() => b.acknowledged.length === 2);
  const back = await client({ id: 'a', clean: false });
  expect(sessionPresent(back)).toBe(true);
  await until(() => back.messages.length === 3);
  await back.ping();
  expect(seen(back)).toEqual(['wild/1 qos 1 1', 'wild/2 qos 2 2', 'wild/1 more 1']);
  expect(back.messages.some(({ again }) => again)).toBe(false);
  await goodbye(back);
  const clean = await client({ id: 'a' });
  expect(sessionPresent(clean)).toBe(false);
  b.send(publishPacket('wild/1', 'unheard', 1, 14));
  await until(() => b.acknowledged.length === 3);
  expect(clean.messages).toEqual([]);
  await goodbye(clean);
  expect(sessionPresent(await client({ id: 'a', clean: false }))).toBe(false);
});

test('a session without any subscription is present, too', async () => {
  await goodbye(await client({ id: 'a', clean: false }));
  expect(sessionPresent(await client({ id: 'a', clean: false }))).toBe(true);
});

test('overlapping subscriptions give one message, at the highest quality of service', async () => {
  const a = await client({ id: 'a' });
  await a.subscribe(['wild/#', 2], ['wild/+', 1], ['wild/x', 0]);
  a.send(publishPacket('wild/x', 'once', 2, 1), pubrelPacket(1));
  await until(() => a.messages.length > 0 && a.ids(7).length === 1);
  await a.ping();
  expect(seen(a)).toEqual(['wild/x once 2']);
});

test('a message goes at the lower of its own and the granted quality of service', async () => {
  const a = await client({ id: 'a' });
  expect(await a.subscribe(['q0', 0], ['q1', 1], ['q2', 2])).toEqual([0, 1, 2]);
  let id = 0;
  for (const topic of ['q0', 'q1', 'q2']) {
    for (const qos of [0, 1, 2]) {
      id += 1;
      a.send(publishPacket(topic, `${qos}`, qos, id));
      if (qos === 2) a.send(pubrelPacket(id));
    }
  }
  await until(() => a.messages.length === 9);
  expect(a.messages.map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`).sort()).toEqual(
    ['q0 0 0', 'q0 1 0', 'q0 2 0', 'q1 0 0', 'q1 1 1', 'q1 2 1', 'q2 0 0', 'q2 1 1', 'q2 2 2'].sort(),
  );
});

test('keep-alive: a silent client is closed after one and a half times of it, and its will is sent', async () => {
  const b = await client({ id: 'b' });
  await b.subscribe(['TopicA/C', 2]);
  const began = performance.now();
  const a = await RawMqtt.open(open.port, {
    id: 'a',
    keepAlive: 1,
    will: { topic: 'TopicA/C', payload: 'keepalive expiry', qos: 2 },
  });
  await until(() => b.messages.length === 1);
  expect(performance.now() - began).toBeGreaterThan(1000);
  expect(a.closed).toBe(true);
  expect(seen(b)).toEqual(['TopicA/C keepalive expiry 2']);
});

test('a will is retained when it is to be, and not sent after DISCONNECT', async () => {
  const will = { topic: 'will/a', payload: 'gone', qos: 1, retain: true };
  const a = await client({ id: 'a', will });
  await goodbye(a);
  const b = await client({ id: 'b' });
  await b.subscribe(['will/#', 1]);
  await b.ping();
  expect(b.messages).toEqual([]);
  (await client({ id: 'a', will })).socket.destroy();
  await until(() => b.messages.length === 1);
  expect(b.messages[0]).toMatchObject({ payload: 'gone', qos: 1, retain: false });
  const late = await client({ id: 'late' });
  await late.subscribe(['will/#', 1]);
  await until(() => late.messages.length === 1);
  expect(late.messages[0]).toMatchObject({ payload: 'gone', retain: true });
});

test('what was sent and not confirmed goes again on reconnect, with the same ids and the mark of a repetition', async () => {
  const a = await RawMqtt.open(open.port, { id: 'a', clean: false });
  await a.subscribe(['wild/#', 2]);
  const b = await client({ id: 'b' });
  b.send(
    publishPacket('wild/1', 'one', 1, 1),
    publishPacket('wild/2', 'two', 2, 2),
    publishPacket('wild/2', 'three', 2, 3),
  );
  await until(() => a.messages.length === 3);
  // Of the third it says that it has it: only the release comes again.
  const third = a.messages[2]?.packetId ?? 0;
  a.send(answerPacket(5, third));
  await until(() => a.of(6).length === 1);
  a.socket.destroy();
  await until(() => open.door.connections === 1);
  const back = await client({ id: 'a', clean: false });
  await until(() => back.messages.length === 2 && back.of(6).length === 2);
  expect(back.messages).toEqual(a.messages.slice(0, 2).map((message) => ({ ...message, again: true })));
  expect(back.ids(6)[0]).toBe(third);
  await back.ping();
  await goodbye(back);
  const last = await client({ id: 'a', clean: false });
  await last.ping();
  expect(last.packets.filter(({ type }) => type === 3 || type === 6)).toEqual([]);
});

test('what nobody may subscribe to is answered with failure, the others of the packet are granted', async () => {
  const a = await client({ id: 'a', clean: false });
  expect(await a.subscribe(['in/#', 2], ['shop/x', 1], ['$SYS/#', 1])).toEqual([128, 1, 128]);
  a.send(publishPacket('in/sale/t', 'ok', 1, 1), publishPacket('shop/x', 'ok', 1, 2));
  await until(() => a.messages.length === 1 && a.acknowledged.length === 2);
  expect(seen(a)).toEqual(['shop/x ok 1']);
});

test('wildcards at the first level match no topic that begins with $', async () => {
  const a = await client({ id: 'a' });
  await a.subscribe(['+/x', 2], ['#', 2]);
  a.send(publishPacket('$shop/x', 'hidden', 1, 1), publishPacket('shop/x', 'seen', 1, 2));
  await until(() => a.acknowledged.length === 2);
  await a.ping();
  expect(seen(a)).toEqual(['shop/x seen 1']);
});

test('after UNSUBSCRIBE nothing more comes, of that filter alone', async () => {
  for (const clean of [true, false]) {
    const a = await client({ id: `a-${clean}`, clean });
    await a.subscribe(['TopicA', 2], ['TopicA/B', 2], ['TopicA/C', 2]);
    a.send(unsubscribePacket(['TopicA', 'never/asked'], 9));
    await until(() => a.ids(11).length === 1);
    expect(a.ids(11)).toEqual([9]);
    a.send(
      publishPacket('TopicA', '1', 1, 1),
      publishPacket('TopicA/B', '2', 1, 2),
      publishPacket('TopicA/C', '3', 1, 3),
    );
    await until(() => a.messages.length === 2);
    await a.ping();
    expect(a.messages.map(({ topic }) => topic)).toEqual(['TopicA/B', 'TopicA/C']);
  }
});

test('a second connection of a client takes over its session', async () => {
  const first = await RawMqtt.open(open.port, { id: 'a', clean: false });
  await first.subscribe(['x', 1]);
  const second = await client({ id: 'a', clean: false });
  await until(() => first.closed);
  expect(sessionPresent(second)).toBe(true);
  second.send(publishPacket('x', 'to the second', 1, 1));
  await until(() => second.messages.length === 1);
  await delay(20);
  expect(first.messages).toEqual([]);
});

test('messages of one publisher keep their order at each quality of service', async () => {
  const a = await client({ id: 'a', clean: false });
  await a.subscribe(['order', 2]);
  const b = await client({ id: 'b' });
  for (let i = 0; i < 300; i += 1) b.send(publishPacket('order', `${i}`, 1, i + 1));
  await until(() => a.messages.length === 300);
  expect(a.messages.map(({ payload }) => Number(payload))).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

describe('what clients say to each other', () => {
  test('is kept as a dead letter as well, and acknowledged in turn with readings', async () => {
    const a = await client({ id: 'a', clean: false });
    await a.subscribe(['shop/#', 1]);
    a.send(
      publishPacket('shop/x', '1', 1, 1),
      publishPacket('in/sale/t', 'ok', 1, 2),
      publishPacket('shop/x', '2', 1, 3),
      publishPacket('in/presence/p', '{}', 1, 4),
    );
    await until(() => a.acknowledged.length === 4);
    expect(a.acknowledged).toEqual([1, 2, 3, 4]);
    expect(open.intake.refusals.map(({ kind }) => kind)).toEqual(['shop/x', 'shop/x']);
    await until(() => a.messages.length === 2);
  });

  test('travels not when it is about readings or in the hub’s name', async () => {
    const a = await client({ id: 'a' });
    await a.subscribe(['#', 1]);
    a.send(publishPacket('in/nonsense/x', 'x', 1, 1, 1), publishPacket('in/sale/t', 'ok', 1, 2, 1));
    await until(() => a.acknowledged.length === 2);
    await a.ping();
    const late = await client({ id: 'late' });
    await late.subscribe(['#', 1]);
    await late.ping();
    expect([...a.messages, ...late.messages]).toEqual([]);
  });
});
