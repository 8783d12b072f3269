import { cpSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionChange } from './contracts/sessions.ts';
import { type OpenDoor, openDoor } from './devices/door.fixture.ts';
import type { DoorLimits } from './devices/door-options.ts';
import { answerPacket, type ConnectFields, publishPacket, RawMqtt, until } from './devices/raw-mqtt.ts';
import { batchOf, Clocks, openWriter, temporaryFolder } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

let folder: string;
let clocks: Clocks;
let writer: Writer;
let open: OpenDoor;
let commits: SessionChange[][];
/** Nothing can be written. */
let full: boolean;

/** A door and its journal, on a real file. */
async function start(limits: Partial<DoorLimits> = {}): Promise<void> {
  writer = openWriter(folder, clocks);
  const own = writer;
  const { sessions } = own.leftovers();
  open = await openDoor(
    limits,
    async (changes) => {
      if (full) throw new Error('the disk is full');
      own.process(batchOf([], [{ op: 'sessions', changes }]));
      commits.push([...changes]);
    },
    sessions,
  );
}

async function stop(): Promise<void> {
  await open.door.stop(100);
  writer.close();
}

/** What is on disk at this moment is what the next start finds. */
async function crash(): Promise<void> {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  await stop();
  folder = copy;
}

beforeEach(() => {
  folder = temporaryFolder();
  clocks = new Clocks();
  commits = [];
  full = false;
});

afterEach(stop);

const client = (fields: ConnectFields): Promise<RawMqtt> => RawMqtt.open(open.port, fields, true);
const present = (raw: RawMqtt) => raw.of(2)[0]?.body[0] === 1;

