/**
 * Devices that publish at a broker of the shop's own. A session that the broker keeps, subscriptions of QoS 1, and each
 * publish acknowledged in its turn when its frame is stored: what was not stored the broker sends again, after a broken
 * connection and after a crash of either side. Within this process a resend is told by its packet id as long as no PUBACK
 * was written for it, so that a broken connection doubles nothing. A PUBACK that was written may have arrived: then the id
 * is free, and what comes under it may be another publish with the same bytes. That is ruled out with brokers that were
 * seen to count their ids up; with others, and after a crash, the ids of the readings tell it.
 *
 * The client library acknowledges one publish at a time and reads nothing meanwhile. So a publish is shown to it as one
 * of QoS 0, and its PUBACK is written here, straight to the stream: the library writes whole packets in one turn.
 */
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import type { DeviceConfig, OutsideBroker } from '../contracts/devices.ts';
import { HubError, messageOf } from '../contracts/errors.ts';
import type { Frame } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import { covers } from '../contracts/topic-filters.ts';
import type { Logger } from '../ops/logging.ts';
import { readSecretFile } from '../ops/secret-file.ts';
import { brokerWords } from './broker-words.ts';
import type { KeptFilters } from './kept-filters.ts';
import { TopicMap } from './topic-map.ts';

export interface OutsideBrokerOptions {
  /** Name of this hub: the broker knows its session by it. */
  readonly hub: string;
  readonly broker: OutsideBroker;
  /** Those whose `mqtt.broker` is this one. */
  readonly devices: readonly DeviceConfig[];
  readonly take: (device: string, frame: Frame, done: (receipt: Receipt) => void) => void;
  readonly trouble: (device: string, reason: string | undefined) => void;
  /** What its session was subscribed to in earlier lives. */
  readonly kept: Pick<KeptFilters, 'of' | 'set'>;
  readonly logger: Logger;
  /** Milliseconds until the first and between later attempts to connect again. */
  readonly pause?: { readonly first: number; readonly longest: number };
}

/** A publish that is not acknowledged, in the order in which they came. */
interface Owed {
  readonly packet: number;
  stored: boolean;
}

/** What a packet id stands for, also on a later connection. */
interface Known {
  readonly digest: string;
  owed: Owed;
  stored: boolean;
  /** A PUBACK for it was written. */
  written: boolean;
}

const PAUSE = { first: 1000, longest: 60_000 };
/** Connected for so long, it counts as working. */
const STEADY_MS = 10_000;
const MOST_FRAMES = 1000;
const MOST_BYTES = 4_194_304;
const MOST_KNOWN = 5000;
/** So many different packet ids in a row are more than brokers have on the way: it counts them up. */
const COUNTED_UP = 300;
/** Of one publish, as at the hub's own broker. */
const MOST_PUBLISH = 1_048_576;
const PUBACK = 0x40;

export class OutsideBrokerLink {
  readonly #options: OutsideBrokerOptions;
  readonly #topics = new TopicMap<string>();
  readonly #filters: readonly string[];
  readonly #known = new Map<number, Known>();
  /** It gives packet ids again soon. */
  #reuses = false;
  readonly #seen = new WeakSet<IPublishPacket>();
  #client: MqttClient | undefined;
  #owed: Owed[] = [];
  #frames = 0;
  #bytes = 0;
  #held: (() => void) | undefined;
  #subscribed = false;
  #pause: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #said: string | undefined;
  /** Devices whose topics the broker lets nobody read, while it serves others. */
  readonly #refused = new Set<string>();

  constructor(options: OutsideBrokerOptions) {
    this.#options = options;
    this.#pause = (options.pause ?? PAUSE).first;
    const filters = new Set<string>();
    for (const { name, mqtt: source } of options.devices) {
      if (source === undefined) continue;
      this.#topics.add(source.topic, name);
      filters.add(source.topic);
    }
    // A publish that two subscriptions match some brokers send twice.
    const all = [...filters];
    this.#filters = all.filter((filter) => !all.some((other) => other !== filter && covers(other, filter)));
  }

  /** Does not wait for the broker. */
  start(): Promise<void> {
    this.#connect();
    return Promise.resolve();
  }

  /** Waits up to `graceMs` for what is being stored, and acknowledges it. */
  async stop(graceMs = 2000): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const until = performance.now() + graceMs;
    while (this.#frames > 0 && performance.now() < until) await delay(5);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    await Promise.race([client.endAsync(), delay(500, undefined, { ref: false })]);
    client.end(true);
  }

