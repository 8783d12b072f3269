/**
 * The way of one publish: route, decode, hand to the journal, acknowledge when its receipt is here. The broker asks
 * "may this be published?" before it acknowledges, so its callback is where the acknowledgement is held.
 */
import { maskCardData } from '../contracts/card-data.ts';
import { messageOf } from '../contracts/errors.ts';
import type { Delivery, Intake, Receipt, Refusal } from '../contracts/intake.ts';
import type { Handshake } from '../contracts/sessions.ts';
import type { Acknowledge } from './acknowledgements.ts';
import { type Codec, keptBytes } from './codec.ts';
import type { Connection } from './connection.ts';
import { FramePublishing, type FramePublishingParts } from './frame-publishing.ts';
import type { Entry } from './handshakes.ts';
import { DELIVERY_BYTES } from './in-flight.ts';
import { bytesOf, type IncomingPublish, messageOfPublish, within } from './incoming.ts';
import { maskPerson } from './personal-topics.ts';
import { plain, type Route, routeOf, type TopicLimits, wrongName } from './topics.ts';
import { mayPublish } from './users.ts';

export interface PublishingParts extends FramePublishingParts {
  readonly intake: Intake;
  readonly codec: Codec;
  /** Bytes of QoS 0 publishes and wills that may wait for the journal; what is over it is dropped and counted. */
  readonly qos0Limit: number;
  readonly topics: TopicLimits;
}

type Arrived =
  | { readonly delivery: Delivery; readonly refusal?: undefined }
  | { readonly delivery?: undefined; readonly refusal: Refusal };

type Destination = Exclude<Route, { to: 'nowhere' }>;
type OfFrames = Extract<Route, { to: 'frame' }>;
/** Or no name that MQTT or the limits allow. */
type Way = Route | { readonly to: 'refused'; readonly reason: string };

const MOST_ROUTES = 1024;

export class Publishing {
  readonly #parts: PublishingParts;
  #qos0Bytes = 0;
  /** Devices repeat their topic for ever; the last few routes save reading it again. */
  readonly #routes = new Map<string, Route>();
  readonly #frames: FramePublishing;

  constructor(parts: PublishingParts) {
    this.#parts = parts;
    this.#frames = new FramePublishing(parts);
  }

