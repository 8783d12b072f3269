/**
 * The ways from the simulated devices to a hub: MQTT at QoS 1 with sessions that outlive a connection, HTTP that asks
 * again until it is accepted, and files in a folder until the hub has moved them away. Faults of the way live here: what
 * is sent twice is sent by the link, and what is lost or kept while a device has no connection, too.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MqttClient } from 'mqtt';
import { writeAsTill } from '../devices/till-files.ts';
import { type Random, seeded } from '../sim/random.ts';
import type { Faults } from './faults.ts';
import { MqttWire } from './mqtt-wire.ts';
import { type Offline, Outages } from './outages.ts';
import { heardAgain } from './second-gateway.ts';
import type { FleetTally, Links } from './sim-device.ts';

export interface HubAddress {
  /** Such as `mqtt://127.0.0.1:1883` and `http://127.0.0.1:8080`. */
  readonly mqtt: string;
  readonly http: string;
}

export interface LinkFaults extends Pick<Faults, 'resend' | 'garbage' | 'twice'> {
  /** Of one device: what happens to it is not shifted by what others say. */
  readonly random: (device: string) => Random;
  /** The device that says everything many times. */
  readonly isFlooding: (device: string) => boolean;
  readonly offline: (device: string) => Offline;
}

/** Hears of each frame; nobody measures unless it is there. */
export interface Meter {
  said(payload: Buffer): void;
  /** @param ms from publish to PUBACK; absent: it went another way */
  heard(payload: Buffer, ms: number | undefined): void;
}

interface Connection {
  readonly wire: MqttWire;
  readonly client: MqttClient;
  /** Resolves at the first connection, or at once where the cable is out. Rejects where there is no hub. */
  readonly isThere: Promise<void>;
}

