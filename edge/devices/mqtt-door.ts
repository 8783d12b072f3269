/**
 * The hub's own broker (MQTT 3.1.1 over TCP). A QoS 1 publish under `in/` is acknowledged after the journal's receipt;
 * readings never travel around the broker: they end here, so nobody can subscribe to them. Only the hub publishes
 * under `out/`. What a device sends can close its own connection and nothing else.
 */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Aedes, type Client, type ConnectPacket, type PublishPacket, type Subscription } from 'aedes';
import { HubError, messageOf } from '../contracts/errors.ts';
import type { Handshake, SavedSessions } from '../contracts/sessions.ts';
import { Doorstep } from '../ops/doorstep.ts';
import { Admission, IDENTIFIER_REJECTED, type Rejection, sessionName } from './admission.ts';
import { CalmLog } from './calm-log.ts';
import { type Acknowledge, Connection, type DoorSocket, type Holding } from './connection.ts';
import { type DoorCounters, newDoorCounters } from './door-counters.ts';
import { DEFAULT_LIMITS, type DoorLimits, type MqttDoorOptions } from './door-options.ts';
import { foreignWords, refuseVersion } from './foreign-connect.ts';
import { Handshakes } from './handshakes.ts';
import { InFlight } from './in-flight.ts';
import { LargePackets } from './large-packets.ts';
import type { PacketLimits } from './packet-scanner.ts';
import { Publishing } from './publishing.ts';
import { isForbiddenFilter, plain, wrongName } from './topics.ts';
import { mayRead } from './users.ts';

