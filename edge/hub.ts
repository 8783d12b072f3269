/**
 * The wiring of the edge: gives each room what it needs as functions, starts them in the order of an event's way and
 * stops them in reverse. No decisions here.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreConfig } from '../config/schema.ts';
import { type Address, isLoopback } from '../config/values.ts';
import { dayInZone } from './codecs/business-day.ts';
import { HubJson } from './codecs/hub-json.ts';
import { cardsMasked } from './codecs/masking.ts';
import type { Alert } from './contracts/alerts.ts';
import { HubError, messageOf } from './contracts/errors.ts';
import { KINDS } from './contracts/readings.ts';
import { CountedIntake } from './counted-intake.ts';
import type { Figures, Request } from './crossing.ts';
import type { AddressOptions } from './devices/addresses.ts';
import type { Codec } from './devices/codec.ts';
import { Credentials } from './devices/credentials.ts';
import { limitsFrom } from './devices/door-options.ts';
import { MqttDoor } from './devices/mqtt-door.ts';
import { doorFigures } from './door-figures.ts';
import { HttpDoors, type PublicAddress } from './http-doors.ts';
import { JournalCheck } from './journal/check.ts';
import { concealer, identityKey } from './journal/identity-key.ts';
import { JournalReader } from './journal/reader.ts';
import { StillThere } from './journal/still-there.ts';
import type { JournalThread } from './journal-thread.ts';
import { MqttDelivery } from './notify/mqtt-delivery.ts';
import type { OutMessage } from './notify/outbox.ts';
import { Descriptors, mostOpenFiles, placesWithin } from './ops/descriptors.ts';
import { childLoggers, createLogger, type Loggers } from './ops/logging.ts';
import { createEdgeMetrics } from './ops/metrics.ts';
import { Watchdog } from './ops/watchdog.ts';
import { antennaZones } from './reader-zones.ts';
import { type Screens, screensOf } from './screens.ts';
import { ShopDevices } from './shop-devices.ts';
import { Standing } from './standing.ts';

const HEARTBEAT_MS = 300_000;
/** The journal is looked at while fewer are stored. */
const IDLE_EVENTS_PER_S = 20;
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
  readonly #http: HttpDoors;
  readonly #check: JournalCheck;
  readonly #stillThere: StillThere;
  readonly #descriptors: Descriptors;
  readonly #screens: Screens;
  #reader: JournalReader | undefined;
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
    const open = () => ({ mqtt: this.#door.connections, http: this.#http.doorstep.guests });
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
    this.#http = new HttpDoors({
      address: publicAddressOf(config, places.http),
      shop: config,
      dataDir: config.data_dir,
      liveReaders: config.http.limits.live_readers,
      credentials: this.#credentials,
      journal,
      intake: this.#intake,
      codec: this.#codec,
      decoder: this.#decoder,
      devices: this.#devices,
      door: this.#door,
      screens: this.#screens,
      standing: this.#standing,
      metrics: this.#metrics,
      check: this.#check,
      logger: this.#loggers.http,
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
    await this.#http.start(reader);
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
      ...this.#http.stops,
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

  #onCommit(out: readonly OutMessage[], alerts: readonly Alert[], figures: Figures, silenced: readonly string[]): void {
    for (const topic of silenced) {
      this.#delivery.forget(topic);
      this.#door.forget(topic);
    }
    this.#delivery.push(out);
    this.#screens.hear(out);
    this.#http.tell(alerts);
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
          live: this.#http.live,
          playsRefused: this.#screens.tickets.refused,
          http: this.#http.doorstep,
          signIns: this.#credentials?.counters,
        }),
    });
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

/** Readings need no name where only this machine reaches, or where the configuration says so. */
function publicAddressOf({ http }: StoreConfig, connections: number): PublicAddress {
  const { listen, hosts, limits } = http;
  const isOnNetwork = !isLoopback(listen.host);
  return {
    listen,
    hosts,
    isOnNetwork,
    anonymous: http.allow_anonymous_network || !isOnNetwork,
    pinFile: http.pin_file,
    connections,
    connectionsPerAddress: limits.connections_per_address,
  };
}
