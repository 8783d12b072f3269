/** What decoding gives: readings for the journal, or one refusal for the whole packet. */

import type { AcceptedReading } from '../contracts/intake.ts';
import type { Facing } from '../contracts/planogram.ts';
import type { Kind } from '../contracts/readings.ts';

/** What a decoder must know of the store. */
export interface DecodingContext {
  facing(shelf: string): Facing | undefined;
  /** Epoch ms -> `YYYY-MM-DD` in the store's time zone. It is called per sale, so it must be cheap. */
  dayAt(ms: number): string;
  /** Where an RFID reader's antenna reads; nothing: nobody has said. Absent: sightings of tags only count. */
  zoneOf?(device: string, antenna: number | undefined, said: string | undefined): string | undefined;
  /** A keyed digest: what it was made of cannot be guessed from it, as a card of which the mask shows most could be. */
  conceal(identity: string): string;
}

export interface Accepted {
  readonly ok: true;
  /** What the journal gets. */
  readonly readings: readonly AcceptedReading[];
  /** Valid readings beyond those that are only counted: sightings of tags, training sales. */
  readonly counted: number;
}

export interface Refused {
  readonly ok: false;
  readonly reason: string;
  /** JSON pointers, at most 20. */
  readonly pointers: readonly string[];
  /** A masked copy of the payload; null where the kind names a person. */
  readonly bytes: Uint8Array | null;
}

export type Decoded = Accepted | Refused;

export interface Fault {
  readonly pointer: string;
  readonly message: string;
}

/** What one reading becomes. `counted`: valid, and nothing to store. */
export type Outcome = AcceptedReading | 'counted' | readonly Fault[];

/** The packet a reading came in, and what is tallied until the whole packet is known to be good. */
export interface Arrival {
  readonly kind: Kind;
  readonly device: string;
  readonly received: number;
  readonly context: DecodingContext;
  training: number;
  /** Readings in which card data was masked. */
  masked: number;
}
