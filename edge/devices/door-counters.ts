/** What the door counts since its start; the metrics endpoint reads these numbers when it is scraped. */
export interface DoorCounters {
  /** Publishes as they came, by quality of service; wills are not among them. */
  publishesQos0: number;
  publishesQos1: number;
  publishesQos2: number;
  /** QoS 2 publishes that had been taken already: not stored again. */
  qos2Repeated: number;
  wills: number;
  /** Payload bytes of all of them. */
  bytes: number;
  /** Readings handed to the journal, and valid ones of which nothing is kept. */
  readings: number;
  readingsOnlyCounted: number;
  /** Packets that became dead letters. */
  refused: number;
  /** QoS 1 and 2 publishes left unacknowledged because they could not be stored; the connection was closed. */
  notStored: number;
  /** QoS 0 publishes dropped because too many waited for the journal. */
  qos0Dropped: number;
  /** Connections closed because too many QoS 2 publishes were not released, and for a publish to `out/` or `$SYS/`. */
  qos2Closed: number;
  forbiddenTopicClosed: number;
  /** CONNECTs refused, and connections closed for a publish, because this client may not do that. */
  notAuthorized: number;
  notAllowedClosed: number;
  /** Connections closed for a packet that is too large or no MQTT at all, or one that was begun and never ended. */
  brokenPacketClosed: number;
  keepAliveClosed: number;
  /** Connections closed for a topic that MQTT or the limits do not allow. */
  badTopicClosed: number;
  /** Connections closed because they speak MQTT 5, or a level that nobody knows. */
  mqtt5Closed: number;
  unknownLevelClosed: number;
  /** Connections over the limit, closed at once. */
  connectionsRefused: number;
  /** Connections that had not said CONNECT, and gave way to newer ones. */
  silentReplaced: number;
  /** How often a client was read more slowly, because it came over its rate or what it sent took long. */
  slowed: number;
  connectionsAccepted: number;
  /** Connections that ended with any other error: reset, no CONNECT in time, a frozen subscriber. */
  connectionErrors: number;
  subscriptionsRefused: number;
  /** Connections closed because they took nothing of what waited for them. */
  stalledClosed: number;
  /** Messages dropped that waited for a client: the oldest of too many, and of QoS 0 those for one that reads slowly. */
  queuedDropped: number;
  slowDropped: number;
  /** Kept sessions that ended because nobody came back, or because there were too many. */
  sessionsExpired: number;
  /** Messages that were to be retained, and too many were. */
  retainedRefused: number;
  /** Requests of readings by HTTP, and those told to come back because too much waited. */
  httpRequests: number;
  httpTurnedAway: number;
  /** How often reading stopped because too much waited for the journal. */
  pauses: number;
  /** Faults of our own, caught so that one packet cannot end the process. */
  faults: number;
}

export function newDoorCounters(): DoorCounters {
  return {
    publishesQos0: 0,
    publishesQos1: 0,
    publishesQos2: 0,
    qos2Repeated: 0,
    wills: 0,
    bytes: 0,
    readings: 0,
    readingsOnlyCounted: 0,
    refused: 0,
    notStored: 0,
    qos0Dropped: 0,
    qos2Closed: 0,
    forbiddenTopicClosed: 0,
    notAuthorized: 0,
    notAllowedClosed: 0,
    brokenPacketClosed: 0,
    keepAliveClosed: 0,
    badTopicClosed: 0,
    mqtt5Closed: 0,
    unknownLevelClosed: 0,
    connectionsRefused: 0,
    silentReplaced: 0,
    slowed: 0,
    connectionsAccepted: 0,
    connectionErrors: 0,
    subscriptionsRefused: 0,
    stalledClosed: 0,
    queuedDropped: 0,
    slowDropped: 0,
    sessionsExpired: 0,
    retainedRefused: 0,
    httpRequests: 0,
    httpTurnedAway: 0,
    pauses: 0,
    faults: 0,
  };
}