const NO_LINK_FAULTS: LinkFaults = {
  ...{ resend: 0, garbage: 0, twice: 0, random: () => seeded(0), isFlooding: () => false },
  offline: () => 'keeps',
};

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
  readonly #connections = new Map<string, Connection>();
  readonly #outages = new Outages();
  /** Frames of a device that are on their way, those that wait for their turn included. */
  readonly #onTheirWay = new Map<string, number>();
  /** The last to a path or a folder: a device waits for its answer before it says the next. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #meter: Meter | undefined;
  #fault: unknown;
  readonly #abandoned = new AbortController();

  constructor(hub: HubAddress, tally: FleetTally, faults: LinkFaults = NO_LINK_FAULTS, meter?: Meter) {
    this.#meter = meter;
    this.#hub = hub;
    this.#tally = tally;
    this.#faults = faults;
  }

  /** The ways of one device. */
  of(device: string): Links {
    const random = this.#faults.random(device);
    return {
      publish: async (client, topic, payload) => {
        if (this.#isLost(device, client === device)) return;
        await this.#counted(device, async () => {
          const { client: connected, isThere } = this.#connection(client);
          await isThere;
          const send: Send = (body) => publish(connected, topic, body);
          await this.#send(device, random, Buffer.from(payload), send, true);
        });
      },
      post: async (path, body, contentType = 'application/json') => {
        if (this.#isLost(device, true)) return;
        const send: Send = (bytes, broken) => this.#post(device, path, bytes, contentType, broken);
        await this.#counted(device, () =>
          this.#inTurn(path, () => this.#send(device, random, Buffer.from(body), send)),
        );
      },
      leave: (folder, name, bytes) => {
        let copies = 0;
        const send: Send = async (content) => {
          copies += 1;
          const own = copies === 1 ? name : name.replace(/(?=\.\w+$)/, `-${copies}`);
          await this.#outages.over(device);
          await leaveFile(join(folder, own), content, this.#abandoned.signal);
        };
        return this.#counted(device, () =>
          this.#inTurn(folder, () => this.#send(device, random, Buffer.from(bytes), send)),
        );
      },
    };
  }

  /** A device has no connection from now on. What it says is lost, or waits until it has one again, as its kind does. */
  cut(device: string): void {
    if (this.#outages.begin(device)) this.#connections.get(device)?.wire.pull();
  }

  /** As often as it was cut. */
  mend(device: string): void {
    if (this.#outages.end(device)) this.#connections.get(device)?.wire.plug();
  }

  /** Frames that wait for the hub, and not for a connection. Throws what went wrong with one. */
  get onTheirWay(): number {
    if (this.#fault !== undefined) throw this.#fault;
    let sum = 0;
    for (const [device, count] of this.#onTheirWay) if (!this.#outages.isOut(device)) sum += count;
    return sum;
  }

  /** Resolves when what is on its way is acknowledged. */
  async close(): Promise<void> {
    for (const { wire, client } of this.#connections.values()) {
      // One without a connection would wait for another; nothing is on its way.
      if (client.connected) await client.endAsync();
      else client.end(true);
      wire.close();
    }
    this.#connections.clear();
  }

  /** Lets go of everything at once: what is on its way stays there. */
  abandon(): void {
    this.#abandoned.abort(new Error('the simulated shop was left'));
    this.#outages.endAll();
    for (const { wire, client } of this.#connections.values()) {
      client.end(true);
      wire.pull();
      wire.close();
    }
    this.#connections.clear();
  }

  /** @param own by a connection of its own; others have only a radio up to it */
  #isLost(device: string, own: boolean): boolean {
    if (!this.#outages.isOut(device) || (own && this.#faults.offline(device) === 'keeps')) return false;
    this.#tally.lost += 1;
    return true;
  }

  /** What goes wrong is kept for whoever asks how much is on its way. */
  async #counted(device: string, send: () => Promise<void>): Promise<void> {
    this.#onTheirWay.set(device, (this.#onTheirWay.get(device) ?? 0) + 1);
    try {
      await send();
    } catch (error) {
      this.#fault ??= error;
      throw error;
    } finally {
      this.#onTheirWay.set(device, (this.#onTheirWay.get(device) ?? 0) - 1);
    }
  }

  #inTurn(way: string, send: () => Promise<void>): Promise<void> {
    const before = this.#last.get(way) ?? Promise.resolve();
    const sent = before.catch(() => undefined).then(send);
    this.#last.set(way, sent);
    return sent;
  }

  async #send(device: string, random: Random, payload: Buffer, once: Send, isPublish = false): Promise<void> {
    const begun = performance.now();
    this.#meter?.said(payload);
    this.#tally.sent += 1;
    await this.#sendAll(device, random, payload, once);
    this.#meter?.heard(payload, isPublish ? performance.now() - begun : undefined);
  }

  async #sendAll(device: string, random: Random, payload: Buffer, once: Send): Promise<void> {
    const { resend, garbage, twice, isFlooding } = this.#faults;
    const isResent = resend > 0 && random.chance(resend);
    const broken = garbage > 0 && random.chance(garbage) ? damaged(payload, random) : undefined;
    const again = twice > 0 && random.chance(twice) ? heardAgain(payload) : undefined;
    const repeats = isFlooding(device) ? FLOOD - 1 : isResent ? 1 : 0;
    // Both at once, in this order: waited for, the first would let the device's next words pass.
    const before = broken === undefined ? undefined : once(broken, true);
    await Promise.all([before, once(payload, false)]);
    if (broken !== undefined) this.#tally.broken += 1;
    this.#tally.acknowledged += 1;
    this.#tally.resent += repeats;
    for (let left = repeats; left > 0; left -= 1) await once(payload, false);
    if (again === undefined) return;
    await once(again, false);
    this.#tally.twice += 1;
  }

  #connection(name: string): Connection {
    let connection = this.#connections.get(name);
    if (connection === undefined) {
      const wire = new MqttWire(this.#hub.mqtt);
      if (this.#outages.isOut(name)) wire.pull();
      connection = this.#connect(name, wire);
      this.#connections.set(name, connection);
    }
    return connection;
  }

  #connect(name: string, wire: MqttWire): Connection {
    const { username, password } = new URL(this.#hub.mqtt);
    const client = new MqttClient(() => wire.open(), {
      ...{ clientId: `sim-${name}`, clean: false, reconnectPeriod: 500 },
      ...(username !== '' && { username: decodeURIComponent(username), password: decodeURIComponent(password) }),
    });
    client.on('error', () => undefined);
    if (this.#outages.isOut(name)) return { wire, client, isThere: Promise.resolve() };
    const isThere = new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', (error) => {
        client.end(true);
        reject(new Error(`${this.#hub.mqtt}: no hub answers there (${reasonOf(error)})`, { cause: error }));
      });
    });
    // Whoever publishes hears of it.
    isThere.catch(() => undefined);
    return { wire, client, isThere };
  }

  async #post(device: string, path: string, body: Buffer, contentType: string, broken: boolean): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#outages.over(device);
      const fault = await this.#postOnce(path, body, contentType, broken, this.#outages.cut(device));
      if (fault === undefined) return;
      this.#abandoned.signal.throwIfAborted();
      if (this.#outages.isOut(device)) attempt = 0;
      else if (attempt >= POST_TRIES) throw new Error(`POST ${this.#hub.http}${path}: ${fault}`);
      else await sleep(POST_PAUSE_MS, undefined, { signal: this.#abandoned.signal });
    }
  }

  /** What went wrong, if it may go well later. Throws where it will not. */
  async #postOnce(
    path: string,
    body: Buffer,
    contentType: string,
    broken: boolean,
    cut: AbortSignal,
  ): Promise<string | undefined> {
    let response: Response;
    let answer: string;
    try {
      response = await fetch(new URL(path, this.#hub.http), {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: new Uint8Array(body),
        signal: AbortSignal.any([AbortSignal.timeout(10_000), cut, this.#abandoned.signal]),
      });
      answer = await response.text();
    } catch (error) {
      return reasonOf(error);
    }
    if (response.ok) return undefined;
    const fault = `${response.status} ${answer.slice(0, 300)}`;
    // 408: this machine was too busy to say it in one go.
    if (response.status === 408 || response.status === 429 || response.status >= 500) return fault;
    if (broken) return undefined;
    throw new Error(`POST ${path}: ${fault}`);
  }
}

/** `fetch failed` alone says nothing; a host with several addresses has several reasons. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error && inner !== error ? reasonOf(inner) : error.message;
}

/** Resolves with the PUBACK, over as many connections as it takes. */
async function publish(client: MqttClient, topic: string, body: Buffer): Promise<void> {
  for (;;) {
    try {
      await client.publishAsync(topic, body, { qos: 1 });
      return;
    } catch (error) {
      // What was handed over while the client said its old words again and lost the connection is not in its store.
      if (!(error instanceof Error) || error.message !== 'Connection closed' || client.disconnecting) throw error;
      await sleep(POST_PAUSE_MS);
    }
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
async function leaveFile(path: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  await writeAsTill(path, bytes, { renamed: true });
  for (let waited = 0; existsSync(path); waited += FILE_PAUSE_MS) {
    if (waited > FILE_PATIENCE_MS) throw new Error(`${path}: nobody takes this file; does the hub read this folder?`);
    await sleep(FILE_PAUSE_MS, undefined, { signal });
  }
}
