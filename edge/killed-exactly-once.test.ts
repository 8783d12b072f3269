import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { again, answerPacket, messageIn, publishPacket, pubrelPacket, RawMqtt } from './devices/raw-mqtt.ts';
import { JournalReader } from './journal/reader.ts';

const KILLS = 20;

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
  store = undefined;
});

type Publish = (number: number, packetId: number) => Buffer;

/** Readings without an id of their own: only the handshake keeps them from being stored twice. */
const counted: Publish = (number, packetId) =>
  publishPacket('in/traffic/door-1', JSON.stringify({ line: 'door', in: number, out: 0 }), 2, packetId);

/** The same in a format of its own, on a topic of its own. */
const mapped: Publish = (number, packetId) =>
  publishPacket('gates/door-1', JSON.stringify({ line: 'door', n: number }), 2, packetId);

/** Something that devices say to each other. */
const chat: Publish = (number, packetId) => publishPacket('shop/counter', `${number}`, 2, packetId);

/** The numbers that are in the journal, in its order. */
function journaled(dataDir: string): number[] {
  const reader = JournalReader.open(dataDir);
  try {
    const numbers: number[] = [];
    for (let from = 0; ; ) {
      const page = reader.page({ from, limit: 2000 });
      const last = page.at(-1);
      if (last === undefined) return numbers;
      from = last.sequence + 1;
      for (const row of page) {
        if (row.type === 'retail.traffic.crossed.v1') numbers.push((JSON.parse(row.data) as { in: number }).in);
      }
    }
  } finally {
    reader.close();
  }
}

interface Sent {
  readonly number: number;
  released: boolean;
}

/** A device that keeps what is not confirmed, as one with a flash would, and sends it again after each reconnect. */
class Device {
  readonly #port: number;
  readonly #name: string;
  readonly #publish: Publish;
  readonly #open = new Map<number, Sent>();
  readonly #first: number;
  #next: number;
  #raw: RawMqtt | undefined;
  #heard = 0;
  confirmed = 0;

  constructor(port: number, name: string, first: number, publish: Publish = counted) {
    this.#port = port;
    this.#name = name;
    this.#publish = publish;
    this.#first = first;
    this.#next = first;
  }

