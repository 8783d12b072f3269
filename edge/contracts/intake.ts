/**
 * What transports hand to the journal and what comes back. One delivery is one unit of acknowledgement: an MQTT
 * packet or an HTTP request with 1 to 1,000 readings, a frame of a device, a portion of a file. It is stored in one
 * transaction or not at all, whatever it holds.
 */
import type { Kind } from './readings.ts';
import type { Handshake } from './sessions.ts';

/** One valid reading, normalised. */
export interface AcceptedReading {
  /** What it is about: `till/transaction`, the shelf, the unit, the line or zone, the device. */
  readonly subject: string;
  /** What makes it a repeat of another: text unique for (kind, device, id) or the natural key; absent: never a repeat. */
  readonly identity: string | undefined;
  /** Device time, epoch ms; absent: time of receipt. */
  readonly time: number | undefined;
  /** JSON text of the fields as the event's `data` shows them: defaults filled, `id` as `readingId`, no `time`. */
  readonly body: string;
  /** Pseudonym as the device said it, apart from the body: the journal takes it only with consent, and only keyed. */
  readonly shopper?: string | undefined;
  /** A record of the past by the device's own word. */
  readonly history?: boolean | undefined;
}

/** How far a source was read: kept in the transaction that stores what was read. */
export interface SourcePosition {
  /** Such as the path of a file. */
  readonly source: string;
  readonly value: string;
}

/** Readings of one kind and device. */
export interface Part {
  readonly kind: Kind;
  readonly device: string;
  /** Wall clock at receipt, epoch ms. */
  readonly received: number;
  readonly readings: readonly AcceptedReading[];
}

export interface Delivery extends Part {
  /** A QoS 2 publish: noted in the transaction that stores it. */
  readonly handshake?: Handshake | undefined;
  readonly position?: SourcePosition | undefined;
  /** What the same frame says besides, of other kinds or devices: all of it is stored in one transaction, or nothing. */
  readonly also?: readonly Part[] | undefined;
}

/** Bytes that nobody understood or a reading that failed validation: becomes a dead letter. */
export interface Refusal {
  /** As the topic or path named it; it need not be a known kind. */
  readonly kind: string;
  readonly device: string;
  readonly received: number;
  /** One sentence for an operator: what is wrong and what was expected. */
  readonly reason: string;
  /** Every bad JSON pointer, at most 20. */
  readonly pointers: readonly string[];
  /** The bytes as received (masked where they may name a person); null where they may not be kept. */
  readonly bytes: Uint8Array | null;
  /** Of a frame that came on a topic, and of what came on one that is nobody's: it is tried again with it. */
  readonly topic?: string | undefined;
  readonly handshake?: Handshake | undefined;
  /** Moves with the dead letter. */
  readonly position?: SourcePosition | undefined;
}

export interface Counts {
  readonly accepted: number;
  /** Of readings that were stored before. */
  readonly repeated: number;
}

export type Receipt =
  /** Every fact of it is on disk (or it made none). */
  | ({
      readonly outcome: 'accepted';
      /** Of each part in turn, where there were several. */
      readonly of?: readonly Counts[];
    } & Counts)
  /** It is kept as a dead letter; `reason` where whoever gave it does not know. */
  | { readonly outcome: 'refused'; readonly letter: string; readonly reason?: string }
  /** It could not be stored: do not acknowledge, the device sends it again. */
  | { readonly outcome: 'not-stored'; readonly reason: string };

/** The door into the journal. Answers come in the order of the calls. */
export interface Intake {
  deliver(delivery: Delivery, done: (receipt: Receipt) => void): void;
  refuse(refusal: Refusal, done: (receipt: Receipt) => void): void;
}
