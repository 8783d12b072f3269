/**
 * The wiring of the edge: gives each room what it needs as functions, starts them in the order of an event's way and
 * stops them in reverse. No decisions here.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { StoreConfig } from '../config/schema.ts';
import { type Address, isLoopback } from '../config/values.ts';
import { bridgeRoutes } from './bridge-routes.ts';
import { claimsDesk } from './claims-desk.ts';
import { dayInZone } from './codecs/business-day.ts';
import { HubJson } from './codecs/hub-json.ts';
import { cardsMasked } from './codecs/masking.ts';
import type { Alert, AlertCommand } from './contracts/alerts.ts';
import { type AcknowledgeRequest, EDGE_SOCKET } from './contracts/edge-socket.ts';
import { HubError, isDamage, messageOf } from './contracts/errors.ts';
import { KINDS } from './contracts/readings.ts';
import { CountedIntake } from './counted-intake.ts';
import type { Figures, Request } from './crossing.ts';
import { deviceRoutes } from './device-routes.ts';
import type { AddressOptions } from './devices/addresses.ts';
import { userOf } from './devices/basic-auth.ts';
import type { Codec } from './devices/codec.ts';
import { Credentials } from './devices/credentials.ts';
import { limitsFrom } from './devices/door-options.ts';
import { httpIn } from './devices/http-in.ts';
import { MqttDoor } from './devices/mqtt-door.ts';
import { doorFigures } from './door-figures.ts';
import { JournalCheck } from './journal/check.ts';
import { concealer, identityKey } from './journal/identity-key.ts';
import { JournalReader } from './journal/reader.ts';
import { StillThere } from './journal/still-there.ts';
import type { JournalThread } from './journal-thread.ts';
import { MqttDelivery } from './notify/mqtt-delivery.ts';
import type { OutMessage } from './notify/outbox.ts';
import { Descriptors, mostOpenFiles, placesWithin } from './ops/descriptors.ts';
import { Doorstep } from './ops/doorstep.ts';
import { healthRoutes, metricsRoute } from './ops/health.ts';
import { createHttp, listenTcp, listenUnix } from './ops/http.ts';
import { childLoggers, createLogger, type Loggers } from './ops/logging.ts';
import { createEdgeMetrics } from './ops/metrics.ts';
import { readPin } from './ops/secret-file.ts';
import { Watchdog } from './ops/watchdog.ts';
import { antennaZones } from './reader-zones.ts';
import { retrying } from './retrying.ts';
import { type Screens, screensOf } from './screens.ts';
import { ShopDevices } from './shop-devices.ts';
import { type ActionOutcome, type StaffDesk, staffApi } from './staff/api.ts';
import { claimsApi } from './staff/claims-api.ts';
import { staffGate } from './staff/gate.ts';
import { machineAccess } from './staff/machine-access.ts';
import { staffPages } from './staff/pages.ts';
import { screensApi } from './staff/screens-api.ts';
import { Sessions } from './staff/sessions.ts';
import { shoppersApi } from './staff/shoppers-api.ts';
import { Standing } from './standing.ts';

const HEARTBEAT_MS = 300_000;
/** The journal is looked at while fewer are stored. */
const IDLE_EVENTS_PER_S = 20;
/** Bytes of a request's body at the public address, except readings: an unknown sender must not make the hub hold more. */
const MOST_BODY = 16_384;
const STATUS_TOPIC = 'out/hub/status';

