/** What sensing gets and gives: a reading in, facts and things to remember out. */
import type { EventType } from '../contracts/events.ts';
import type { Facing } from '../contracts/planogram.ts';
import type { Kind } from '../contracts/readings.ts';

export interface SensedReading {
  readonly kind: Kind;
  readonly device: string;
  readonly subject: string;
  /** JSON text of the normalised fields. */
  readonly body: string;
  /** A record of the past: it changes no current state. */
  readonly history: boolean;
  /** Elapsed clock at receipt, ms. */
  readonly elapsed?: number | undefined;
}

export interface Fact {
  readonly type: EventType;
  readonly subject: string;
  /** JSON text. */
  readonly data: string;
}

/** A value to remember under (kind, key). */
export type Memory = readonly [kind: string, key: string, value: unknown];

export interface Sensed {
  readonly facts: readonly Fact[];
  readonly remember: readonly Memory[];
}

export interface SensingViews {
  recall(kind: string, key: string): unknown;
  facing(shelf: string): Facing | undefined;
}

export const NOTHING: Sensed = { facts: [], remember: [] };