  /** A publish of a connected device. `acknowledge` with an error closes the connection. */
  publish(connection: Connection, packet: IncomingPublish, acknowledge: Acknowledge): void {
    const { counters, log } = this.#parts;
    const { client, user } = connection;
    const route = this.#route(packet.topic, user?.name ?? client.id);
    if (route.to === 'nowhere') {
      counters.forbiddenTopicClosed += 1;
      log.warn(named(connection, packet.topic), 'publish where only the hub publishes, connection closed');
      connection.condemned = true;
      acknowledge(new Error('only the hub publishes there'));
      return;
    }
    if (route.to === 'refused') {
      counters.badTopicClosed += 1;
      log.warn(named(connection, packet.topic), `closed: ${route.reason}`);
      connection.condemned = true;
      acknowledge(new Error(route.reason));
      return;
    }
    const ofDevice = route.to === 'frame' || packet.topic.startsWith('in/');
    if (user !== undefined && ofDevice && !mayPublish(user, route.kind, route.device)) {
      counters.notAllowedClosed += 1;
      log.warn(
        { ...named(connection, packet.topic), user: user.name },
        'publish that this user may not make, connection closed',
      );
      connection.condemned = true;
      acknowledge(new Error('this user may not publish there'));
      return;
    }
    const payload = bytesOf(packet.payload);
    counters.bytes += payload.length;
    if (packet.qos === 0) {
      counters.publishesQos0 += 1;
      if (this.#travels(route, user === undefined))
        this.#parts.carry(messageOfPublish(packet, payload))?.catch(() => undefined);
      this.#unacknowledged(route, packet.topic, payload, client.id, connection);
      acknowledge(null);
      return;
    }
    let entry: Entry | undefined;
    if (packet.qos === 2) {
      counters.publishesQos2 += 1;
      if (this.#cameBefore(connection, packet, acknowledge)) return;
      entry = this.#parts.handshakes.begin(connection, client.id, packet.messageId ?? 0, !client.clean);
      if (entry === undefined) {
        counters.qos2Closed += 1;
        log.warn({ client: client.id }, 'too many QoS 2 publishes that the client does not release, connection closed');
        acknowledge(new Error('too many QoS 2 publishes are not released'));
        return;
      }
    } else counters.publishesQos1 += 1;
    const note = entry?.durable ? { client: entry.client, packet: entry.packet } : undefined;
    const travels = this.#travels(route, user === undefined);
    if (route.to === 'frame') {
      this.#frames.publish(route.device, packet, payload, connection, acknowledge, { entry, note, travels });
      return;
    }
    let also: Promise<void> | undefined;
    let arrived: Arrived | undefined;
    try {
      also = travels ? this.#parts.carry(messageOfPublish(packet, payload), note) : undefined;
      also?.catch(() => undefined);
      // What travels is noted with what it leaves in the sessions.
      arrived = this.#read(route, packet.topic, payload, client.id, travels ? undefined : note);
    } catch (thrown) {
      // It comes again, and must not wait for an answer to this one.
      if (entry !== undefined) this.#parts.handshakes.settle(entry, new Error(messageOf(thrown)));
      throw thrown;
    }
    if (arrived === undefined) {
      if (entry !== undefined) this.#parts.handshakes.settle(entry, null);
      connection.acknowledgements.inTurn(packet, acknowledge);
      return;
    }
    connection.acknowledgements.gave();
    connection.tookUp(payload.length);
    this.#give(arrived, payload.length, (receipt) => {
      connection.gaveBack(payload.length);
      const error = receipt.outcome === 'not-stored' ? new Error('not stored') : null;
      if (entry !== undefined) this.#settle(entry, error, also);
      if (receipt.outcome === 'not-stored') {
        counters.notStored += 1;
        log.warn({ client: client.id, reason: receipt.reason }, 'a publish could not be stored, connection closed');
      }
      connection.acknowledgements.answered(packet, acknowledge, error, also);
    });
  }