describe.each([
  ['a stop', async () => stop()],
  ['a crash', crash],
])('after %s of the hub', (_name, end) => {
  it('a client finds its session, its subscriptions, and in order what came while it was away', async () => {
    await start();
    const a = await client({ id: 'a', clean: false });
    await a.subscribe(['shop/+', 2], ['gone', 1], ['out/#', 1]);
    a.send(Buffer.from([0xa2, 8, 0, 9, 0, 4, ...Buffer.from('gone')]));
    await until(() => a.ids(11).length === 1);
    a.socket.destroy();
    await until(() => open.door.connections === 0);
    const b = await client({ id: 'b' });
    b.send(
      publishPacket('shop/x', 'one', 1, 1),
      publishPacket('gone', 'no', 1, 2),
      publishPacket('shop/y', 'two', 2, 3),
    );
    await until(() => b.acknowledged.length === 2 && b.ids(5).length === 1);
    await open.door.publishOut('out/alerts/shelf-gap/A1', 'three');
    await end();
    await start();
    const back = await client({ id: 'a', clean: false });
    expect(present(back)).toBe(true);
    await until(() => back.messages.length === 3);
    expect(back.messages.map(({ payload, qos }) => `${payload} ${qos}`)).toEqual(['one 1', 'two 2', 'three 1']);
    const c = await client({ id: 'c' });
    c.send(publishPacket('shop/z', 'four', 1, 1), publishPacket('gone', 'no', 1, 2));
    await until(() => back.messages.length === 4);
    await back.ping();
    expect(back.messages.at(-1)).toMatchObject({ payload: 'four', again: false });
    expect(open.door.kept.queuedMessages).toBe(0);
  });

  it('what a client had half of goes on where it was, with the same ids', async () => {
    await start();
    const a = await RawMqtt.open(open.port, { id: 'a', clean: false });
    await a.subscribe(['shop/#', 2]);
    const b = await client({ id: 'b' });
    b.send(
      publishPacket('shop/x', 'one', 2, 1),
      publishPacket('shop/x', 'two', 2, 2),
      publishPacket('shop/x', 'three', 1, 3),
    );
    await until(() => a.messages.length === 3);
    a.send(answerPacket(5, a.messages[0]?.packetId ?? 0));
    await until(() => a.of(6).length === 1);
    await end();
    await start();
    const back = await client({ id: 'a', clean: false });
    await until(() => back.messages.length === 2 && back.of(6).length === 2);
    expect(back.messages).toEqual(a.messages.slice(1).map((message) => ({ ...message, again: true })));
    expect(back.ids(6)[0]).toBe(a.messages[0]?.packetId);
  });

  it('retained messages are there, cleared ones are not, and the hub’s own are not', async () => {
    await start();
    const b = await client({ id: 'b' });
    b.send(
      publishPacket('lamp/1', 'on', 1, 1, 1),
      publishPacket('lamp/2', 'on', 1, 2, 1),
      publishPacket('lamp/1', 'off', 2, 3, 1),
      publishPacket('lamp/2', '', 1, 4, 1),
    );
    await until(() => b.acknowledged.length === 3 && b.ids(5).length === 1);
    await open.door.publishOut('out/alerts/shelf-gap/A1', 'open', { retain: true });
    await end();
    await start();
    const late = await client({ id: 'late' });
    await late.subscribe(['#', 2]);
    await late.ping();
    expect(late.messages.map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`)).toEqual(['lamp/1 off 2']);
  });
});

describe('the memory of the broker', () => {
  it('is on disk before the SUBACK, the PUBACK of what travels, and the message itself', async () => {
    await start();
    const a = await client({ id: 'a', clean: false });
    await a.subscribe(['shop/#', 1]);
    expect(commits.flat()).toContainEqual({ is: 'subscribed', client: 'a', filter: 'shop/#', qos: 1 });
    const b = await client({ id: 'b' });
    b.send(publishPacket('shop/x', 'one', 1, 1));
    await until(() => a.messages.length === 1);
    expect(commits.flat()).toContainEqual(expect.objectContaining({ is: 'queued', client: 'a', topic: 'shop/x' }));
    full = true;
    b.send(publishPacket('shop/x', 'two', 1, 2));
    await until(() => b.closed);
    expect(b.acknowledged).toEqual([1]);
    expect(await a.subscribe(['later', 1])).toEqual([128]);
  });

  it('is whole again when a full disk has room again', async () => {
    await start();
    const a = await client({ id: 'a', clean: false });
    await a.subscribe(['shop/#', 1]);
    a.socket.destroy();
    await until(() => open.door.connections === 0);
    full = true;
    await open.door.publishOut('out/x', 'nobody hears');
    const b = await client({ id: 'b' });
    b.send(publishPacket('shop/x', 'one', 1, 1, 1));
    await until(() => b.closed);
    full = false;
    const c = await client({ id: 'c' });
    c.send(publishPacket('shop/x', 'two', 1, 1));
    await until(() => c.acknowledged.length === 1);
    await crash();
    await start();
    const back = await client({ id: 'a', clean: false });
    await until(() => back.messages.length === 2);
    expect(back.messages.map(({ payload }) => payload)).toEqual(['one', 'two']);
    const late = await client({ id: 'late' });
    await late.subscribe(['shop/#', 1]);
    await until(() => late.messages.length === 1);
    expect(late.messages[0]).toMatchObject({ payload: 'one', retain: true });
  });

  it('lets go of a session that nobody came back to, also over a restart', async () => {
    await start();
    const a = await client({ id: 'a', clean: false });
    await a.subscribe(['shop/#', 1]);
    await stop();
    clocks.pass(3_600_000 + 1);
    await start({ offlineAge: 3_600_000 });
    expect(open.door.kept.awaySessions).toBe(1);
    open.door.letGo();
    expect(open.door.kept.awaySessions).toBe(0);
    expect(present(await client({ id: 'a', clean: false }))).toBe(false);
  });

  it('costs a reading nothing: no change is written for publishes under in/', async () => {
    await start();
    const b = await client({ id: 'b' });
    for (let i = 0; i < 100; i += 1) b.send(publishPacket('in/sale/t', 'ok', 1, i + 1));
    await until(() => b.acknowledged.length === 100);
    await open.door.stop(100);
    expect(commits).toEqual([]);
  });
});
