/**
 * The hub's own broker (MQTT 3.1.1 over TCP, TLS and WebSocket). A publish of QoS 1 or 2 under `in/` is acknowledged
 * after the journal's receipt; readings never travel around the broker: they end here, so nobody can subscribe to them.
 * Only the hub publishes under `out/`. What a device sends can close its own connection and nothing else.
 */
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Aedes, type Client, type ConnectPacket, type PublishPacket, type Subscription } from 'aedes';
import { HubError, messageOf } from '../contracts/errors.ts';
import type { SavedSessions } from '../contracts/sessions.ts';
import { CalmLog } from '../ops/calm-log.ts';
import { Doorstep, type Guest } from '../ops/doorstep.ts';
import type { Acknowledge } from './acknowledgements.ts';
import { Addresses, type Ports } from './addresses.ts';
import { Admission, IDENTIFIER_REJECTED, type Rejection, refusal, sessionName, wrongClientId } from './admission.ts';
import { Carrier } from './carrier.ts';
import { Connection, type DoorSocket, type Holding, named } from './connection.ts';
import { type DoorCounters, newDoorCounters } from './door-counters.ts';
import { DEFAULT_LIMITS, type DoorLimits, type MqttDoorOptions } from './door-options.ts';
import { foreignWords, refuseVersion } from './foreign-connect.ts';
import { InFlight } from './in-flight.ts';
import { LargePackets } from './large-packets.ts';
import type { Arrival } from './listeners.ts';
import type { PacketLimits } from './packet-scanner.ts';
import { maskPerson } from './personal-topics.ts';
import { Publishing } from './publishing.ts';
import { isForbiddenFilter, plain, wrongName } from './topics.ts';
import { Turns } from './turns.ts';
import { mayRead } from './users.ts';
import { Watch } from './watch.ts';
import { keptClient } from './without-cards.ts';

/** What waits for the journal over all transports: what it stores in a part of a second. */
const MOST_IN_FLIGHT = 8_388_608;
const MOST_BEHIND_CONNECT = 1000;
/** Seconds. */
const EXPIRY_TICKS = 60;

export class MqttDoor implements Holding {
  readonly counters: DoorCounters = newDoorCounters();
  readonly inFlight: InFlight;
  readonly largePackets: LargePackets;
  readonly #options: MqttDoorOptions;
  readonly #limits: DoorLimits;
  readonly #packetLimits: PacketLimits;
  readonly #log: CalmLog;
  readonly #publishing: Publishing;
  readonly #carrier: Carrier;
  readonly #watch: Watch;
  readonly #admission: Admission;
  readonly #connections = new Map<Client, Connection>();
  readonly #doorstep: Doorstep;
  readonly #turns = new Turns<Connection>();
  /** Clients that are users, also after their connection is closed. */
  readonly #users = new WeakSet<Client>();
  #broker: Aedes | undefined;
  #addresses: Addresses | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #stopping = false;
  tick = 0;

