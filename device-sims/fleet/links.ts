/**
 * The ways from the simulated devices to a hub: MQTT at QoS 1 with sessions that outlive a connection, HTTP that asks
 * again until it is accepted, and files in a folder until the hub has moved them away. Faults of the way live here: what
 * is sent twice is sent by the link, not by the device.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { writeAsTill } from '../devices/till-files.ts';
import type { Random } from '../world/random.ts';
import type { Faults } from './faults.ts';
import type { FleetTally, Links } from './sim-device.ts';

export interface HubAddress {
  /** Such as `mqtt://127.0.0.1:1883` and `http://127.0.0.1:8080`. */
  readonly mqtt: string;
  readonly http: string;
}

export interface LinkFaults extends Pick<Faults, 'resend' | 'garbage'> {
  readonly random: Random;
  /** The device that says everything many times. */
  readonly isFlooding: (device: string) => boolean;
}

const POST_PAUSE_MS = 200;
const POST_TRIES = 150;
const FILE_PAUSE_MS = 100;
const FILE_PATIENCE_MS = 60_000;
const FLOOD = 20;

/** Sends a payload once. `broken`: it is damaged, and whoever refuses it is right. */
type Send = (payload: Buffer, broken: boolean) => Promise<void>;

export class HubLinks {
  readonly #hub: HubAddress;
  readonly #faults: LinkFaults;
  readonly #tally: FleetTally;
  readonly #clients = new Map<string, Promise<MqttClient>>();
  /** The last to a path or a folder: a device waits for its answer before it says the next. */
  readonly #last = new Map<string, Promise<void>>();

  constructor(hub: HubAddress, tally: FleetTally, faults: LinkFaults) {
    this.#hub = hub;
    this.#tally = tally;
    this.#faults = faults;
  }

  /** The ways of one device. */
  of(device: string): Links {
    return {
      publish: async (client, topic, payload) => {
        const connected = await this.#client(client);
        const send: Send = async (body) => void (await connected.publishAsync(topic, body, { qos: 1 }));
        await this.#send(device, Buffer.from(payload), send);
      },
      post: (path, body, contentType = 'application/json') =>
        this.#inTurn(path, () =>
          this.#send(device, Buffer.from(body), (bytes, broken) => this.#post(path, bytes, contentType, broken)),
        ),
      leave: (folder, name, bytes) => {
        let copies = 0;
        const send: Send = (content) => {
          copies += 1;
          return leaveFile(join(folder, copies === 1 ? name : name.replace(/(?=\.\w+$)/, `-${copies}`)), content);
        };
        return this.#inTurn(folder, () => this.#send(device, Buffer.from(bytes), send));
      },
    };
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await (await client).endAsync();
    this.#clients.clear();
  }

  #inTurn(way: string, send: () => Promise<void>): Promise<void> {
    const before = this.#last.get(way) ?? Promise.resolve();
    const sent = before.catch(() => undefined).then(send);
    this.#last.set(way, sent);
    return sent;
  }

  async #send(device: string, payload: Buffer, once: Send): Promise<void> {
    const { random, resend, garbage, isFlooding } = this.#faults;
    this.#tally.sent += 1;
    const twice = resend > 0 && random.chance(resend);
    const broken = garbage > 0 && random.chance(garbage) ? damaged(payload, random) : undefined;
    const repeats = isFlooding(device) ? FLOOD - 1 : twice ? 1 : 0;
    // Both at once, in this order: waited for, the first would let the device's next words pass.
    const before = broken === undefined ? undefined : once(broken, true);
    await Promise.all([before, once(payload, false)]);
    if (broken !== undefined) this.#tally.broken += 1;
    this.#tally.acknowledged += 1;
    this.#tally.resent += repeats;
    for (let left = repeats; left > 0; left -= 1) await once(payload, false);
  }

  #client(name: string): Promise<MqttClient> {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = mqtt.connectAsync(this.#hub.mqtt, { clientId: `sim-${name}`, clean: false, reconnectPeriod: 500 });
      this.#clients.set(name, client);
    }
    return client;
  }

  async #post(path: string, body: Buffer, contentType: string, broken: boolean): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const fault = await this.#postOnce(path, body, contentType, broken);
      if (fault === undefined) return;
      if (attempt >= POST_TRIES) throw new Error(`POST ${path}: ${fault}`);
      await sleep(POST_PAUSE_MS);
    }
  }

  /** What went wrong, if it may go well later. Throws where it will not. */
  async #postOnce(path: string, body: Buffer, contentType: string, broken: boolean): Promise<string | undefined> {
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#hub.http), {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(10_000),
      });
    } catch (error) {
      return String(error);
    }
    const answer = await response.text();
    if (response.ok) return undefined;
    const fault = `${response.status} ${answer.slice(0, 300)}`;
    if (response.status === 429 || response.status >= 500) return fault;
    if (broken) return undefined;
    throw new Error(`POST ${path}: ${fault}`);
  }
}

/** Cut off somewhere, and a zero byte behind it: no format that is read here has one, so it can never be valid. */
export function damaged(payload: Buffer, random: Random): Buffer {
  const cut = Buffer.from(payload.subarray(0, random.whole(1, Math.max(1, payload.length - 1))));
  const at = random.whole(0, cut.length - 1);
  cut[at] = (cut[at] ?? 0) ^ (1 << random.whole(0, 6));
  return Buffer.concat([cut, Buffer.of(0)]);
}

/** Resolves when the hub has moved it away: it does so when its records are on disk, or when it refused it. */
async function leaveFile(path: string, bytes: Buffer): Promise<void> {
  await writeAsTill(path, bytes, { renamed: true });
  for (let waited = 0; existsSync(path); waited += FILE_PAUSE_MS) {
    if (waited > FILE_PATIENCE_MS) throw new Error(`${path}: nobody takes this file; does the hub read this folder?`);
    await sleep(FILE_PAUSE_MS);
  }
}