/** What waits for the journal over all transports: what it stores in a part of a second. */
const MOST_IN_FLIGHT = 8_388_608;
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
  readonly #handshakes: Handshakes;
  readonly #admission: Admission;
  readonly #connections = new Map<Client, Connection>();
  readonly #doorstep: Doorstep;
  /** Connections that would be read if reading were not held, the longest wait first. */
  #waiting = new Set<Connection>();
  #broker: Aedes | undefined;
  #server: Server | undefined;
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
    this.#handshakes = new Handshakes(options.keep ?? (() => Promise.resolve()), () => performance.now());
    this.#publishing = new Publishing({
      intake: options.intake,
      codec: options.codec,
      inFlight: this.inFlight,
      handshakes: this.#handshakes,
      counters: this.counters,
      log: this.#log,
      qos0Limit: qos0,
      topics: this.#limits,
      now: options.now ?? Date.now,
    });
    this.#admission = new Admission({ credentials: options.credentials, counters: this.counters, log: this.#log });
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
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
    this.#waiting.add(connection);
  }

  tooFast(connection: Connection): void {
    this.counters.slowed += 1;
    this.#log.warn(
      named(connection),
      `it sends more than ${this.#limits.rate} messages a second and is read more slowly`,
    );
  }

  foreign(connection: Connection, level: number, clientId: string): void {
    if (level === 5) this.counters.mqtt5Closed += 1;
    else this.counters.unknownLevelClosed += 1;
    this.#log.warn({ ...named(connection), client: plain(clientId, 128) }, foreignWords(level, clientId));
    connection.condemned = true;
    refuseVersion(connection.socket, level);
  }

  /** Resolves when devices can connect; `saved` is what was kept of an earlier run. Throws HubError PORT_IN_USE. */
  async start(saved?: SavedSessions): Promise<{ port: number }> {
    this.#handshakes.restore(saved?.handshakes ?? []);
    const broker = await this.#createBroker();
    this.#broker = broker;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(broker, socket));
    this.#server = server;
    this.inFlight.onResume(() => this.#resume());
    this.#sweep = setInterval(() => this.#lookForSilence(), 1000);
    this.#sweep.unref();
    const { host, port } = this.#options.listen;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          error.code === 'EADDRINUSE'
            ? new HubError('PORT_IN_USE', `mqtt.listen: ${host}:${port} is taken`, { cause: error })
            : error,
        );
      });
      server.listen(port, host, resolve);
    });
    return { port: (server.address() as AddressInfo).port };
  }

  /** Takes nothing more, waits up to `graceMs` for the receipts in flight, then closes every connection. */
  async stop(graceMs = 5000): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#sweep);
    const { server, broker } = { server: this.#server, broker: this.#broker };
    const closed = new Promise<void>((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
    const until = performance.now() + graceMs;
    while (this.inFlight.deliveries > 0 && performance.now() < until) await delay(5);
    // The last acknowledgements are written at the end of this turn.
    await nextTurn();
    await nextTurn();
    await new Promise<void>((resolve) => (broker === undefined ? resolve() : broker.close(resolve)));
    for (const { socket } of this.#connections.values()) socket.destroy();
    await closed;
  }

  /** The hub's own messages; resolves when every subscriber that is there has been written to. */
  publishOut(
    topic: string,
    payload: string | Buffer,
    options: { readonly retain?: boolean; readonly qos?: 0 | 1 } = {},
  ): Promise<void> {
    const broker = this.#broker;
    if (broker === undefined || broker.closed)
      return Promise.reject(new HubError('NOT_STORED', 'the broker is closed'));
    if (!topic.startsWith('out/')) return Promise.reject(new Error(`not a topic of the hub: ${topic}`));
    const { retain = false, qos = 1 } = options;
    return new Promise((resolve, reject) => {
      broker.publish({ cmd: 'publish', topic, payload, retain, qos, dup: false }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  async #createBroker(): Promise<Aedes> {
    const broker = await Aedes.createBroker({
      concurrency: 1000,
      connectTimeout: this.#limits.connectTimeout,
      drainTimeout: this.#limits.drainTimeout,
      preConnect: (client, packet, callback) => callback(null, this.#meet(client, packet)),
      authenticate: (client, user, password, callback) => {
        this.#authenticate(client, user, password, (rejection) => {
          if (rejection === undefined) callback(null, true);
          else callback(Object.assign(new Error(rejection.reason), { returnCode: rejection.returnCode }), false);
        });
      },
      // A session may have subscriptions from before its user lost a permission.
      authorizeForward: (client, packet) =>
        mayRead(this.#connections.get(client)?.user, packet.topic) ? packet : null,
      authorizePublish: (client, packet, callback) => this.#authorizePublish(client, packet, callback),
      authorizeSubscribe: (client, subscription, callback) => callback(null, this.#granted(client, subscription)),
    });
    broker.on('error' as 'closed', ((error: Error) => this.#fault(error)) as () => void);
    broker.on('connectionError', (client, error) => this.#broke(client, error));
    broker.on('clientError', (client, error) => this.#broke(client, error));
    endReadingsHere(broker);
    this.#rememberHandshakes(broker);
    return broker;
  }

  /** The broker asks its memory before it answers PUBREL, and before it begins a clean session. */
  #rememberHandshakes(broker: Aedes): void {
    Object.assign((broker as Aedes & { readonly persistence: object }).persistence, {
      incomingGetPacket: ({ id }: Client, packet: PublishPacket): Promise<Handshake> => {
        const entry = this.#handshakes.get(id, packet.messageId ?? 0);
        return entry === undefined ? Promise.reject(new Error('no such packet')) : Promise.resolve(entry);
      },
      incomingDelPacket: async ({ id, conn }: Client, packet: PublishPacket): Promise<void> => {
        try {
          await this.#handshakes.release(id, packet.messageId ?? 0);
        } catch (thrown) {
          // The broker would confirm it in any case, so it must not hear of it.
          this.#log.warn(
            { client: id, reason: messageOf(thrown) },
            'a release could not be written, connection closed',
          );
          conn.destroy();
          await new Promise(() => undefined);
        }
      },
      cleanIncoming: ({ id }: Client): Promise<void> => this.#handshakes.forget(id),
    });
  }

  #accept(broker: Aedes, socket: DoorSocket): void {
    const guest = this.#doorstep.enter(socket.remoteAddress, () => {
      this.counters.silentReplaced += 1;
      this.#log.warn({ address: socket.remoteAddress }, 'closed without a CONNECT: newer connections needed its place');
      socket.destroy();
    });
    if (guest === undefined) {
      this.counters.connectionsRefused += 1;
      this.#log.warn({ address: socket.remoteAddress }, 'connection turned away: too many are open (mqtt.limits)');
      socket.destroy();
      return;
    }
    this.counters.connectionsAccepted += 1;
    const client = broker.handle(socket);
    const connection = new Connection(client, socket, this.#packetLimits, this);
    connection.guest = guest;
    connection.anonymous = this.#options.anonymous ?? true;
    this.#connections.set(client, connection);
    socket.once('close', () => {
      this.#connections.delete(client);
      this.#waiting.delete(connection);
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
    // MQTT-3.1.3-8: without an id there is no session to keep.
    if (packet.clientId === '' && packet.clean === false)
      connection.rejected = 'an empty client id needs a clean session';
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
    const introduction = { id: client.id, user: user ?? undefined, password: password ?? undefined, will };
    this.#admission.decide(connection, introduction, (rejection) => {
      // Before the broker looks for the session.
      if (connection.user !== undefined) client.id = sessionName(connection.user, client.id);
      done(rejection);
    });
  }

  #authorizePublish(client: Client | null, packet: PublishPacket, acknowledge: Acknowledge): void {
    try {
      // A will has no packet id, and comes from a client that is closed already, or is gone.
      if (client === null || client.closed) {
        if (packet.messageId !== undefined && client !== null) return;
        const sent = !this.#stopping && this.#publishing.will(client?.id ?? '', packet);
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

  /** Null is answered with "failure" in the SUBACK. */
  #granted(client: Client, subscription: Subscription): Subscription | null {
    const connection = this.#connections.get(client);
    if (connection === undefined) return null;
    const { topic } = subscription;
    const allowed = !isForbiddenFilter(topic) && mayRead(connection.user, topic);
    const wrong = allowed
      ? (wrongName(topic, this.#limits) ?? connection.filters.add(topic, this.#limits.subscriptions))
      : 'this client may not read there';
    if (wrong === undefined) return subscription;
    this.counters.subscriptionsRefused += 1;
    this.#log.warn({ ...named(connection), filter: plain(topic, 128) }, `subscription refused: ${wrong}`);
    return null;
  }

  /** The broker closed it, or the device did without a word. */
  #broke(client: Client, error: NodeJS.ErrnoException): void {
    const connection = this.#connections.get(client);
    if (connection?.condemned) return;
    if (/ in PUBLISH$/.test(error.message)) this.counters.badTopicClosed += 1;
    else this.counters.connectionErrors += 1;
    // What has a code is the network's.
    if (connection === undefined || error.code !== undefined) return;
    this.#log.warn(named(connection), `closed: ${error.message}`);
  }

  #closeBroken(connection: Connection, what: string): void {
    this.counters.brokenPacketClosed += 1;
    this.#log.warn(named(connection), `closed: ${what}`);
    connection.condemned = true;
    connection.socket.destroy(new Error(what));
  }

  #lookForSilence(): void {
    this.tick += 1;
    if (this.tick % EXPIRY_TICKS === 0) this.#handshakes.expire().catch((thrown) => this.#fault(thrown));
    this.counters.pauses = this.inFlight.pauses;
    if (this.held) return;
    for (const connection of this.#connections.values()) {
      if (connection.silent) {
        this.counters.keepAliveClosed += 1;
        connection.condemned = true;
        connection.socket.destroy(new Error('keep alive timeout'));
      } else if (connection.packetAge > this.#limits.packetAge) {
        this.#closeBroken(connection, `a packet was begun and not ended in ${this.#limits.packetAge} s`);
      }
    }
  }

  #resume(): void {
    if (this.held) return;
    // In the order in which they were held: who finds it held again goes to the end of the line.
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const connection of waiting) connection.resume();
    for (const connection of this.#connections.values()) if (!waiting.has(connection)) connection.resume();
  }

  #fault(thrown: unknown): void {
    this.counters.faults += 1;
    this.#log.warn({ error: messageOf(thrown) }, 'a fault in the door, one connection closed');
  }
}

/** Which connection, for the log. */
function named({ client, address }: Connection): { client: string; address: string | undefined } {
  return { client: plain(client.id ?? '', 128), address };
}

/** What clients publish is not forwarded: only the broker's own announcements and the hub's `out/` go round. */
function endReadingsHere(broker: Aedes): void {
  const publish = broker.publish.bind(broker);
  const done = (callback: unknown): void => {
    if (typeof callback === 'function') callback(null);
  };
  broker.publish = ((packet: PublishPacket, client: unknown, callback: unknown) => {
    // From a client it has three arguments, from the hub two.
    if (typeof client !== 'function') done(callback);
    else if (packet.topic.startsWith('out/') || packet.topic.startsWith('$SYS/')) publish(packet, client as () => void);
    else done(client);
  }) as typeof broker.publish;
}
