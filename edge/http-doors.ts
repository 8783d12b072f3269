/**
 * The doors by HTTP: the public address, with its gates, and edge.sock. What each of them serves, and what the staff's
 * pages are given.
 */
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { bridgeRoutes } from './bridge-routes.ts';
import { claimsDesk } from './claims-desk.ts';
import { dayInZone } from './codecs/business-day.ts';
import type { HubJson } from './codecs/hub-json.ts';
import type { Alert, AlertCommand } from './contracts/alerts.ts';
import type { Campaign } from './contracts/campaigns.ts';
import { type AcknowledgeRequest, EDGE_SOCKET } from './contracts/edge-socket.ts';
import { HubError, isDamage } from './contracts/errors.ts';
import type { Facing } from './contracts/planogram.ts';
import type { CountedIntake } from './counted-intake.ts';
import type { Request } from './crossing.ts';
import { deviceRoutes } from './device-routes.ts';
import { type HttpAccess, userOf } from './devices/basic-auth.ts';
import type { Codec } from './devices/codec.ts';
import type { Credentials } from './devices/credentials.ts';
import { httpIn } from './devices/http-in.ts';
import type { MqttDoor } from './devices/mqtt-door.ts';
import type { JournalCheck } from './journal/check.ts';
import type { JournalReader } from './journal/reader.ts';
import { Doorstep } from './ops/doorstep.ts';
import type { EdgeMetrics } from './ops/edge-metrics.ts';
import { healthRoutes, metricsRoute } from './ops/health.ts';
import { createHttp, listenTcp, listenUnix } from './ops/http.ts';
import type { Logger } from './ops/logging.ts';
import { readPin } from './ops/secret-file.ts';
import { retrying } from './retrying.ts';
import type { Screens } from './screens.ts';
import type { ShopDevices } from './shop-devices.ts';
import { type ActionOutcome, type StaffDesk, staffApi } from './staff/api.ts';
import { claimsApi } from './staff/claims-api.ts';
import { staffGate } from './staff/gate.ts';
import { machineAccess } from './staff/machine-access.ts';
import { staffPages } from './staff/pages.ts';
import { screensApi } from './staff/screens-api.ts';
import { Sessions } from './staff/sessions.ts';
import { shoppersApi } from './staff/shoppers-api.ts';
import type { Standing } from './standing.ts';

/** Bytes of a request's body at the public address, except readings: an unknown sender must not make the hub hold more. */
const MOST_BODY = 16_384;

export interface PublicAddress {
  readonly listen: { readonly host: string; readonly port: number };
  /** Names beside IP literals and localhost under which it may be addressed. */
  readonly hosts: readonly string[];
  /** Whether more than this machine reaches it. */
  readonly isOnNetwork: boolean;
  /** Whether readings need no name. */
  readonly anonymous: boolean;
  /** Absent: nobody is asked for a PIN. */
  readonly pinFile: string | undefined;
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

interface Shop {
  readonly hub: string;
  readonly planogram: readonly Facing[];
  readonly campaigns: readonly Campaign[];
  /** IANA name. */
  readonly timezone: string;
}

export interface HttpDoorsParts {
  readonly address: PublicAddress;
  readonly shop: Shop;
  /** Where edge.sock lies. */
  readonly dataDir: string;
  /** Readers of live news at the same time, at each door. */
  readonly liveReaders: number;
  /** Absent: there are no users. */
  readonly credentials: Credentials | undefined;
  readonly journal: { request(request: Request): Promise<unknown> };
  readonly intake: CountedIntake;
  readonly codec: Codec;
  readonly decoder: HubJson;
  readonly devices: ShopDevices;
  /** Readings by HTTP share its bounds and counters. */
  readonly door: MqttDoor;
  readonly screens: Screens;
  readonly standing: Standing;
  readonly metrics: EdgeMetrics;
  readonly check: JournalCheck;
  readonly logger: Logger;
}

export class HttpDoors {
  readonly #parts: HttpDoorsParts;
  /** Connections at the public address. */
  readonly doorstep: Doorstep;
  /** Readers of live news that were closed, and that were not let in. */
  readonly live = { stalled: 0, turnedAway: 0 };
  readonly #alertListeners = new Set<(alert: Alert) => void>();
  #servers: FastifyInstance[] = [];

  constructor(parts: HttpDoorsParts) {
    this.#parts = parts;
    const { connections, connectionsPerAddress } = parts.address;
    this.doorstep = new Doorstep({ connections, perAddress: connectionsPerAddress });
  }

  /** Steps of the stop. */
  get stops(): (() => unknown)[] {
    return this.#servers.map((server) => () => server.close());
  }