  #connect(): void {
    let client: MqttClient;
    try {
      // The library, too, throws what it cannot use.
      client = mqtt.connect(this.#options.broker.url, this.#connectOptions());
    } catch (error) {
      this.#say(messageOf(error));
      this.#later();
      return;
    }
    this.#client = client;
    this.#owed = [];
    client.handleMessage = (packet, callback) => this.#came(client, packet, callback);
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'publish' || packet.qos !== 1) return;
      this.#seen.add(packet);
      packet.qos = 0;
    });
    client.on('connect', ({ sessionPresent }) => this.#connected(client, sessionPresent));
    client.on('error', (error) => this.#lost(client, brokerWords(error)));
    client.on('close', () => this.#lost(client, 'it closed the connection'));
  }

  /** Files are read again at each attempt: a mended one is used without a restart. */
  #connectOptions(): IClientOptions {
    const { hub, broker } = this.#options;
    const { username, password_file, ca } = broker;
    return {
      protocolVersion: 4,
      clientId: clientIdOf(hub, broker),
      clean: false,
      resubscribe: false,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      keepalive: 30,
      ...(username !== undefined && { username }),
      ...(password_file !== undefined && { password: secret(password_file, 'password_file').replace(/\r?\n$/, '') }),
      ...(ca !== undefined && { ca: secret(ca, 'ca') }),
    };
  }

  #connected(client: MqttClient, sessionPresent: boolean): void {
    if (client !== this.#client) return;
    this.#since = performance.now();
    if (!sessionPresent) {
      this.#known.clear();
      this.#reuses = false;
    }
    if (!this.#noted(client, sessionPresent)) return;
    // To subscribe again would bring every retained message again.
    if (sessionPresent && this.#subscribed) {
      this.#say(undefined);
      return;
    }
    this.#subscribe(client, this.#filters);
  }

  /**
   * Ends what an earlier configuration subscribed to, and notes what will be subscribed to now; whether that is on disk.
   * An end that the broker does not answer is tried again with the next connection.
   */
  #noted(client: MqttClient, sessionPresent: boolean): boolean {
    const { kept, hub, broker, logger } = this.#options;
    const session = `${clientIdOf(hub, broker)} ${broker.url}`;
    const spare = sessionPresent ? kept.of(session).filter((filter) => !this.#filters.includes(filter)) : [];
    try {
      kept.set(session, [...this.#filters, ...spare]);
    } catch (error) {
      this.#lost(client, `what is subscribed to cannot be noted here: ${messageOf(error)}`);
      return false;
    }
    if (spare.length === 0) return true;
    client.unsubscribe([...spare], (error) => {
      if (error || client !== this.#client) return;
      logger.info({ broker: broker.name, filters: spare }, 'what no device is mapped to any more was unsubscribed');
      try {
        kept.set(session, this.#filters);
      } catch {
        // They are unsubscribed once more with the next connection.
      }
    });
    return true;
  }

  #subscribe(client: MqttClient, filters: readonly string[]): void {
    if (client !== this.#client || this.#stopping) return;
    const wanted = Object.fromEntries(filters.map((filter) => [filter, { qos: 1 as const }]));
    client.subscribe(wanted, (error, _granted, suback) => {
      if (client !== this.#client) return;
      const codes = suback?.granted ?? [];
      const refused = filters.filter((_, index) => Number(codes[index]) > 2);
      if (refused.length === this.#filters.length) this.#lost(client, this.#refusal(refused));
      else if (error && refused.length === 0) this.#lost(client, brokerWords(error));
      else {
        this.#subscribed = refused.length === 0;
        this.#say(undefined);
        this.#sayRefused(refused);
        const { longest } = this.#options.pause ?? PAUSE;
        if (refused.length > 0) this.#timer = setTimeout(() => this.#subscribe(client, refused), longest);
      }
    });
  }

  #refusal(filters: readonly string[]): string {
    const { hub, broker } = this.#options;
    return `it refuses the subscription to ${filters.join(', ')}: allow ${clientIdOf(hub, broker)} to read there`;
  }

  /** Those of other topics are heard all the same. */
  #sayRefused(filters: readonly string[]): void {
    for (const { name, mqtt: source } of this.#options.devices) {
      const filter = source && filters.find((wide) => wide === source.topic || covers(wide, source.topic));
      if (filter === undefined ? !this.#refused.delete(name) : this.#refused.has(name)) continue;
      if (filter !== undefined) this.#refused.add(name);
      this.#options.trouble(name, filter && this.#words(this.#refusal([filter])));
    }
  }

  #lost(client: MqttClient, reason: string): void {
    if (client !== this.#client || this.#stopping) return;
    clearTimeout(this.#timer);
    this.#client = undefined;
    client.on('error', () => undefined);
    client.end(true);
    const held = this.#held;
    this.#held = undefined;
    held?.();
    if (this.#since > 0 && performance.now() - this.#since > STEADY_MS)
      this.#pause = (this.#options.pause ?? PAUSE).first;
    this.#since = 0;
    this.#say(reason);
    this.#later();
  }

  #later(): void {
    if (this.#stopping) return;
    // Not all hubs of a chain at once.
    this.#timer = setTimeout(() => this.#connect(), this.#pause * (0.75 + Math.random() / 4));
    this.#pause = Math.min(this.#pause * 2, (this.#options.pause ?? PAUSE).longest);
  }

  /** Told once for each state, not for each attempt. */
  #say(reason: string | undefined): void {
    if (reason === this.#said) return;
    this.#said = reason;
    this.#refused.clear();
    const { devices, trouble } = this.#options;
    for (const { name } of devices) trouble(name, reason && this.#words(reason));
  }

  #words(reason: string): string {
    const { name, url } = this.#options.broker;
    return `the broker ${name} (${url}): ${reason}`;
  }

  /** `next` lets the library read on. */
  #came(client: MqttClient, packet: IPublishPacket, next: () => void): void {
    const owed = this.#seen.delete(packet) ? { packet: packet.messageId ?? 0, stored: false } : undefined;
    if (owed !== undefined) this.#owed.push(owed);
    const { topic } = packet;
    const device = this.#topics.find(topic);
    // Retained: said to somebody else some time ago, nobody knows when.
    if (client !== this.#client || device === undefined || packet.retain) {
      this.#settle(client, owed);
      next();
      return;
    }
    const bytes = Buffer.from(packet.payload);
    if (bytes.length > MOST_PUBLISH) {
      // Sent again it would be as large.
      this.#options.trouble(device, `a publish of ${bytes.length} bytes was left out: at most 1 MiB is taken`);
      this.#settle(client, owed);
      next();
      return;
    }
    if (owed !== undefined && this.#cameBefore(client, owed, packet, bytes)) {
      next();
      return;
    }
    this.#frames += 1;
    this.#bytes += bytes.length;
    const known = owed && this.#known.get(owed.packet);
    this.#options.take(device, { bytes, topic, received: Date.now() }, (receipt) => {
      this.#frames -= 1;
      this.#bytes -= bytes.length;
      if (receipt.outcome === 'not-stored') this.#notStored(known, receipt.reason);
      else if (known !== undefined) {
        known.stored = true;
        // It may have come again on a later connection.
        if (this.#client !== undefined) this.#settle(this.#client, known.owed);
      }
      if (this.#frames < MOST_FRAMES / 2 && this.#bytes < MOST_BYTES / 2) {
        const held = this.#held;
        this.#held = undefined;
        held?.();
      }
    });
    if (this.#frames >= MOST_FRAMES || this.#bytes >= MOST_BYTES) this.#held = next;
    else next();
  }

  /** A resend of what is stored, or on its way. */
  #cameBefore(client: MqttClient, owed: Owed, { dup, topic }: IPublishPacket, bytes: Uint8Array): boolean {
    const digest = hash('sha1', Buffer.concat([Buffer.from(`${topic}\0`), bytes]));
    const known = this.#known.get(owed.packet);
    const isTold = known !== undefined && (!known.written || (!this.#reuses && this.#known.size >= COUNTED_UP));
    if (dup && isTold && known.digest === digest) {
      known.owed = owed;
      if (known.stored) this.#settle(client, owed);
      return true;
    }
    if (!dup && known !== undefined) this.#reuses = true;
    this.#known.delete(owed.packet);
    this.#known.set(owed.packet, { digest, owed, stored: false, written: false });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    return false;
  }

  #notStored(known: Known | undefined, reason: string): void {
    if (known === undefined) return;
    if (this.#known.get(known.owed.packet) === known) this.#known.delete(known.owed.packet);
    this.#options.logger.warn({ broker: this.#options.broker.name, reason }, 'a publish could not be stored');
    // It sends again what is not acknowledged, to a new connection only.
    if (this.#client !== undefined) this.#lost(this.#client, `a publish could not be stored here: ${reason}`);
  }

  /** In the order in which they came (MQTT-4.6.0-2). */
  #settle(client: MqttClient, owed: Owed | undefined): void {
    if (owed === undefined || client !== this.#client) return;
    owed.stored = true;
    const waiting = this.#owed.findIndex(({ stored }) => !stored);
    const ready = this.#owed.splice(0, waiting < 0 ? this.#owed.length : waiting);
    if (ready.length === 0 || !client.connected) return;
    const bytes = Buffer.allocUnsafe(ready.length * 4);
    for (const [index, { packet }] of ready.entries()) {
      bytes.writeUInt16BE((PUBACK << 8) | 2, index * 4);
      bytes.writeUInt16BE(packet, index * 4 + 2);
      const known = this.#known.get(packet);
      if (known !== undefined) known.written = true;
    }
    client.stream.write(bytes);
  }
}

function clientIdOf(hub: string, { name }: OutsideBroker): string {
  return `store-hub-${hub}-${name}`;
}

function secret(file: string, key: string): string {
  const text = readSecretFile(file);
  if (typeof text === 'string') return text;
  throw new HubError('CONFIG_INVALID', `brokers: ${key}: ${text.fault}`);
}