  get sent(): number[] {
    return Array.from({ length: this.#next - this.#first }, (_, i) => this.#first + i);
  }

  /** Keeps `window` publishes open until told to stop, then until none is. */
  async run(running: () => boolean, window: number): Promise<void> {
    while (running() || this.#open.size > 0) {
      const raw = this.#raw;
      if (raw === undefined || raw.closed) {
        await this.#connect();
        continue;
      }
      while (running() && this.#open.size < window) {
        const packetId = this.#freeId();
        this.#open.set(packetId, { number: this.#next, released: false });
        raw.send(this.#publish(this.#next, packetId));
        this.#next += 1;
      }
      this.#hear(raw);
      await delay(1);
    }
    this.#raw?.socket.destroy();
  }

  async #connect(): Promise<void> {
    try {
      const raw = await RawMqtt.open(this.#port, { id: this.#name, clean: false });
      this.#raw = raw;
      this.#heard = 0;
      for (const [packetId, { number, released }] of this.#open) {
        raw.send(released ? pubrelPacket(packetId) : again(this.#publish(number, packetId)));
      }
    } catch {
      await delay(20);
    }
  }

  #hear(raw: RawMqtt): void {
    for (const { type, body } of raw.packets.slice(this.#heard)) {
      this.#heard += 1;
      const packetId = type === 5 || type === 7 ? body.readUInt16BE(0) : 0;
      const sent = this.#open.get(packetId);
      if (sent === undefined) continue;
      if (type === 5) {
        sent.released = true;
        raw.send(pubrelPacket(packetId));
      } else if (sent.released) {
        this.#open.delete(packetId);
        this.confirmed += 1;
      }
    }
  }

  /** Ids come round soon, so that a note left behind would swallow a publish. */
  #freeId(): number {
    for (let packetId = 1; ; packetId += 1) if (!this.#open.has(packetId)) return packetId;
  }
}

/** A subscriber that remembers which packet ids it has taken, over its reconnects, as the standard wants of QoS 2. */
class Listener {
  readonly #port: number;
  readonly #taken = new Set<number>();
  readonly numbers: number[] = [];
  #raw: RawMqtt | undefined;
  #heard = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async run(running: () => boolean): Promise<void> {
    while (running()) {
      const raw = this.#raw;
      if (raw === undefined || raw.closed) await this.#connect();
      else this.#hear(raw);
      await delay(1);
    }
    this.#raw?.socket.destroy();
  }

  async #connect(): Promise<void> {
    try {
      const raw = await RawMqtt.open(this.#port, { id: 'listener', clean: false });
      // Found again, its subscription is, too.
      if (raw.of(2)[0]?.body[0] !== 1) await raw.subscribe(['shop/+', 2]);
      this.#raw = raw;
      this.#heard = 0;
    } catch {
      await delay(20);
    }
  }

  #hear(raw: RawMqtt): void {
    for (const packet of raw.packets.slice(this.#heard)) {
      this.#heard += 1;
      if (packet.type === 6) {
        const packetId = packet.body.readUInt16BE(0);
        this.#taken.delete(packetId);
        raw.send(answerPacket(7, packetId));
      } else if (packet.type === 3) {
        const { packetId, payload } = messageIn(packet);
        if (!this.#taken.has(packetId)) this.numbers.push(Number(payload));
        this.#taken.add(packetId);
        raw.send(answerPacket(5, packetId));
      }
    }
  }
}

describe('QoS 2 and an edge killed with -9', () => {
  it('between PUBREC and PUBREL: the publish sent again is answered and not stored, its id is free after the release', {
    timeout: 60_000,
  }, async () => {
    const own = await makeStore();
    store = own;
    const port = Number(new URL(own.mqttUrl).port);
    await own.edge.start();
    const raw = await RawMqtt.open(port, { id: 'counter', clean: false });
    raw.send(counted(1, 7), counted(2, 8));
    await raw.until(() => raw.ids(5).length === 2);
    await own.edge.kill();
    await own.edge.start();
    const back = await RawMqtt.open(port, { id: 'counter', clean: false });
    back.send(again(counted(1, 7)), pubrelPacket(8));
    await back.until(() => back.ids(5).length === 1 && back.ids(7).length === 1);
    back.send(pubrelPacket(7));
    await back.until(() => back.ids(7).length === 2);
    await own.edge.kill();
    await own.edge.start();
    const third = await RawMqtt.open(port, { id: 'counter', clean: false });
    third.send(pubrelPacket(7), counted(3, 7), counted(4, 8));
    await third.until(() => third.ids(5).length === 2);
    expect(third.ids(7)).toEqual([7]);
    await own.edge.stop();
    expect(journaled(own.dataDir)).toEqual([1, 2, 3, 4]);
  });

  it(`under load, ${KILLS} times: every reading is in the journal exactly once`, { timeout: 300_000 }, async () => {
    const own = await makeStore();
    store = own;
    const port = Number(new URL(own.mqttUrl).port);
    await own.edge.start();
    let running = true;
    const devices = [0, 1, 2].map((i) => new Device(port, `counter-${i}`, i * 200_000 + 1));
    const runs = Promise.all(devices.map((device) => device.run(() => running, 20)));
    let seed = 7;
    for (let kill = 0; kill < KILLS; kill += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      await delay(100 + (seed % 400));
      await own.edge.kill();
      await own.edge.start();
    }
    running = false;
    await runs;
    await own.edge.stop();
    const numbers = journaled(own.dataDir);
    expect(new Set(numbers).size, 'stored twice').toBe(numbers.length);
    expect(numbers.sort((a, b) => a - b)).toEqual(devices.flatMap((device) => device.sent));
    expect(numbers.length).toBeGreaterThan(1000);
  });

  it("in a device's own format, read in another process: every reading is in the journal exactly once", {
    timeout: 300_000,
  }, async () => {
    const mapping = { traffic: '{"line": payload.line, "in": payload.n, "out": 0}' };
    const own = await makeStore({
      config: { devices: [{ name: 'door-1', codec: 'mapping', mapping, mqtt: { topic: 'gates/+' } }] },
    });
    store = own;
    const port = Number(new URL(own.mqttUrl).port);
    await own.edge.start();
    // Somebody with a kept session hears it, too.
    const reader = await RawMqtt.open(port, { id: 'reader', clean: false });
    await reader.subscribe(['gates/#', 2]);
    reader.socket.destroy();
    let running = true;
    const device = new Device(port, 'counter', 1, mapped);
    const run = device.run(() => running, 20);
    let seed = 5;
    for (let kill = 0; kill < KILLS / 2; kill += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      await delay(200 + (seed % 400));
      await own.edge.kill();
      await own.edge.start();
    }
    running = false;
    await run;
    await own.edge.stop();
    expect((await own.run(['dead-letters', 'list'])).stdout).toBe('no dead letters\n');
    const numbers = journaled(own.dataDir);
    expect(new Set(numbers).size, 'stored twice').toBe(numbers.length);
    expect(numbers.sort((a, b) => a - b)).toEqual(device.sent);
    expect(numbers.length).toBeGreaterThan(20);
  });

  it('between two devices: what one says the other hears exactly once, and in order', {
    timeout: 300_000,
  }, async () => {
    const own = await makeStore();
    store = own;
    const port = Number(new URL(own.mqttUrl).port);
    await own.edge.start();
    let running = true;
    let listening = true;
    const listener = new Listener(port);
    const heard = listener.run(() => listening);
    await delay(200);
    // One at a time is on its way, so that it may not overtake another.
    const device = new Device(port, 'speaker', 1, chat);
    const said = device.run(() => running, 1);
    const many = new Device(port, 'many', 1_000_000, chat);
    const saidMany = many.run(() => running, 20);
    let seed = 11;
    for (let kill = 0; kill < KILLS / 2; kill += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      await delay(100 + (seed % 400));
      await own.edge.kill();
      await own.edge.start();
    }
    running = false;
    await Promise.all([said, saidMany]);
    const all = [...device.sent, ...many.sent];
    await waitUntil('the listener to have heard it all', async () => listener.numbers.length >= all.length);
    await delay(200);
    listening = false;
    await heard;
    expect([...listener.numbers].sort((a, b) => a - b)).toEqual(all);
    expect(listener.numbers.filter((number) => number < 1_000_000)).toEqual(device.sent);
    expect(all.length).toBeGreaterThan(500);
  });
});
