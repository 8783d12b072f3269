/**
 * Where RFID tags are: what a way of deciding it gets and gives. Readers report sightings, dozens a second, with misses
 * and strays; the shop needs facts: an item arrived, moved to another zone, departed. Pure: time is an argument, and
 * whoever asks writes the facts down. Where a tag is, is all that a restart knows; what led there may be forgotten.
 */

export interface TagSighting {
  /** What is tracked: one name for one item, whatever reader saw it. */
  readonly tag: string;
  readonly reader: string;
  readonly antenna: number | undefined;
  /** Where that antenna reads. */
  readonly zone: string;
  /** dBm; absent: the reader does not tell. */
  readonly rssi: number | undefined;
  /** Reads that this report stands for, at least 1. */
  readonly count: number;
}

export interface TagTransition {
  readonly is: 'arrived' | 'moved' | 'departed';
  readonly tag: string;
  /** Where it is now, or was last. */
  readonly zone: string;
  /** Where it was before. */
  readonly from?: string | undefined;
  readonly reader?: string | undefined;
  readonly antenna?: number | undefined;
  /** What the decision rests on: reads looked at, and their mean, dBm. */
  readonly reads?: number | undefined;
  readonly rssi?: number | undefined;
}

/** A reader and the zones in which it reads. */
export interface ReaderZones {
  readonly name: string;
  readonly zones: readonly string[];
}

/** `now`: milliseconds on the elapsed clock, never less than before. */
export interface TagPresence {
  /** Tags that are in the shop. */
  readonly size: number;
  /** Sightings of tags that were not taken in because too many are there. */
  readonly turnedAway: number;
  /** Begins anew with tags where they were last known to be; nothing is said about them. */
  load(tags: Iterable<{ readonly tag: string; readonly zone: string }>): void;
  /** A reader is at work: it saw something, or says so. Absence is judged only by time in which one of the zone was. */
  heard(reader: string, now: number): void;
  see(sighting: TagSighting, now: number): TagTransition | undefined;
  /** Tags that have been away for too long, a portion at a time: what is left follows with the next call. */
  sweep(now: number): readonly TagTransition[];
  /** When `sweep` may next have something to say; nothing: not before a reader is heard. */
  readonly nextSweep: number | undefined;
}
