/**
 * The ways from the simulated devices to a hub: MQTT at QoS 1 with sessions that outlive a connection, and HTTP that asks
 * again until it is accepted. Faults of the network live here: what is sent twice is sent by the link, not by the device.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import type { Random } from '../world/random.ts';
import type { FleetTally, Links } from './sim-device.ts';

export interface HubAddress {
  /** Such as `mqtt://127.0.0.1:1883` and `http://127.0.0.1:8080`. */
  readonly mqtt: string;
  readonly http: string;
}

export interface LinkFaults {
  readonly random: Random;
  /** Share of frames that are sent a second time, 0..1. */
  readonly resend: number;
}

const POST_PAUSE_MS = 200;
const POST_TRIES = 150;

export class HubLinks implements Links {
  readonly #hub: HubAddress;
  readonly #faults: LinkFaults;
  readonly #tally: FleetTally;
  readonly #clients = new Map<string, Promise<MqttClient>>();
  /** The last post to a path: a device waits for its answer before it says the next. */
  readonly #posts = new Map<string, Promise<void>>();

  constructor(hub: HubAddress, tally: FleetTally, faults: LinkFaults) {
    this.#hub = hub;
    this.#tally = tally;
    this.#faults = faults;
  }

  async publish(client: string, topic: string, payload: string | Uint8Array): Promise<void> {
    const connected = await this.#client(client);
    const body = Buffer.from(payload);
    await this.#send(async () => void (await connected.publishAsync(topic, body, { qos: 1 })));
  }

  post(path: string, body: string | Uint8Array, contentType = 'application/json'): Promise<void> {
    const before = this.#posts.get(path) ?? Promise.resolve();
    const posted = before.catch(() => undefined).then(() => this.#send(() => this.#post(path, body, contentType)));
    this.#posts.set(path, posted);
    return posted;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await (await client).endAsync();
    this.#clients.clear();
  }

  async #send(once: () => Promise<void>): Promise<void> {
    const { random, resend } = this.#faults;
    this.#tally.sent += 1;
    const twice = resend > 0 && random.chance(resend);
    await once();
    this.#tally.acknowledged += 1;
    if (!twice) return;
    this.#tally.resent += 1;
    await once();
  }

  #client(name: string): Promise<MqttClient> {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = mqtt.connectAsync(this.#hub.mqtt, { clientId: `sim-${name}`, clean: false, reconnectPeriod: 500 });
      this.#clients.set(name, client);
    }
    return client;
  }

  async #post(path: string, body: string | Uint8Array, contentType: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const fault = await this.#postOnce(path, body, contentType);
      if (fault === undefined) return;
      if (attempt >= POST_TRIES) throw new Error(`POST ${path}: ${fault}`);
      await sleep(POST_PAUSE_MS);
    }
  }

  /** What went wrong, if it may go well later. Throws where it will not. */
  async #postOnce(path: string, body: string | Uint8Array, contentType: string): Promise<string | undefined> {
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#hub.http), {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: typeof body === 'string' ? body : new Uint8Array(body),
        signal: AbortSignal.timeout(10_000),
      });
    } catch (error) {
      return String(error);
    }
    const answer = await response.text();
    if (response.ok) return undefined;
    const fault = `${response.status} ${answer.slice(0, 300)}`;
    if (response.status === 429 || response.status >= 500) return fault;
    throw new Error(`POST ${path}: ${fault}`);
  }
}