  #settle(entry: Entry, error: Error | null, also: Promise<void> | undefined): void {
    const { handshakes } = this.#parts;
    if (also === undefined || error !== null) handshakes.settle(entry, error);
    else
      also.then(
        () => handshakes.settle(entry, null),
        () => handshakes.settle(entry, new Error('not stored')),
      );
  }

  #travels(route: Destination, mayTravel: boolean): boolean {
    return mayTravel && route.to !== 'reading' && route.travels === true;
  }

  /** A QoS 2 publish that was taken already, or is on its way: acknowledged when it is stored, not stored again. */
  #cameBefore(connection: Connection, packet: IncomingPublish, acknowledge: Acknowledge): boolean {
    const before = this.#parts.handshakes.get(connection.client.id, packet.messageId ?? 0);
    if (before === undefined) return false;
    this.#parts.counters.qos2Repeated += 1;
    if (before.state === 'taken' || before.giver === connection) {
      connection.acknowledgements.inTurn(packet, acknowledge);
      return true;
    }
    // Given by an earlier connection of the client: the journal answers it before anything that this one gave.
    connection.acknowledgements.gave();
    before.waiting.push((error) => connection.acknowledgements.answered(packet, acknowledge, error));
    return true;
  }

  /** A will of a device that went without a word; nobody waits for an answer. Returns whether its topic is allowed. */
  will(client: string, packet: IncomingPublish, mayTravel: boolean): boolean {
    const { topic } = packet;
    // What a PUBLISH may not have (MQTT-3.3.2-2), the broker does not look for in a will.
    const named = topic !== '' && !/[+#]/.test(topic);
    const route: Way = named
      ? this.#route(topic, client)
      : { to: 'refused', reason: 'a topic that is empty or has a wildcard' };
    if (route.to === 'nowhere') return false;
    if (route.to === 'refused') {
      this.#parts.counters.badTopicClosed += 1;
      this.#parts.log.warn({ client, topic: plain(maskPerson(topic), 128) }, `a will was not sent: ${route.reason}`);
      return false;
    }
    const payload = bytesOf(packet.payload);
    this.#parts.counters.wills += 1;
    this.#parts.counters.bytes += payload.length;
    if (this.#travels(route, mayTravel)) this.#parts.carry(messageOfPublish(packet, payload))?.catch(() => undefined);
    this.#unacknowledged(route, topic, payload, client);
    return true;
  }

  /** QoS 0 and wills: the sender does not wait, so what waits for the journal must have an end. */
  #unacknowledged(
    route: Destination,
    topic: string,
    payload: Uint8Array,
    client: string,
    connection?: Connection,
  ): void {
    const { counters, qos0Limit, frames } = this.#parts;
    const size = payload.length + DELIVERY_BYTES;
    if (this.#qos0Bytes + size > qos0Limit) {
      counters.qos0Dropped += 1;
      return;
    }
    const arrived = route.to === 'frame' ? undefined : this.#read(route, topic, payload, client);
    if (route.to !== 'frame' && arrived === undefined) return;
    this.#qos0Bytes += size;
    connection?.tookUp(payload.length);
    const settle = (receipt: Receipt): void => {
      this.#qos0Bytes -= size;
      connection?.gaveBack(payload.length);
      if (receipt.outcome === 'not-stored') counters.qos0Dropped += 1;
    };
    if (arrived !== undefined) this.#give(arrived, payload.length, settle);
    else {
      const { device } = route;
      this.#frames.take(device, topic, payload, undefined, settle);
      connection?.waitForRoom((again) => frames?.hasRoom(device, again) ?? true);
    }
  }

  /** What the journal is to get; undefined when everything in it is only counted. */
  #read(
    route: Exclude<Destination, OfFrames>,
    topic: string,
    payload: Uint8Array,
    client: string,
    handshake?: Handshake,
  ): Arrived | undefined {
    const { codec, counters, now } = this.#parts;
    const received = now();
    if (route.to !== 'reading') {
      counters.refused += 1;
      const { kind, device, reason, travels } = route;
      this.#parts.frames?.stranger(plain(maskPerson(topic), 128), plain(client, 128), payload, received);
      const bytes = keptBytes(codec, kind, payload);
      // Whoever adopts it later can try it again.
      const of = travels ? maskCardData(topic) : undefined;
      return { refusal: { kind, device, received, reason, pointers: [], bytes, topic: of, handshake } };
    }
    const { kind, device } = route;
    const decoded = codec.decode(kind, device, payload, received);
    if (!decoded.ok) {
      counters.refused += 1;
      const { reason, pointers, bytes } = decoded;
      return { refusal: { kind, device, received, reason, pointers, bytes, handshake } };
    }
    const { readings } = decoded;
    counters.readings += readings.length;
    counters.readingsOnlyCounted += decoded.counted;
    return readings.length === 0 ? undefined : { delivery: { kind, device, received, readings, handshake } };
  }

  #give(arrived: Arrived, size: number, settle: (receipt: Receipt) => void): void {
    const { intake, inFlight, counters } = this.#parts;
    within(inFlight, counters, size, settle, (done) => {
      if (arrived.delivery !== undefined) intake.deliver(arrived.delivery, done);
      else intake.refuse(arrived.refusal, done);
    });
  }

  #route(topic: string, client: string): Way {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      const wrong = wrongName(topic, this.#parts.topics);
      if (wrong !== undefined) return { to: 'refused', reason: wrong };
      route = routeOf(topic, client, this.#parts.frames);
      if (route.to === 'nowhere' || route.to === 'dead-letter') return route;
      if (this.#routes.size >= MOST_ROUTES) this.#routes.clear();
      this.#routes.set(topic, route);
    }
    return route;
  }
}

/** Who published where, for the log. */
function named(
  { client, address }: Connection,
  topic: string,
): { client: string; address: string | undefined; topic: string } {
  return { client: client.id, address, topic: plain(maskPerson(topic), 128) };
}
