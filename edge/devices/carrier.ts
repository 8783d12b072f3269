/**
 * How messages go round the broker: what the hub publishes, and what clients say to each other under topics that are
 * neither `in/` nor `out/`. It gives the broker library a memory of ours and takes its place in delivering: the
 * library would let one client that does not read hold up everybody else.
 */
import type { Duplex } from 'node:stream';
import type { Aedes, AedesPublishPacket, Client, PublishPacket, Subscription } from 'aedes';
import { messageOf } from '../contracts/errors.ts';
import type { Handshake, SavedSessions, SessionChange } from '../contracts/sessions.ts';
import type { CalmLog } from '../ops/calm-log.ts';
import { BrokerMemory, NO_MESSAGES, SESSION_MARK } from './broker-memory.ts';
import type { DoorCounters } from './door-counters.ts';
import type { DoorLimits } from './door-options.ts';
import { Handshakes } from './handshakes.ts';
import { type Keep, Keeper } from './keeper.ts';
import type { OutgoingMessage } from './outgoing.ts';
import { maskPerson, withoutPersons } from './personal-topics.ts';
import { watchRegistry } from './registry.ts';
import { Retained } from './retained.ts';
import { Sessions } from './sessions.ts';
import { plain } from './topics.ts';
import { WithoutCards } from './without-cards.ts';

const NOT_GRANTED = 128;
/** Milliseconds of a turn for retained messages that were asked for. */
const MOST_ANSWERING_MS = 5;

export interface CarrierParts {
  readonly keep: Keep;
  /** A copy of a payload without payment cards. */
  readonly maskCards: (payload: Uint8Array) => Uint8Array;
  readonly limits: DoorLimits;
  readonly counters: DoorCounters;
  readonly log: CalmLog;
  /** Monotonic ms. */
  readonly now: () => number;
}

export class Carrier {
  readonly #parts: CarrierParts;
  readonly handshakes: Handshakes;
  readonly sessions: Sessions;
  readonly retained: Retained;
  readonly #keeper: Keeper;
  /** Subscriptions whose retained messages are still to be sent, each once. */
  readonly #asked = new Map<string, { readonly client: Client; readonly filter: string; readonly qos: number }>();
  #answering = false;
  /** For the broker library: its memory, and no way of its own for messages. */
  readonly library: { readonly persistence: object; readonly mq: object };

