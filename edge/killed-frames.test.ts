import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { again, publishPacket, RawMqtt } from './devices/raw-mqtt.ts';
import { JournalReader } from './journal/reader.ts';

const KILLS = 5;
const WINDOW = 100;

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
  store = undefined;
});

/** A number, and beside it what has none of its own. */
const mapping = {
  traffic: '{"id": $string(payload.n), "line": "door", "in": payload.n, "out": 0}',
  climate: '{"unit": "fridge-1", "celsius": payload.n / 100}',
  observation: '{"zone": "door", "label": "queue", "present": true, "count": payload.n}',
};

/** Sends again what was not acknowledged, with its packet id, as a device with a memory does. */
class Gateway {
  readonly #port: number;
  readonly #open = new Map<number, number>();
  #raw: RawMqtt | undefined;
  #heard = 0;
  sent = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async run(running: () => boolean): Promise<void> {
    while (running() || this.#open.size > 0) {
      const raw = this.#raw;
      if (raw === undefined || raw.closed) {
        await this.#connect();
        continue;
      }
      while (running() && this.#open.size < WINDOW) {
        this.sent += 1;
        this.#open.set((this.sent % 65_535) + 1, this.sent);
        raw.send(frame(this.sent));
      }
      for (const { type, body } of raw.packets.slice(this.#heard)) {
        this.#heard += 1;
        if (type === 4) this.#open.delete(body.readUInt16BE(0));
      }
      await delay(1);
    }
    this.#raw?.socket.destroy();
  }

  async #connect(): Promise<void> {
    try {
      this.#raw = await RawMqtt.open(this.#port, { id: 'gateway', clean: false });
      this.#heard = 0;
      for (const number of this.#open.values()) this.#raw.send(again(frame(number)));
    } catch {
      await delay(20);
    }
  }
}

function frame(number: number): Buffer {
  return publishPacket('gates/1', JSON.stringify({ n: number }), 1, (number % 65_535) + 1);
}

/** The numbers in the journal, in its order, by what told them. */
function journaled(dataDir: string): { traffic: number[]; climate: number[]; observation: number[] } {
  const numbers = { traffic: [] as number[], climate: [] as number[], observation: [] as number[] };
  const reader = JournalReader.open(dataDir);
  try {
    for (let from = 0; ; ) {
      const page = reader.page({ from, limit: 2000 });
      const last = page.at(-1);
      if (last === undefined) return numbers;
      from = last.sequence + 1;
      for (const { type, data } of page) {
        const told = JSON.parse(data) as { in: number; celsius: number; count: number };
        if (type === 'retail.traffic.crossed.v1') numbers.traffic.push(told.in);
        else if (type === 'retail.climate.measured.v1') numbers.climate.push(Math.round(told.celsius * 100));
        else if (type.includes('observed')) numbers.observation.push(told.count);
      }
    }
  } finally {
    reader.close();
  }
}

it(`frames of three kinds through ${KILLS} kill -9: each is in the journal whole or not at all, and once`, {
  timeout: 120_000,
}, async () => {
  const own = await makeStore({
    config: { devices: [{ name: 'gate', codec: 'mapping', mapping, mqtt: { topic: 'gates/+' } }] },
  });
  store = own;
  await own.edge.start();
  let running = true;
  const gateway = new Gateway(Number(new URL(own.mqttUrl).port));
  const run = gateway.run(() => running);
  let seed = 3;
  for (let kill = 0; kill < KILLS; kill += 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    await delay(400 + (seed % 400));
    await own.edge.kill();
    const { traffic, climate, observation } = journaled(own.dataDir);
    expect([climate, observation], `after kill ${kill + 1}`).toEqual([traffic, traffic]);
    await own.edge.start();
  }
  running = false;
  await run;
  await own.edge.stop();
  const { traffic, climate, observation } = journaled(own.dataDir);
  expect([...traffic].sort((a, b) => a - b)).toEqual(Array.from({ length: gateway.sent }, (_, i) => i + 1));
  expect([climate, observation]).toEqual([traffic, traffic]);
  expect(gateway.sent).toBeGreaterThan(100);
});
