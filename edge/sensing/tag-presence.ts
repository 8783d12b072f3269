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
  /** Number -> zone of antennas of which it is known. */
  readonly antennas?: Readonly<Record<string, string>> | undefined;
  /** False: it has no antennas but those. */
  readonly others?: boolean;
}

/** A tag that is in the shop, and which antenna told of its coming there. */
export interface KnownTag {
  readonly tag: string;
  readonly zone: string;
  readonly reader?: string;
  readonly antenna?: number | null;
}

/** `deaf`: nobody says so, but it reads nothing any more, none of the many tags that it had. */
export interface DeadAntenna {
  readonly reader: string;
  readonly antenna: number | undefined;
  readonly state: 'disconnected' | 'deaf';
}

/** `connected`: it is well again, or it turned out that what it had was carried elsewhere. */
export interface AntennaNews {
  readonly reader: string;
  readonly antenna: number | undefined;
  readonly zone: string | undefined;
  readonly state: DeadAntenna['state'] | 'connected';
  /** Tags that it read last. */
  readonly items: number | undefined;
}

/** `now`: milliseconds on the elapsed clock, never less than before. */
export interface TagPresence {
  /** Tags that are in the shop. */
  readonly size: number;
  /** Sightings of tags that were not taken in because too many are there. */
  readonly turnedAway: number;
  /** Begins anew with tags where they were last known to be, and antennas that were dead; nothing is said about them. */
  load(tags: Iterable<KnownTag>, dead?: Iterable<DeadAntenna>): void;
  /** A reader is at work: it saw something, or says so. Absence is judged only by time in which one of the zone was. */
  heard(reader: string, now: number): void;
  /** A reader says which of its antennas are connected, by number. */
  say(reader: string, antennas: Readonly<Record<string, boolean>>, now: number): void;
  /** Whether its saying so would change anything. */
  isNews(reader: string, antennas: Readonly<Record<string, boolean>>): boolean;
  /** Whether the configuration still knows a dead antenna, or tags have it. */
  isUsed(antenna: DeadAntenna): boolean;
  /** What became of antennas since `takeNews` was asked last. */
  readonly hasNews: boolean;
  takeNews(): readonly AntennaNews[];
  see(sighting: TagSighting, now: number): TagTransition | undefined;
  /** Tags that have been away for too long, a portion at a time: what is left follows with the next call. */
  sweep(now: number): readonly TagTransition[];
  /** When `sweep` may next have something to say; nothing: not before a reader is heard. */
  readonly nextSweep: number | undefined;
}