  /** To everybody who reads live. */
  tell(alerts: readonly Alert[]): void {
    for (const alert of alerts) for (const listener of this.#alertListeners) listener(alert);
  }

  /**
   * The public address and edge.sock have the same routes; the socket has the bridge's and the command line's too.
   * Throws HubError CONFIG_INVALID, PORT_IN_USE.
   */
  async start(reader: JournalReader): Promise<void> {
    const { address, dataDir, logger } = this.#parts;
    const open = createHttp({ hosts: address.hosts, logger, doorstep: this.doorstep, bodyLimit: MOST_BODY });
    const local = createHttp({ hosts: [], logger, local: true });
    this.#servers = [open, local];
    const access = this.#guard(open);
    const desk = this.#staffDesk(reader);
    await this.#serve(open, desk, access);
    await this.#serve(local, desk, undefined);
    this.#serveOwn(local, reader);
    await listenUnix(local, join(dataDir, EDGE_SOCKET));
    await listenTcp(open, address.listen);
  }

  /** Who may come in at the public address; returns what readings by HTTP need. */
  #guard(open: FastifyInstance): HttpAccess {
    const { address, credentials, logger } = this.#parts;
    const sessions = this.#sessions();
    if (sessions !== undefined) staffGate(open, { sessions, logger });
    const access = { credentials, demanded: !address.anonymous };
    machineAccess(open, {
      sessions,
      userOf: (request, named) => userOf(request, { ...access, demanded: access.demanded || named }),
      ...(address.isOnNetwork && { network: { hasUsers: credentials !== undefined } }),
    });
    return access;
  }

  async #serve(app: FastifyInstance, desk: StaffDesk, access: HttpAccess | undefined): Promise<void> {
    const { liveReaders, journal, intake, codec, devices, door, screens, standing, metrics, check } = this.#parts;
    const liveCounters = this.live;
    app.addHook('onError', async (_request, _reply, error) => {
      if (isDamage(error)) check.soon();
    });
    healthRoutes(app, () => standing.readiness());
    metricsRoute(app, metrics.registry);
    await app.register(staffApi, { desk, liveReaders, liveCounters });
    await app.register(screensApi, { desk: screens, liveReaders, liveCounters });
    await app.register(claimsApi, { desk: claimsDesk((request) => journal.request(request)) });
    await app.register(shoppersApi, {
      desk: { erase: async (shopper) => (await journal.request({ op: 'erase', shopper })) === true },
    });
    const { frames } = devices;
    const { inFlight, counters } = door;
    await app.register(httpIn, { intake, codec, frames, inFlight, counters, ...(access && { access }) });
    staffPages(app);
  }

  /** What edge.sock has alone. */
  #serveOwn(local: FastifyInstance, reader: JournalReader): void {
    const { journal, intake, decoder, devices, standing, check } = this.#parts;
    const request = (one: Request): Promise<unknown> => journal.request(one);
    deviceRoutes(local, devices.register, () => standing.deadAntennas);
    bridgeRoutes(local, {
      request: async (one) => {
        const answer = await request(one);
        if (one.op === 'acknowledge') this.#countAcknowledged(one.request);
        return answer;
      },
      retry: retrying(reader, decoder, intake, request, devices.desk, devices.frames),
      discard: async (letter) => (await request({ op: 'discard', letter })) === true,
      check: () => check.soon(),
    });
  }

  /** Who has entered the PIN; undefined: nobody is asked for it. Throws HubError CONFIG_INVALID. */
  #sessions(): Sessions | undefined {
    const { pinFile, isOnNetwork } = this.#parts.address;
    if (pinFile === undefined || !isOnNetwork) return undefined;
    const read = readPin(pinFile);
    if ('fault' in read) throw new HubError('CONFIG_INVALID', `http.pin_file: ${read.fault}`);
    return new Sessions(read);
  }

  #staffDesk(reader: JournalReader): StaffDesk {
    const { shop, journal, standing, metrics } = this.#parts;
    const { campaigns, planogram, timezone } = shop;
    const dayAt = dayInZone(timezone);
    return {
      hub: shop.hub,
      alerts: (all) => reader.alerts(all),
      offers: () => reader.offers({ campaigns, planogram, timezone, today: dayAt(Date.now()), wall: Date.now() }),
      act: async (command: AlertCommand) => (await journal.request({ op: 'act', command })) as ActionOutcome,
      onAlert: (listener) => {
        this.#alertListeners.add(listener);
        return () => this.#alertListeners.delete(listener);
      },
      status: () => ({ up: true, ...standing.status(metrics.stored.rates()) }),
    };
  }

  /** The bridge says how much head office took since it last said so. */
  #countAcknowledged({ events = 0, bytes = 0 }: AcknowledgeRequest): void {
    const { metrics } = this.#parts;
    metrics.acknowledged += events;
    metrics.out.add(events, bytes);
  }
}