  constructor(options: MqttDoorOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { packet, otherPacket, arriving, qos0, connections, connectionsPerAddress } = this.#limits;
    this.#doorstep = new Doorstep({ connections, perAddress: connectionsPerAddress });
    this.largePackets = new LargePackets(arriving);
    this.#packetLimits = { first: otherPacket, publish: packet, other: otherPacket };
    this.inFlight = options.inFlight ?? new InFlight(MOST_IN_FLIGHT);
    this.#log = new CalmLog(options.logger, () => performance.now());
    this.#carrier = new Carrier({
      keep: options.keep ?? (() => Promise.resolve()),
      maskCards: options.codec.maskCards,
      limits: this.#limits,
      counters: this.counters,
      log: this.#log,
      now: () => performance.now(),
    });
    this.#watch = new Watch({
      limits: this.#limits,
      counters: this.counters,
      log: this.#log,
      onBroken: (connection, what) => this.#closeBroken(connection, what),
    });
    this.#publishing = new Publishing({
      intake: options.intake,
      codec: options.codec,
      frames: options.frames,
      inFlight: this.inFlight,
      handshakes: this.#carrier.handshakes,
      carry: (message, handshake) => this.#carrier.carry(message, handshake),
      counters: this.counters,
      log: this.#log,
      qos0Limit: qos0,
      topics: this.#limits,
      now: options.now ?? Date.now,
    });
    const { credentials, frames } = options;
    this.#admission = new Admission({ credentials, frames, counters: this.counters, log: this.#log });
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** What an operator should know of the addresses, one sentence each. */
  get warnings(): readonly string[] {
    return this.#addresses?.warnings ?? [];
  }

  /** What is kept for clients, and for topics. */
  get kept(): { sessions: number; awaySessions: number; queuedMessages: number; retained: number } {
    const { all, away, queued } = this.#carrier.sessions.figures;
    return { sessions: all, awaySessions: away, queuedMessages: queued, retained: this.#carrier.retained.size };
  }

  get held(): boolean {
    return this.inFlight.paused || this.#stopping;
  }

  get crowded(): boolean {
    return this.inFlight.crowded;
  }

  get rate(): number {
    return this.#limits.rate;
  }

  get filterRate(): number {
    return this.#limits.subscriptions * 10;
  }

  waits(connection: Connection): void {
    this.#turns.waits(connection);
  }

  tooFast(connection: Connection): void {
    this.counters.slowed += 1;
    this.#log.warn(
      named(connection),
      `it sends more than ${this.#limits.rate} messages a second and is read more slowly`,
    );
  }

  tookLong(connection: Connection, ms: number): number {
    this.counters.slowed += 1;
    this.#log.warn(named(connection), `its messages take ${Math.round(ms)} ms to read, it is read more slowly`);
    return this.#turns.pauseFor(ms, performance.now());
  }

  foreign(connection: Connection, level: number, clientId: string): void {
    if (level === 5) this.counters.mqtt5Closed += 1;
    else this.counters.unknownLevelClosed += 1;
    this.#log.warn({ ...named(connection), client: plain(clientId, 128) }, foreignWords(level, clientId));
    connection.condemned = true;
    refuseVersion(connection.socket, level);
  }

  /** Resolves when devices can connect; `saved` is what was kept of an earlier run. Throws HubError PORT_IN_USE. */
  async start(saved?: SavedSessions): Promise<Ports> {
    if (saved !== undefined) this.#carrier.restore(saved);
    const broker = await this.#createBroker();
    this.#broker = broker;
    const { packet, arriving, packetAge } = this.#limits;
    const addresses = new Addresses(this.#options, {
      enter: (socket) => this.#enter(socket),
      accept: (socket, arrival) => this.#accept(broker, socket, arrival),
      refused: (why, address) => {
        this.counters.connectionsRefused += 1;
        this.#log.warn({ address }, `a connection was turned away: ${why}`);
      },
      logger: this.#options.logger,
      packet,
      arriving,
      packetAge,
    });
    this.#addresses = addresses;
    this.inFlight.onResume(() => this.held || this.#turns.resume(this.#connections.values()));
    this.#sweep = setInterval(() => this.#look(), 1000);
    this.#sweep.unref();
    return addresses.start();
  }

  /** Takes nothing more, waits up to `graceMs` for the receipts in flight, then closes every connection. */
  async stop(graceMs = 5000): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#sweep);
    const broker = this.#broker;
    const closed = this.#addresses?.stop();
    const until = performance.now() + graceMs;
    while (this.inFlight.deliveries > 0 && performance.now() < until) await delay(5);
    // The last acknowledgements are written at the end of this turn.
    await nextTurn();
    await nextTurn();
    await new Promise<void>((resolve) => (broker === undefined ? resolve() : broker.close(resolve)));
    for (const { socket } of this.#connections.values()) socket.destroy();
    await closed;
    await this.#carrier.stop();
  }

  /** What is queued for readers of a topic is not sent any more. */
  forget(topic: string): void {
    this.#carrier.sessions.forget(topic);
  }

  /** Ends the sessions and handshakes that are past their time; the door does it once a minute. */
  letGo(): void {
    this.#carrier.expire();
  }

  /** The hub's own messages; resolves when they wait for every subscriber, on disk where the session outlives it. */
  async publishOut(
    topic: string,
    payload: string | Buffer,
    options: { readonly retain?: boolean; readonly qos?: 0 | 1 } = {},
  ): Promise<void> {
    const broker = this.#broker;
    if (broker === undefined || broker.closed) throw new HubError('NOT_STORED', 'the broker is closed');
    if (!topic.startsWith('out/')) throw new Error(`not a topic of the hub: ${topic}`);
    const { retain = false, qos = 1 } = options;
    try {
      await this.#carrier.carry({ topic, payload: new Uint8Array(Buffer.from(payload)), retain, qos });
    } catch {
      // It was sent to whoever is there; for the others it waits in memory until the disk takes it.
    }
  }

  async #createBroker(): Promise<Aedes> {
    const broker = await Aedes.createBroker({
      ...this.#carrier.library,
      concurrency: 1000,
      connectTimeout: this.#limits.connectTimeout,
      // A client need not wait for CONNACK (MQTT-3.1.4): what comes in one read behind CONNECT waits for it.
      queueLimit: MOST_BEHIND_CONNECT,
      // Longer than `stalled`, which also sees that a slow client takes something.
      drainTimeout: this.#limits.stalled * 10,
      preConnect: (client, packet, callback) => callback(null, this.#meet(client, packet)),
      authenticate: (client, user, password, callback) => {
        this.#authenticate(client, user, password, (rejection) => {
          if (rejection === undefined) callback(null, true);
          else callback(refusal(rejection), false);
        });
      },
      // A session may have subscriptions from before its user lost a permission.
      authorizeForward: (client, packet) =>
        mayRead(this.#connections.get(client)?.user, packet.topic) ? packet : null,
      authorizePublish: (client, packet, callback) => this.#authorizePublish(client, packet, callback),
      authorizeSubscribe: (client, subscription, callback) => this.#subscribe(client, subscription, callback),
    });
    broker.on('error' as 'closed', ((error: Error) => this.#fault(error)) as () => void);
    broker.on('connectionError', (client, error) => this.#broke(client, error));
    broker.on('clientError', (client, error) => this.#broke(client, error));
    this.#carrier.join(broker);
    return broker;
  }

  /** Before the first byte, and before TLS: whether there is room for one more. */
  #enter(socket: Socket): Guest | undefined {
    const guest = this.#doorstep.enter(socket.remoteAddress, () => {
      this.counters.silentReplaced += 1;
      this.#log.warn({ address: socket.remoteAddress }, 'closed without a CONNECT: newer connections needed its place');
      socket.destroy();
    });
    if (guest === undefined) {
      this.counters.connectionsRefused += 1;
      this.#log.warn({ address: socket.remoteAddress }, 'connection turned away: too many are open (mqtt.limits)');
    }
    return guest;
  }

  #accept(broker: Aedes, socket: DoorSocket, { guest, anonymous, certificateName }: Arrival): void {
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    this.counters.connectionsAccepted += 1;
    const client = broker.handle(socket);
    const connection = new Connection(client, socket, this.#packetLimits, this);
    connection.guest = guest;
    connection.anonymous = anonymous;
    connection.certificateName = certificateName;
    this.#connections.set(client, connection);
    socket.once('close', () => {
      this.#connections.delete(client);
      this.#turns.left(connection);
      connection.closed();
    });
    try {
      connection.attach((broken, what) => this.#closeBroken(broken, what));
    } catch (thrown) {
      this.#fault(thrown);
      socket.destroy();
    }
  }

  #meet(client: Client, packet: ConnectPacket): boolean {
    const connection = this.#connections.get(client);
    if (connection === undefined) return false;
    connection.guest?.spoke();
    connection.rejected = wrongClientId(packet);
    connection.will = packet.will?.topic;
    connection.keepAlive = packet.keepalive ?? 0;
    packet.keepalive = 0;
    return true;
  }

  #authenticate(
    client: Client,
    user: Readonly<string | undefined> | null,
    password: Readonly<Uint8Array | undefined> | null,
    done: (rejection?: Rejection) => void,
  ): void {
    const connection = this.#connections.get(client);
    if (connection === undefined) return;
    const { rejected, will } = connection;
    if (rejected !== undefined) {
      done({ returnCode: IDENTIFIER_REJECTED, reason: rejected });
      return;
    }
    // A payment card in it would be kept with the session.
    const name = keptClient(client.id, this.#options.conceal ?? (() => ''));
    const introduction = { id: client.id, user: user ?? undefined, password: password ?? undefined, will };
    this.#admission.decide(connection, introduction, (rejection) => {
      // Before the broker looks for the session.
      if (connection.user !== undefined) {
        client.id = sessionName(connection.user, name);
        this.#users.add(client);
      } else client.id = name;
      done(rejection);
    });
  }

  #authorizePublish(client: Client | null, packet: PublishPacket, acknowledge: Acknowledge): void {
    try {
      // A will has no packet id, and comes from a client that is closed already, or is gone.
      if (client === null || client.closed) {
        if (packet.messageId !== undefined && client !== null) return;
        const named = client !== null && this.#users.has(client);
        const sent = !this.#stopping && this.#publishing.will(client?.id ?? '', packet, !named);
        acknowledge(sent ? null : new Error('this will is not sent'));
        return;
      }
      const connection = this.#connections.get(client);
      if (connection !== undefined) this.#publishing.publish(connection, packet, acknowledge);
    } catch (thrown) {
      this.#fault(thrown);
      client?.conn.destroy();
    }
  }

  #subscribe(
    client: Client,
    wanted: Subscription,
    callback: (error: null, granted: Subscription | null) => void,
  ): void {
    // Asked when a session is found again: its subscriptions are there already.
    const granted = this.#carrier.isSessionMark(wanted) ? null : this.#granted(client, wanted);
    if (granted === null) callback(null, null);
    else this.#carrier.subscribe(client, granted, callback);
  }

  /** Null is answered with "failure" in the SUBACK. */
  #granted(client: Client, subscription: Subscription): Subscription | null {
    const connection = this.#connections.get(client);
    if (connection === undefined) return null;
    const { topic } = subscription;
    const allowed = !isForbiddenFilter(topic) && mayRead(connection.user, topic);
    const wrong = allowed
      ? (wrongName(topic, this.#limits) ?? this.#carrier.sessions.tooMany(client, topic, this.#limits.subscriptions))
      : 'this client may not read there';
    if (wrong === undefined) return subscription;
    this.counters.subscriptionsRefused += 1;
    this.#log.warn({ ...named(connection), filter: plain(maskPerson(topic), 128) }, `subscription refused: ${wrong}`);
    return null;
  }

  /** The broker closed it, or the device did without a word. */
  #broke(client: Client, error: NodeJS.ErrnoException): void {
    const connection = this.#connections.get(client);
    if (connection?.condemned) return;
    if (/ in PUBLISH$/.test(error.message)) this.counters.badTopicClosed += 1;
    else this.counters.connectionErrors += 1;
    // What has a code is the network's.
    if (connection === undefined || error.code !== undefined || 'told' in error) return;
    this.#log.warn(named(connection), `closed: ${error.message}`);
  }

  #closeBroken(connection: Connection, what: string): void {
    this.counters.brokenPacketClosed += 1;
    this.#log.warn(named(connection), `closed: ${what}`);
    connection.condemned = true;
    connection.socket.destroy(new Error(what));
  }

  #look(): void {
    this.tick += 1;
    if (this.tick % EXPIRY_TICKS === 0) this.letGo();
    this.counters.pauses = this.inFlight.pauses;
    this.#carrier.sessions.unread = this.#watch.stalled(this.#connections.values(), performance.now());
    if (!this.held) this.#watch.silent(this.#connections.values());
  }

  #fault(thrown: unknown): void {
    this.counters.faults += 1;
    this.#log.warn({ error: messageOf(thrown) }, 'a fault in the door, one connection closed');
  }
}