  constructor(parts: CarrierParts) {
    this.#parts = parts;
    const { limits, counters, log, now } = parts;
    const without = new WithoutCards(parts.maskCards);
    const keep: Keep = (changes) => parts.keep(changes.flatMap(withoutPersons).map(without.of));
    this.handshakes = new Handshakes(keep, now);
    this.#keeper = new Keeper(keep, () => [...this.#everything()]);
    this.retained = new Retained(limits.retained, limits.retainedBytes);
    const onEnd = (client: string): void => this.handshakes.drop(client);
    this.sessions = new Sessions({ limits, keeper: this.#keeper, counters, log, onEnd, now });
    const memory = new BrokerMemory({
      sessions: this.sessions,
      handshakes: this.handshakes,
      onUnwritten: (client, thrown) => {
        log.warn(
          { client: plain(client.id, 128), reason: messageOf(thrown) },
          'a release could not be written, connection closed',
        );
        client.conn.destroy();
      },
    });
    this.library = { persistence: memory, mq: NO_MESSAGES };
  }

  /** What an earlier run left. */
  restore(saved: SavedSessions): void {
    this.handshakes.restore(saved.handshakes);
    this.sessions.restore(saved);
    for (const message of saved.retained) this.retained.put(message);
  }

  /** Takes its place in the broker. */
  join(broker: Aedes): void {
    watchRegistry(broker, (client) => this.sessions.begin(client));
    broker.on('clientReady', (client) => {
      const mayRead = (message: OutgoingMessage): boolean =>
        broker.authorizeForward(client, message as unknown as AedesPublishPacket) !== null;
      this.sessions.attach({ client, socket: client.conn as Duplex, mayRead });
    });
    broker.on('clientDisconnect', (client) => this.sessions.detach(client));
    broker.on('subscribe', (granted, client) => this.#sendRetained(client, granted));
    broker.on('unsubscribe', (filters, client) => {
      // Of a connection that closes the library tells this, too.
      if (!client.closed) void this.sessions.unsubscribe(client, filters);
    });
    // What clients publish goes its way when it is authorized; the library's own announcements nobody hears.
    broker.publish = ((_packet: PublishPacket, ...done: unknown[]) => {
      const callback = done.at(-1);
      if (typeof callback === 'function') callback(null);
    }) as typeof broker.publish;
  }

  /** Sends a message to whoever subscribed, and retains it if it is to be. Undefined: nothing of it has to be on disk. */
  carry(message: OutgoingMessage, handshake?: Handshake): Promise<void> | undefined {
    let durable = false;
    if (message.retain) durable = this.#retain(message);
    if (handshake !== undefined) {
      this.#keeper.add({ is: 'noted', ...handshake });
      durable = true;
    }
    const queued = this.sessions.forward(message);
    return queued || (durable && message.qos > 0) ? this.#keeper.committed() : undefined;
  }

  /** Calls back when the subscription holds, for a kept session on disk; with null it is refused. */
  subscribe(client: Client, wanted: Subscription, callback: (error: null, granted: Subscription | null) => void): void {
    this.sessions.subscribe(client, wanted.topic, wanted.qos).then(
      () => callback(null, wanted),
      (thrown) => {
        this.#parts.counters.subscriptionsRefused += 1;
        this.#parts.log.warn(
          { client: plain(client.id, 128), reason: messageOf(thrown) },
          'a subscription could not be kept',
        );
        callback(null, null);
      },
    );
  }

  /** The library asks for it when it finds a session. */
  isSessionMark(subscription: Subscription): boolean {
    return subscription.topic === SESSION_MARK;
  }

  /** Once in a while. */
  expire(): void {
    this.sessions.expire();
    this.handshakes.expire().catch(() => undefined);
  }

  /** Writes what is not on disk yet. */
  stop(): Promise<void> {
    return this.#keeper.stop();
  }

  /** Whether it belongs on disk; the hub's own messages are published again at start. */
  #retain({ topic, payload, qos }: OutgoingMessage): boolean {
    const had = this.retained.has(topic);
    if (!this.retained.put({ topic, payload, qos })) {
      this.#parts.counters.retainedRefused += 1;
      this.#parts.log.warn(
        { topic: plain(maskPerson(topic), 128) },
        'a message was not retained: there are too many, see mqtt.limits.retained',
      );
      return false;
    }
    if (topic.startsWith('out/') || (payload.length === 0 && !had)) return false;
    this.#keeper.add(payload.length === 0 ? { is: 'cleared', topic } : { is: 'retained', topic, qos, payload });
    return true;
  }

  #sendRetained(client: Client, granted: readonly Subscription[]): void {
    for (const { topic, qos } of granted) {
      if ((qos as number) !== NOT_GRANTED) this.#asked.set(`${client.id} ${topic}`, { client, filter: topic, qos });
    }
    if (!this.#answering) this.#answer();
  }

  /** Looking through all retained messages takes time, and a client may ask often: a little of it in each turn. */
  #answer(): void {
    const until = performance.now() + MOST_ANSWERING_MS;
    for (const [key, { client, filter, qos }] of this.#asked) {
      this.#asked.delete(key);
      const found = this.sessions.isHeldBy(client) ? [...this.retained.matching(filter)] : [];
      this.sessions.sendRetained(
        client,
        found.map((message) => ({ ...message, retain: true })),
        qos,
      );
      if (performance.now() > until) break;
    }
    this.#answering = this.#asked.size > 0;
    if (this.#answering) setImmediate(() => this.#answer());
  }

  *#everything(): Iterable<SessionChange> {
    yield* this.sessions.all();
    for (const message of this.retained.all()) {
      if (!message.topic.startsWith('out/')) yield { is: 'retained', ...message };
    }
  }
}
