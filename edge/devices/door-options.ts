/** What the broker's door is given, and the limits that keep one device from harming the others. */
import type { Intake } from '../contracts/intake.ts';
import type { SessionChange } from '../contracts/sessions.ts';
import type { Logger } from '../ops/logging.ts';
import type { AddressOptions } from './addresses.ts';
import type { Codec } from './codec.ts';
import type { Credentials } from './credentials.ts';
import type { FramesIn } from './frames-in.ts';
import type { InFlight } from './in-flight.ts';

export interface DoorLimits {
  /** Bytes of a publish, topic and payload. */
  readonly packet: number;
  /** Bytes of any other packet, the first CONNECT among them. */
  readonly otherPacket: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Subscriptions of one client. */
  readonly subscriptions: number;
  /** Levels of a topic or a filter, and bytes of one. */
  readonly filterLevels: number;
  readonly topicLength: number;
  /** Publishes a second of one client; over it the client is read more slowly. */
  readonly rate: number;
  /** Milliseconds until CONNECT must be here. */
  readonly connectTimeout: number;
  /** Milliseconds a subscriber may take nothing of what waits in its socket before it is closed. */
  readonly stalled: number;
  /** Kept sessions of clients that are away; messages, their bytes, and milliseconds for which one is kept. */
  readonly sessions: number;
  readonly offlineMessages: number;
  readonly offlineSize: number;
  readonly offlineAge: number;
  /** Topics with a retained message. */
  readonly retained: number;
  /** Bytes of all retained messages, and of all that wait for a client. */
  readonly retainedBytes: number;
  readonly queued: number;
  /** Bytes that wait in all sockets together, from which on messages of QoS 0 are dropped sooner. */
  readonly unread: number;
  /** Seconds a packet may take from its first byte to its last. */
  readonly packetAge: number;
  /** Bytes of packets over 64 KiB that may be arriving at the same time. */
  readonly arriving: number;
  /** Bytes of QoS 0 publishes that may wait for the journal, each with what a delivery costs. */
  readonly qos0: number;
}

export const DEFAULT_LIMITS: DoorLimits = {
  packet: 1_048_576 + 1024,
  otherPacket: 65_536,
  connections: 2000,
  connectionsPerAddress: 500,
  subscriptions: 100,
  filterLevels: 16,
  topicLength: 1024,
  rate: 50_000,
  connectTimeout: 10_000,
  stalled: 8_000,
  sessions: 1000,
  offlineMessages: 1000,
  offlineSize: 1_048_576,
  offlineAge: 86_400_000,
  retained: 10_000,
  retainedBytes: 33_554_432,
  queued: 33_554_432,
  unread: 67_108_864,
  packetAge: 60,
  arriving: 8_388_608,
  qos0: 4_194_304,
};

export interface MqttDoorOptions extends AddressOptions {
  readonly intake: Intake;
  readonly codec: Codec;
  readonly logger: Logger;
  /** Devices with formats of their own; absent: there are none. */
  readonly frames?: FramesIn | undefined;
  /** Shared with the other transports; default 8 MiB of its own. */
  readonly inFlight?: InFlight;
  readonly limits?: Partial<DoorLimits>;
  /** Keeps what the broker remembers: resolves when it is on disk, rejects when it could not be. Default: memory only. */
  readonly keep?: (changes: readonly SessionChange[]) => Promise<void>;
  /** A keyed digest, for client ids that hold a payment card; absent: those of which the mask shows the same are one. */
  readonly conceal?: (id: string) => string;
  /** Shared with the other transports; absent: there are no users, and names in CONNECT are not looked at. */
  readonly credentials?: Credentials | undefined;
  /** Wall clock, epoch ms. */
  readonly now?: () => number;
}

/** Those that the configuration has, as it names them (`mqtt.limits`). */
export interface ConfiguredLimits
  extends Pick<DoorLimits, 'connections' | 'subscriptions' | 'rate' | 'sessions' | 'retained' | 'stalled'> {
  readonly connections_per_address: number;
  readonly filter_levels: number;
  readonly topic_length: number;
  readonly offline_messages: number;
  readonly offline_size: number;
  readonly offline_age: number;
}

export function limitsFrom(limits: ConfiguredLimits): Partial<DoorLimits> {
  const { connections, subscriptions, rate, sessions, retained, stalled } = limits;
  return {
    ...{ connections, subscriptions, rate, sessions, retained, stalled },
    connectionsPerAddress: limits.connections_per_address,
    filterLevels: limits.filter_levels,
    topicLength: limits.topic_length,
    offlineMessages: limits.offline_messages,
    offlineSize: limits.offline_size,
    offlineAge: limits.offline_age,
  };
}
