/** The counters of all doors under the names that the metrics have for them. */
import type { HubJson } from './codecs/hub-json.ts';
import type { CredentialCounters } from './devices/credentials.ts';
import type { MqttDoor } from './devices/mqtt-door.ts';
import type { DoorSnapshot } from './ops/door-metrics.ts';
import type { Doorstep } from './ops/doorstep.ts';
import type { LiveCounters } from './staff/live-readers.ts';

export interface DoorSources {
  readonly door: MqttDoor;
  readonly decoded: HubJson['counters'];
  /** Sales whose shopper was left out for want of consent. */
  readonly shoppersRemoved: number;
  readonly live: LiveCounters;
  /** Reports of screens that were not recorded, by reason. */
  readonly playsRefused: Readonly<Record<string, number>>;
  /** Connections of the HTTP server. */
  readonly http: Doorstep;
  /** Absent: there are no users. */
  readonly signIns: CredentialCounters | undefined;
}

export function doorFigures({
  door,
  decoded,
  shoppersRemoved,
  live,
  playsRefused,
  http,
  signIns,
}: DoorSources): DoorSnapshot {
  const { counters } = door;
  return {
    connections: door.connections,
    publishes: new Map([
      ['0', counters.publishesQos0],
      ['1', counters.publishesQos1],
      ['2', counters.publishesQos2],
    ]),
    closed: new Map([
      ['qos2-unreleased', counters.qos2Closed],
      ['forbidden-topic', counters.forbiddenTopicClosed],
      ['not-allowed', counters.notAllowedClosed],
      ['broken-packet', counters.brokenPacketClosed],
      ['bad-topic', counters.badTopicClosed],
      ['mqtt-5', counters.mqtt5Closed],
      ['unknown-level', counters.unknownLevelClosed],
      ['silent', counters.silentReplaced],
      ['keep-alive', counters.keepAliveClosed],
      ['stalled', counters.stalledClosed],
      ['error', counters.connectionErrors],
    ]),
    httpRequests: counters.httpRequests,
    httpTurnedAway: counters.httpTurnedAway,
    liveReadersClosed: live.stalled,
    liveReadersRefused: live.turnedAway,
    playsRefused: new Map(Object.entries(playsRefused)),
    httpConnections: http.guests,
    httpConnectionsRefused: http.refused,
    httpConnectionsReplaced: http.replaced,
    signIns: signInsOf(door, signIns),
    faults: counters.faults,
    connectionsRefused: counters.connectionsRefused,
    subscriptionsRefused: counters.subscriptionsRefused,
    slowed: counters.slowed,
    qos0Dropped: counters.qos0Dropped,
    qos2Repeated: counters.qos2Repeated,
    kept: door.kept,
    dropped: new Map([
      ['queue-full', counters.queuedDropped],
      ['slow-reader', counters.slowDropped],
      ['retained-full', counters.retainedRefused],
    ]),
    sessionsExpired: counters.sessionsExpired,
    oversized: counters.brokenPacketClosed,
    unanswered: door.inFlight.deliveries,
    pauses: counters.pauses,
    sightings: decoded.rfid,
    unknownFields: decoded.unknownFields,
    shoppersRemoved,
    cardDataMasked: new Map([
      ['reading', decoded.masked.readings],
      ['letter', decoded.masked.letters],
    ]),
  };
}

function signInsOf(door: MqttDoor, { wrong, later }: Partial<CredentialCounters> = {}): ReadonlyMap<string, number> {
  return new Map([
    ['wrong-password', wrong ?? 0],
    ['turned-away', later ?? 0],
    ['not-allowed', door.counters.notAuthorized],
  ]);
}