export class Hub {
  readonly #config: StoreConfig;
  readonly #loggers: Loggers;
  readonly #metrics = createEdgeMetrics();
  readonly #synced: () => boolean;
  readonly #journal: JournalThread;
  readonly #standing: Standing;
  readonly #codec: Codec;
  readonly #decoder: HubJson;
  readonly #devices: ShopDevices;
  readonly #intake: CountedIntake;
  readonly #credentials: Credentials | undefined;
  readonly #door: MqttDoor;
  readonly #delivery: MqttDelivery;
  readonly #watchdog: Watchdog;
  readonly #alertListeners = new Set<(alert: Alert) => void>();
  readonly #httpDoorstep: Doorstep;
  readonly #check: JournalCheck;
  readonly #stillThere: StillThere;
  readonly #descriptors: Descriptors;
  readonly #liveCounters = { stalled: 0, turnedAway: 0 };
  readonly #screens: Screens;
  #reader: JournalReader | undefined;
  #servers: FastifyInstance[] = [];
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(config: StoreConfig, journal: JournalThread, synced: () => boolean) {
    this.#config = config;
    this.#journal = journal;
    this.#synced = synced;
    this.#loggers = childLoggers(createLogger('edge'));
    this.#standing = new Standing(config.cloud !== undefined, this.#loggers.journal);
    this.#watchdog = new Watchdog({
      status: () => this.#standing.line(this.#metrics.stored.rates()),
      onFault: (reason) => this.#loggers.journal.warn({ reason }, 'the service manager cannot be told anything'),
    });
    const facings = new Map(config.planogram.map((facing) => [facing.shelf, facing]));
    const conceal = concealer(identityKey(config.data_dir));
    const dayAt = dayInZone(config.timezone);
    const zoneOf = antennaZones(config.devices);
    this.#decoder = new HubJson({ facing: (shelf) => facings.get(shelf), dayAt, conceal, zoneOf });
    this.#codec = this.#countingCodec();
    this.#intake = new CountedIntake(this.#journal, this.#metrics);
    this.#devices = new ShopDevices({
      config,
      decoder: this.#decoder,
      intake: this.#intake,
      request: (request) => journal.request(request),
      synced,
      counted: (kind, readings) => {
        this.#metrics.accepted[kind] += readings;
      },
      logger: this.#loggers.devices,
    });
    this.#screens = screensOf(config, config.http.limits.live_readers, (request) => journal.request(request));
    const { users } = config.mqtt;
    const files = mostOpenFiles();
    const wanted = { mqtt: config.mqtt.limits.connections, http: config.http.limits.connections };
    const places = placesWithin(files, wanted);
    this.#credentials = users.length === 0 ? undefined : new Credentials({ users, logger: this.#loggers.door });
    this.#door = new MqttDoor({
      ...addressesOf(config),
      credentials: this.#credentials,
      intake: this.#intake,
      codec: this.#codec,
      frames: this.#devices.frames,
      conceal,
      keep: async (changes) => void (await this.#journal.request({ op: 'sessions', changes })),
      limits: { ...limitsFrom(config.mqtt.limits), connections: places.mqtt },
      logger: this.#loggers.door,
    });
    this.#standing.alsoSay(() => this.#door.warnings);
    this.#standing.alsoSay(() => this.#devices.reasons);
    this.#httpDoorstep = new Doorstep({
      connections: places.http,
      perAddress: config.http.limits.connections_per_address,
    });
    const open = () => ({ mqtt: this.#door.connections, http: this.#httpDoorstep.guests });
    this.#descriptors = new Descriptors({ files, places, wanted, open, logger: this.#loggers.door });
    this.#standing.alsoSay(() => this.#descriptors.reasons);
    this.#stillThere = new StillThere(config.data_dir, (reason) =>
      this.#journal.giveUp(new HubError('JOURNAL_GONE', reason)),
    );
    this.#check = new JournalCheck({
      dataDir: config.data_dir,
      isIdle: () => this.#metrics.stored.rates().eventsPerSecond < IDLE_EVENTS_PER_S,
      onSound: (rows) => this.#loggers.journal.info({ rows }, 'the journal was checked: it is sound'),
      onDamage: (cause) => this.#journal.giveUp(new HubError('JOURNAL_DAMAGED', cause)),
    });
    this.#delivery = new MqttDelivery({
      publish: (topic, payload, options) => this.#door.publishOut(topic, payload, options),
      delivered: (ids) => void this.#request({ op: 'delivered', ids }),
      logger: this.#loggers.notify,
    });
  }

  /** Resolves when devices are served. */
  async start(): Promise<void> {
    // While the journal opens in its thread; once it is open nothing may come before somebody listens.
    await this.#devices.load();
    const { incarnation, out, open, sessions } = await this.#journal.start();
    this.#screens.hear(out);
    this.#devices.start();
    this.#journal.listen((more, alerts, figures, silenced) => this.#onCommit(more, alerts, figures, silenced));
    const reader = JournalReader.open(this.#config.data_dir);
    this.#reader = reader;
    this.#stillThere.start();
    this.#standing.watch(reader);
    this.#watchMetrics(reader);
    await this.#serve(reader);
    const { port, tlsPort, websocketPort } = await this.#door.start(sessions);
    this.#delivery.start(out, open);
    await this.#devices.openTransports();
    await this.#door.publishOut(STATUS_TOPIC, 'online', { retain: true });
    this.#beat();
    this.#check.start();
    this.#descriptors.start();
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    const { hub, mqtt, http } = this.#config;
    this.#loggers.door.info(
      {
        hub,
        incarnation,
        mqtt: `${mqtt.listen.host}:${port}`,
        ...(mqtt.tls && { 'mqtt.tls': `${mqtt.tls.listen.host}:${tlsPort}` }),
        ...(mqtt.websocket && { 'mqtt.websocket': `${mqtt.websocket.listen.host}:${websocketPort}` }),
        http: `${http.listen.host}:${http.listen.port}`,
        openAlerts: open.length,
      },
      'the hub is up',
    );
    this.#watchdog.ready();
  }

  /** A frozen subscriber must not hold up the stop. */
  async #sayOffline(): Promise<void> {
    if (!this.#heartbeat) return;
    await Promise.race([
      this.#door.publishOut(STATUS_TOPIC, 'offline', { retain: true }),
      delay(1000, undefined, { ref: false }),
    ]);
  }

  /** In reverse, every step attempted; what was accepted is on disk afterwards. */
  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#watchdog.stopping();
    const attempt = async (step: () => unknown): Promise<void> => {
      try {
        await step();
      } catch (error) {
        this.#loggers.journal.warn({ reason: messageOf(error) }, 'a step of the stop failed');
      }
    };
    const steps: (() => unknown)[] = [
      () => this.#check.stop(),
      () => this.#descriptors.stop(),
      () => this.#stillThere.stop(),
      () => this.#sayOffline(),
      // At once: each may wait some seconds for what is on its way.
      () => Promise.all(this.#devices.stops.transports.map(attempt)),
      () => this.#door.stop(),
      this.#devices.stops.desk,
      () => this.#delivery.stop(),
      ...this.#servers.map((server) => () => server.close()),
      // Before the writer, which brings the log into the database when nobody else has it open.
      () => this.#reader?.close(),
      () => this.#journal.stop(),
    ];
    for (const step of steps) await attempt(step);
    if (this.#heartbeat) this.#loggers.journal.info('the hub has stopped');
  }

  /** Decodes, tells the register, and counts the readings of which nothing is kept: they never reach the journal. */
  #countingCodec(): Codec {
    return {
      decode: (kind, device, payload, received) => {
        const decoded = this.#decoder.decode(kind, device, payload, received);
        if (decoded.ok) {
          const { readings, counted } = decoded;
          if (counted > 0) this.#metrics.accepted[kind] += counted;
          this.#devices.register.seen(device, received, { kind, readings, counted, bytes: payload });
        } else this.#devices.register.refused(device, received, decoded.reason, decoded.bytes ?? undefined);
        return decoded;
      },
      mask: this.#decoder.mask,
      maskCards: cardsMasked,
    };
  }

  /** The public address and edge.sock have the same routes; the socket has the bridge's and the command line's too. */
  async #serve(reader: JournalReader): Promise<void> {
    const { http, data_dir } = this.#config;
    const open = createHttp({
      hosts: http.hosts,
      logger: this.#loggers.http,
      doorstep: this.#httpDoorstep,
      bodyLimit: MOST_BODY,
    });
    const local = createHttp({ hosts: [], logger: this.#loggers.http, local: true });
    this.#servers = [open, local];
    const sessions = this.#sessions();
    if (sessions !== undefined) staffGate(open, { sessions, logger: this.#loggers.http });
    const access = { credentials: this.#credentials, demanded: !openToAll(http) };
    machineAccess(open, {
      sessions,
      userOf: (request, named) => userOf(request, { ...access, demanded: access.demanded || named }),
      ...(!isLoopback(http.listen.host) && { network: { hasUsers: access.credentials !== undefined } }),
    });
    for (const app of this.#servers) {
      app.addHook('onError', async (_request, _reply, error) => {
        if (isDamage(error)) this.#check.soon();
      });
      healthRoutes(app, () => this.#standing.readiness());
      metricsRoute(app, this.#metrics.registry);
      await app.register(staffApi, {
        desk: this.#staffDesk(reader),
        liveReaders: http.limits.live_readers,
        liveCounters: this.#liveCounters,
      });
      await app.register(screensApi, {
        desk: this.#screens,
        liveReaders: http.limits.live_readers,
        liveCounters: this.#liveCounters,
      });
      await app.register(claimsApi, { desk: claimsDesk((request) => this.#journal.request(request)) });
      await app.register(shoppersApi, {
        desk: { erase: async (shopper) => (await this.#journal.request({ op: 'erase', shopper })) === true },
      });
      await app.register(httpIn, {
        intake: this.#intake,
        codec: this.#codec,
        frames: this.#devices.frames,
        inFlight: this.#door.inFlight,
        counters: this.#door.counters,
        ...(app === open && { access }),
      });
      staffPages(app);
    }
    deviceRoutes(local, this.#devices.register, () => this.#standing.deadAntennas);
    bridgeRoutes(local, {
      request: async (request) => {
        const answer = await this.#journal.request(request);
        if (request.op === 'acknowledge') this.#countAcknowledged(request.request);
        return answer;
      },
      retry: retrying(
        reader,
        this.#decoder,
        this.#intake,
        (request) => this.#journal.request(request),
        this.#devices.desk,
      ),
      discard: async (letter) => (await this.#journal.request({ op: 'discard', letter })) === true,
      check: () => this.#check.soon(),
    });
    await listenUnix(local, join(data_dir, EDGE_SOCKET));
    await listenTcp(open, http.listen);
  }

  /** Who has entered the PIN; undefined: nobody is asked for it. Throws HubError CONFIG_INVALID. */
  #sessions(): Sessions | undefined {
    const { pin_file, listen } = this.#config.http;
    if (pin_file === undefined || isLoopback(listen.host)) return undefined;
    const read = readPin(pin_file);
    if ('fault' in read) throw new HubError('CONFIG_INVALID', `http.pin_file: ${read.fault}`);
    return new Sessions(read);
  }

  #staffDesk(reader: JournalReader): StaffDesk {
    const { campaigns, planogram, timezone } = this.#config;
    const dayAt = dayInZone(timezone);
    return {
      hub: this.#config.hub,
      alerts: (all) => reader.alerts(all),
      offers: () => reader.offers({ campaigns, planogram, timezone, today: dayAt(Date.now()), wall: Date.now() }),
      act: async (command: AlertCommand) => (await this.#journal.request({ op: 'act', command })) as ActionOutcome,
      onAlert: (listener) => {
        this.#alertListeners.add(listener);
        return () => this.#alertListeners.delete(listener);
      },
      status: () => ({ up: true, ...this.#standing.status(this.#metrics.stored.rates()) }),
    };
  }

  #onCommit(out: readonly OutMessage[], alerts: readonly Alert[], figures: Figures, silenced: readonly string[]): void {
    for (const topic of silenced) {
      this.#delivery.forget(topic);
      this.#door.forget(topic);
    }
    this.#delivery.push(out);
    this.#screens.hear(out);
    for (const alert of alerts) for (const listener of this.#alertListeners) listener(alert);
    this.#intake.settle();
    this.#standing.onCommit(figures);
    // A disk that is full or read-only answers, too: a restart would not mend it.
    if (figures.committed || figures.refusing !== undefined) this.#watchdog.progress();
    Object.assign(this.#metrics.dropped, figures.dropped);
    Object.assign(this.#metrics.noOffers, figures.noOffers);
    this.#metrics.lettersExpired = figures.lettersExpired;
    this.#metrics.sensingForgotten = figures.forgotten;
    this.#metrics.items = figures.items;
    for (const kind of KINDS) this.#metrics.conflicting[kind] += figures.conflicting[kind] ?? 0;
    let events = 0;
    let bytes = 0;
    for (const appended of figures.appended) {
      this.#metrics.journaled(appended.type, appended.count);
      events += appended.count;
      bytes += appended.bytes;
      if (appended.type === 'retail.devices.heartbeat.v1') this.#metrics.heartbeats += appended.count;
      if (appended.type === 'retail.devices.clockstepped.v1') this.#metrics.clockSteps += appended.count;
    }
    if (figures.committed) this.#metrics.committed(figures.commitMs / 1000, events, bytes);
  }

  #watchMetrics(reader: JournalReader): void {
    this.#metrics.watch({
      buffer: () => reader.buffer(),
      journal: () => ({ ...this.#standing.disk, budgetBytes: this.#config.journal.disk_budget }),
      deadLetters: () => reader.deadLetterTotals(),
      alerts: () => reader.alerts(false),
      outboxWaiting: () => this.#delivery.waiting,
      quarantined: () => this.#standing.quarantinedByRule(),
      ready: () => this.#standing.readiness(),
      devices: () => this.#devices.figures(this.#standing.quiet),
      door: () =>
        doorFigures({
          door: this.#door,
          decoded: this.#decoder.counters,
          shoppersRemoved: this.#standing.shoppersRemoved,
          live: this.#liveCounters,
          playsRefused: this.#screens.tickets.refused,
          http: this.#httpDoorstep,
          signIns: this.#credentials?.counters,
        }),
    });
  }

  /** The bridge says how much head office took since it last said so. */
  #countAcknowledged({ events = 0, bytes = 0 }: AcknowledgeRequest): void {
    this.#metrics.acknowledged += events;
    this.#metrics.out.add(events, bytes);
  }

  #beat(): void {
    const { events, oldest_age_s } = this.#standing.buffer();
    void this.#request({ op: 'beat', buffer: { events, oldest_age_s }, synced: this.#synced() });
  }

  /** A request whose answer nobody waits for. */
  async #request(request: Request): Promise<void> {
    try {
      await this.#journal.request(request);
    } catch (error) {
      this.#loggers.journal.warn({ op: request.op, reason: messageOf(error) }, 'could not be written now');
    }
  }
}

/** Whether readings by HTTP need no name: on this machine, or where the configuration says so. */
function openToAll({ listen, allow_anonymous_network }: StoreConfig['http']): boolean {
  return allow_anonymous_network || isLoopback(listen.host);
}

/** The broker's addresses. Without a name a client comes in where only this machine reaches, or where all may. */
function addressesOf({ mqtt, http }: StoreConfig): AddressOptions {
  const { listen, tls, websocket } = mqtt;
  const open = (at: { readonly listen: Address }) => ({
    listen: at.listen,
    anonymous: mqtt.anonymous && (mqtt.allow_anonymous_network || isLoopback(at.listen.host)),
  });
  return {
    ...open({ listen }),
    tls: tls && { ...open(tls), files: tls },
    websocket: websocket && { ...open(websocket), hosts: http.hosts },
  };
}
