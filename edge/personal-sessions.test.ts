/** What the broker remembers under a shopper's name lives in memory only, and no log shows the name. */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenDoor, openDoor } from './devices/door.fixture.ts';
import { maskPerson, namesPerson } from './devices/personal-topics.ts';
import { type ConnectFields, publishPacket, RawMqtt, subscribePacket, until } from './devices/raw-mqtt.ts';
import { batchOf, Clocks, openWriter, temporaryFolder } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

const ANNA = 'anna-4410';
const TO_ANNA = `out/offers/shopper/${ANNA}`;

let folder: string;
let clocks: Clocks;
let writer: Writer;
let open: OpenDoor;

async function start(): Promise<void> {
  writer = openWriter(folder, clocks);
  const own = writer;
  const { sessions } = own.leftovers();
  open = await openDoor({}, async (changes) => void own.process(batchOf([], [{ op: 'sessions', changes }])), sessions);
}

async function stop(): Promise<void> {
  await open.door.stop(100);
  writer.close();
}

async function crash(): Promise<void> {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  await stop();
  folder = copy;
}

beforeEach(async () => {
  folder = temporaryFolder();
  clocks = new Clocks();
  await start();
});

afterEach(stop);

const client = (fields: ConnectFields): Promise<RawMqtt> => RawMqtt.open(open.port, fields, true);
const present = (raw: RawMqtt) => raw.of(2)[0]?.body[0] === 1;
const texts = (raw: RawMqtt) => raw.of(3).map(({ body }) => body.toString().replaceAll(/[^ -~]/g, ''));

async function away(...raws: RawMqtt[]): Promise<void> {
  for (const raw of raws) raw.socket.destroy();
  await until(() => open.door.connections === 0);
}

function onDisk(): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}

describe('messages to a shopper', () => {
  it('wait for clients that are away, in memory and not on disk', async () => {
    const phone = await client({ id: 'phone', clean: false });
    await phone.subscribe([TO_ANNA, 1], ['out/alerts/#', 1]);
    const app = await client({ id: 'app', clean: false });
    await app.subscribe(['out/offers/shopper/+', 1]);
    await away(phone, app);
    await open.door.publishOut(TO_ANNA, 'offer one');
    await open.door.publishOut('out/alerts/shelf-gap/A1', 'an alert');
    await open.door.publishOut(TO_ANNA, 'offer two');
    expect(open.door.kept.queuedMessages).toBe(5);
    expect(onDisk()).toContain('an alert');
    expect(onDisk()).not.toContain(ANNA);
    expect(onDisk()).not.toContain('offer one');
    for (const [id, count] of [
      ['phone', 3],
      ['app', 2],
    ] as const) {
      const back = await client({ id, clean: false });
      await until(() => texts(back).length === count);
      expect(present(back)).toBe(true);
      expect(texts(back).filter((text) => text.includes('offer'))).toHaveLength(2);
      back.socket.destroy();
    }
  });

  it.each([
    ['a stop', stop],
    ['a crash', crash],
  ])('are lost at %s; who subscribed by name is told to subscribe again, and the rest is there', async (_, end) => {
    const phone = await client({ id: 'phone', clean: false });
    await phone.subscribe([TO_ANNA, 1], ['out/alerts/#', 1]);
    const app = await client({ id: 'app', clean: false });
    await app.subscribe(['out/offers/shopper/+', 1]);
    await away(phone, app);
    await open.door.publishOut(TO_ANNA, 'before');
    await open.door.publishOut('out/alerts/shelf-gap/A1', 'an alert');
    await end();
    await start();
    expect(onDisk()).not.toContain(ANNA);
    const back = await client({ id: 'phone', clean: false });
    await until(() => texts(back).length === 1);
    expect(present(back)).toBe(false);
    expect(texts(back)[0]).toContain('an alert');
    const wild = await client({ id: 'app', clean: false });
    expect(present(wild)).toBe(true);
    await open.door.publishOut(TO_ANNA, 'between');
    await until(() => texts(wild).length === 1);
    await back.subscribe([TO_ANNA, 1]);
    await open.door.publishOut(TO_ANNA, 'after');
    await until(() => texts(back).length === 2);
    expect(texts(back)[1]).toContain('after');
    // From now on it is a session as any other, until the next restart.
    back.socket.destroy();
    const again = await client({ id: 'phone', clean: false });
    expect(present(again)).toBe(true);
  });

  it('are forgotten when the shopper must not get them any more; others are not', async () => {
    const phone = await client({ id: 'phone', clean: false });
    await phone.subscribe(['out/offers/shopper/+', 1]);
    await away(phone);
    await open.door.publishOut(TO_ANNA, 'an offer');
    await open.door.publishOut('out/offers/shopper/bob', 'to bob');
    open.door.forget(TO_ANNA);
    await open.door.publishOut(TO_ANNA, 'withdrawn');
    const back = await client({ id: 'phone', clean: false });
    await until(() => texts(back).length === 2);
    expect(texts(back).map((text) => /an offer|to bob|withdrawn/.exec(text)?.[0])).toEqual(['to bob', 'withdrawn']);
  });

  it('that were sent and not confirmed are not sent again', async () => {
    const phone = await RawMqtt.open(open.port, { id: 'phone', clean: false });
    await phone.subscribe([TO_ANNA, 1]);
    await open.door.publishOut(TO_ANNA, 'an offer');
    await until(() => texts(phone).length === 1);
    await away(phone);
    open.door.forget(TO_ANNA);
    const back = await client({ id: 'phone', clean: false });
    await open.door.publishOut(TO_ANNA, 'another');
    await until(() => texts(back).length === 1);
    expect(texts(back)[0]).toContain('another');
    expect(open.door.kept.queuedMessages).toBeLessThanOrEqual(1);
  });
});

describe('a name in a topic', () => {
  it.each([
    [TO_ANNA, true],
    [`out/+/shopper/${ANNA}`, true],
    [`+/+/+/${ANNA}`, true],
    [`out/offers/shopper/+/${ANNA}`, true],
    ['out/offers/shopper/+', false],
    ['out/offers/shopper/#', false],
    ['out/offers/#', false],
    ['out/offers/zone/dairy', false],
    ['out/alerts/shelf-gap/A1', false],
    [`shop/shopper/${ANNA}`, false],
  ])('%s: %s', (topic, names) => {
    expect(namesPerson(topic)).toBe(names);
    if (names || topic.includes('shopper')) expect(maskPerson(topic)).not.toContain(ANNA);
    else expect(maskPerson(topic)).toBe(topic);
  });

  it('is in no line of the log, whoever is refused for it', async () => {
    const will = { topic: TO_ANNA, payload: 'x' };
    const rude = await client({ id: 'rude', will });
    rude.send(publishPacket(TO_ANNA, 'x', 1));
    await until(() => rude.closed);
    const long = '/x'.repeat(200);
    for (const filter of [`$share/${TO_ANNA}`, `in/shopper/${ANNA}`, TO_ANNA + long]) {
      const other = await client({ id: 'other' });
      other.send(subscribePacket([[filter, 1]]));
      other.send(publishPacket(`out/offers/Shopper/${ANNA}${long}`, 'x', 1));
      await until(() => other.closed);
    }
    const last = await client({ id: 'last', will: { topic: TO_ANNA + long, payload: 'x' } });
    last.socket.destroy();
    await until(() => open.door.connections === 0);
    expect(open.logged.join('\n')).toContain('out/offers/shopper/***');
    expect(open.logged.join('\n')).toContain('subscription refused');
    expect(open.logged.join('\n')).not.toContain(ANNA);
  });
});
