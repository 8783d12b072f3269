import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type OpenDoor, openDoor } from './door.fixture.ts';
import type { DoorLimits } from './door-options.ts';
import { type ConnectFields, publishPacket, RawMqtt, until } from './raw-mqtt.ts';

let open: OpenDoor;

const start = async (limits: Partial<DoorLimits>): Promise<void> => {
  open = await openDoor(limits);
};

afterEach(async () => {
  await open.door.stop(100);
});

const client = (fields: ConnectFields): Promise<RawMqtt> => RawMqtt.open(open.port, fields, true);

/** A client with a kept session and a subscription, gone again. */
async function away(id: string): Promise<void> {
  const raw = await client({ id, clean: false });
  await raw.subscribe(['shop/#', 1]);
  const there = open.door.connections;
  raw.socket.destroy();
  await until(() => open.door.connections < there);
}

const present = (raw: RawMqtt) => raw.of(2)[0]?.body[0] === 1;

describe('messages for a client that is away', () => {
  test('are bounded in number: the oldest leaves, counted, with one line that names the client', async () => {
    await start({ offlineMessages: 5 });
    await away('tablet');
    const b = await client({ id: 'b' });
    for (let i = 0; i < 12; i += 1) b.send(publishPacket('shop/x', `${i}`, 1, i + 1));
    await until(() => b.acknowledged.length === 12);
    expect(open.door.counters.queuedDropped).toBe(7);
    const lines = open.logged.filter((line) => line.includes('the oldest messages'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"tablet"');
    const back = await client({ id: 'tablet', clean: false });
    await until(() => back.messages.length === 5);
    await back.ping();
    expect(back.messages.map(({ payload }) => payload)).toEqual(['7', '8', '9', '10', '11']);
  });

  test('are bounded in bytes, of one client and of all', async () => {
    await start({ offlineSize: 10_000, queued: 25_000 });
    for (const id of ['one', 'two', 'three']) await away(id);
    const b = await client({ id: 'b' });
    for (let i = 0; i < 20; i += 1) b.send(publishPacket('shop/x', 'x'.repeat(1000), 1, i + 1));
    await until(() => b.acknowledged.length === 20);
    const counts: number[] = [];
    for (const id of ['one', 'two', 'three']) {
      const back = await client({ id, clean: false });
      await back.ping();
      counts.push(back.messages.length);
    }
    // 9 of 1,070 bytes fit into 10,000; 23 of them into 25,000, and the one that went first gives way.
    expect(counts).toEqual([5, 9, 9]);
  });

  test('take nothing from one that is there and reads slowly, up to ten times as much', async () => {
    await start({ offlineMessages: 50 });
    const a = await RawMqtt.open(open.port, { id: 'a', clean: false });
    await a.subscribe(['shop/#', 1]);
    const b = await client({ id: 'b' });
    for (let i = 0; i < 400; i += 1) b.send(publishPacket('shop/x', `${i}`, 1, i + 1));
    await until(() => b.acknowledged.length === 400);
    await a.ping();
    expect(a.messages.length).toBe(100);
    expect(open.door.counters.queuedDropped).toBe(0);
  });
});

describe('sessions', () => {
  test('of clients that are away are bounded: the one gone longest ends', async () => {
    await start({ sessions: 2 });
    for (const id of ['one', 'two', 'three']) await away(id);
    expect(open.door.kept.awaySessions).toBe(2);
    expect(open.door.counters.sessionsExpired).toBe(1);
    expect(present(await client({ id: 'one', clean: false }))).toBe(false);
    expect(present(await client({ id: 'two', clean: false }))).toBe(true);
    expect(open.logged.some((line) => line.includes('"one"') && line.includes('mqtt.limits.sessions'))).toBe(true);
  });

  test('are not kept at all when none may be', async () => {
    await start({ sessions: 0 });
    await away('one');
    expect(present(await client({ id: 'one', clean: false }))).toBe(false);
  });
});

describe('retained messages', () => {
  test('are bounded in topics: a new one over it is refused and counted, one that is there can be changed', async () => {
    await start({ retained: 2 });
    const b = await client({ id: 'b' });
    for (const [id, topic] of ['a', 'b', 'c', 'b', 'a'].entries()) {
      b.send(publishPacket(topic, id === 4 ? '' : `${id}`, 1, id + 1, 1));
    }
    await until(() => b.acknowledged.length === 5);
    expect(open.door.counters.retainedRefused).toBe(1);
    const late = await client({ id: 'late' });
    await late.subscribe(['+', 1]);
    await late.ping();
    expect(late.messages.map(({ topic, payload }) => topic + payload)).toEqual(['b3']);
  });

  test('are bounded in bytes', async () => {
    await start({ retainedBytes: 5000 });
    const b = await client({ id: 'b' });
    for (const [id, topic] of ['a', 'b', 'c'].entries()) b.send(publishPacket(topic, 'x'.repeat(2000), 1, id + 1, 1));
    await until(() => b.acknowledged.length === 3);
    expect(open.door.kept.retained).toBe(2);
  });
});

describe('a subscriber that reads nothing', () => {
  test('is closed, counted and named, and holds up neither other topics, nor other subscribers, nor the publisher', async () => {
    await start({ stalled: 1500 });
    const frozen = await client({ id: 'frozen' });
    await frozen.subscribe(['#', 1]);
    const reader = await client({ id: 'reader' });
    await reader.subscribe(['shop/other', 1]);
    frozen.socket.pause();
    const b = await client({ id: 'b' });
    const large = Buffer.alloc(100_000, 'x');
    let sent = 0;
    const began = performance.now();
    let slowest = 0;
    while (open.door.counters.stalledClosed === 0) {
      if (performance.now() - began > 15_000) throw new Error('it was never closed');
      sent += 1;
      b.send(publishPacket('shop/large', large, 0), publishPacket('shop/other', `${sent}`, 1, sent));
      const at = performance.now();
      await until(() => reader.messages.length === sent && b.acknowledged.length === sent);
      slowest = Math.max(slowest, performance.now() - at);
      await delay(5);
    }
    await until(() => open.door.connections === 2);
    expect(slowest).toBeLessThan(1500);
    expect(open.door.counters.slowDropped).toBeGreaterThan(0);
    expect(open.logged.some((line) => line.includes('"frozen"') && line.includes('it read nothing'))).toBe(true);
    expect(sent).toBeGreaterThan(20);
  });

  test('is told from one that reads slowly', async () => {
    await start({ stalled: 1000 });
    const slow = await client({ id: 'slow', clean: false });
    await slow.subscribe(['#', 1]);
    slow.socket.pause();
    const b = await client({ id: 'b' });
    for (let i = 0; i < 80; i += 1) b.send(publishPacket('shop/large', Buffer.alloc(100_000), 1, i + 1));
    await until(() => b.acknowledged.length === 80);
    for (let i = 0; slow.messages.length < 80; i += 1) {
      if (i > 100) throw new Error('it was never through');
      slow.socket.resume();
      await delay(2);
      slow.socket.pause();
      await delay(300);
    }
    expect(open.door.counters.stalledClosed).toBe(0);
  });
});
