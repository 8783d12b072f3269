/** The figures of the transports: who is connected, what was turned away, what nobody knew. */
import { largestFirst } from './metric-shapes.ts';
import { counter, gauge, type PulledMetric } from './pulled-metrics.ts';

/** What the transports know of themselves; a part that has nothing to tell leaves its field out. */
export interface DoorSnapshot {
  readonly connections?: number;
  readonly connectionsRefused?: number;
  readonly subscriptionsRefused?: number;
  /** How often a client came over its rate and was read more slowly. */
  readonly slowed?: number;
  /** Connections that the hub closed, by reason in kebab-case. */
  readonly closed?: ReadonlyMap<string, number>;
  /** Publishes, by quality of service. */
  readonly publishes?: ReadonlyMap<string, number>;
  readonly httpRequests?: number;
  /** Users and pages that did not come in, by reason in kebab-case. */
  readonly signIns?: ReadonlyMap<string, number>;
  /** Requests answered with 429 or 503 because too much waited. */
  readonly httpTurnedAway?: number;
  /** Pages that listened and were closed because they did not read, and those there was no place for. */
  readonly liveReadersClosed?: number;
  readonly liveReadersRefused?: number;
  /** Reports of screens that were not recorded, by reason in kebab-case. */
  readonly playsRefused?: ReadonlyMap<string, number>;
  /** Connections by HTTP: open, turned away, and idle or slow ones that gave way to newer ones. */
  readonly httpConnections?: number;
  readonly httpConnectionsRefused?: number;
  readonly httpConnectionsReplaced?: number;
  /** Faults of the hub's own that one packet brought about. */
  readonly faults?: number;
  readonly qos0Dropped?: number;
  /** QoS 2 messages that came again after they were taken. */
  readonly qos2Repeated?: number;
  /** What the broker keeps: sessions whose clients are away, messages that wait for a client, retained messages. */
  readonly kept?: { readonly awaySessions: number; readonly queuedMessages: number; readonly retained: number };
  /** Messages to clients that were dropped or not retained, by reason in kebab-case. */
  readonly dropped?: ReadonlyMap<string, number>;
  readonly sessionsExpired?: number;
  readonly oversized?: number;
  /** Deliveries taken from devices and not answered yet. */
  readonly unanswered?: number;
  /** How often all devices were made to wait because the journal was behind. */
  readonly pauses?: number;
  /** RFID sightings by reader. */
  readonly sightings?: ReadonlyMap<string, number>;
  /** Fields that no schema names, by name. */
  readonly unknownFields?: ReadonlyMap<string, number>;
  /** Pseudonyms of shoppers taken out of sales for want of consent. */
  readonly shoppersRemoved?: number;
  /** Readings, and letters, in which card data was masked. */
  readonly cardDataMasked?: ReadonlyMap<string, number>;
}

/** `door` is asked at each scrape. */
export function doorMetrics(door: () => DoorSnapshot): readonly PulledMetric[] {
  return [
    gauge('connections', 'Devices connected now by MQTT.', () => door().connections),
    counter(
      'connections_refused_total',
      'Connections turned away: too many, too slow, or without the right.',
      () => door().connectionsRefused,
    ),
    counter(
      'connections_closed_total',
      'Connections that the hub closed, by reason: what the device did that it must not do, or that it fell silent.',
      () => largestFirst('reason', door().closed),
      'reason',
    ),
    counter(
      'subscriptions_refused_total',
      'Subscriptions refused: to what this client may not read, too many, too long or too deep.',
      () => door().subscriptionsRefused,
    ),
    counter(
      'clients_slowed_total',
      'How often a client was read more slowly: over its rate (mqtt.limits.rate), or hard to read. Nothing is lost by it.',
      () => door().slowed,
    ),
    counter(
      'publishes_total',
      'Messages from devices, by quality of service.',
      () => largestFirst('qos', door().publishes),
      'qos',
    ),
    counter(
      'sign_ins_refused_total',
      'Users that did not come in, by reason: a wrong name or password, too many wrong ones, or not allowed here.',
      () => largestFirst('reason', door().signIns),
      'reason',
    ),
    counter('http_readings_requests_total', 'Requests that brought readings by HTTP.', () => door().httpRequests),
    counter(
      'http_turned_away_total',
      'Requests with readings told to come back later, because too much waited for the journal.',
      () => door().httpTurnedAway,
    ),
    counter(
      'live_readers_closed_total',
      'Pages and screens that listened and were closed because they did not read. They come back by themselves.',
      () => door().liveReadersClosed,
    ),
    counter(
      'live_readers_refused_total',
      'Pages and screens that could not listen because too many did (http.limits.live_readers).',
      () => door().liveReadersRefused,
    ),
    counter(
      'screen_plays_refused_total',
      'Reports of screens that showed an offer and were not recorded, by reason: their ticket does not fit.',
      () => largestFirst('reason', door().playsRefused),
      'reason',
    ),
    gauge('http_connections', 'Connections open now by HTTP.', () => door().httpConnections),
    counter(
      'http_connections_refused_total',
      'Connections by HTTP turned away: too many were open (http.limits).',
      () => door().httpConnectionsRefused,
    ),
    counter(
      'http_connections_replaced_total',
      'Idle or slow connections by HTTP that were closed because newer ones needed their place (http.limits).',
      () => door().httpConnectionsReplaced,
    ),
    counter(
      'door_faults_total',
      'Faults of the hub itself while it took in a message. Any is worth a report: the log has its stack.',
      () => door().faults,
    ),
    counter(
      'qos0_dropped_total',
      'Messages of QoS 0 dropped because the hub was behind. Devices that must not lose any use QoS 1.',
      () => door().qos0Dropped,
    ),
    counter(
      'qos2_repeated_total',
      'Messages of QoS 2 that came again before they were released, and were not stored again.',
      () => door().qos2Repeated,
    ),
    gauge('sessions_away', 'MQTT sessions kept for clients that are away.', () => door().kept?.awaySessions),
    gauge(
      'queued_messages',
      'Messages of QoS 1 and 2 that wait for a client to take and confirm them.',
      () => door().kept?.queuedMessages,
    ),
    gauge('retained_messages', 'Topics with a retained message.', () => door().kept?.retained),
    counter(
      'messages_dropped_total',
      'Messages to clients that were dropped, or not retained, because more waited than mqtt.limits allows, by reason.',
      () => largestFirst('reason', door().dropped),
      'reason',
    ),
    counter(
      'sessions_expired_total',
      'Kept MQTT sessions that ended because nobody came back to them, or because there were too many.',
      () => door().sessionsExpired,
    ),
    counter('packets_oversized_total', 'Packets refused for their size.', () => door().oversized),
    gauge(
      'deliveries_unanswered',
      'Deliveries taken from devices and waiting for their commit.',
      () => door().unanswered,
    ),
    counter(
      'door_pauses_total',
      'How often all devices were made to wait because the journal was behind.',
      () => door().pauses,
    ),
    counter(
      'rfid_sightings_total',
      'RFID sightings, by reader.',
      () => largestFirst('reader', door().sightings),
      'reader',
    ),
    counter(
      'unknown_fields_total',
      'Fields dropped because no schema names them, by name. A device newer than this hub, or a misspelt field.',
      () => largestFirst('field', door().unknownFields),
      'field',
    ),
    counter(
      'shoppers_removed_total',
      'Sales whose shopper was removed because no consent was granted.',
      () => door().shoppersRemoved,
    ),
    counter(
      'card_data_masked_total',
      'Readings, and letters that became dead letters, in which card data was masked. A till that sends cards needs mending.',
      () => largestFirst('what', door().cardDataMasked),
      'what',
    ),
  ];
}
