/**
 * Where tags are, by the published algorithm of EdgeX Foundry (app-rfid-llrp-inventory). For each tag and antenna the
 * last 20 signal strengths are kept, and their plain mean, in dBm. A tag that is not there arrives with its first read.
 * It moves to another antenna that read it at least twice when
 *
 *   mean(new) > mean(current) + offset,  offset = min(T, m * age + T - m * holdoff)
 *
 * with the age of the last read at the current antenna in ms: the longer it was not read there, the easier it moves.
 * Antennas of one zone count apart, and a move between them is none. It departs when it was not read for a time.
 *
 * Beyond what is published: only time counts in which an antenna of the tag's zone was at work (covered-time.ts), and
 * while the antenna that has a tag is dead (antennas.ts) its age makes nothing easier: the offset does not fall below 0.
 * But where nobody but the silence says that it is dead, 20 reads at an antenna that never heard the tag before tell.
 * After a restart, when nothing is known but the antenna, a tag moves only once the offset of its last known moment has
 * fallen to -T, so that a stray read does not move half a shop; from a dead antenna only after 20 reads elsewhere.
 */
import { Antennas, type Ear, type Place } from './antennas.ts';
import { NEVER } from './covered-time.ts';
import { type Ring, RssiRings, WINDOW } from './rssi-rings.ts';
import type {
  AntennaNews,
  DeadAntenna,
  KnownTag,
  ReaderZones,
  TagPresence,
  TagSighting,
  TagTransition,
} from './tag-presence.ts';

/** How readily tags move. T: dB; m: dB per ms; holdoff: ms at the full T. */
export interface MobilityProfile {
  readonly threshold: number;
  readonly slope: number;
  readonly holdoff: number;
}

export const PROFILES = {
  default: { threshold: 6, slope: -0.008, holdoff: 500 },
  garment: { threshold: 6, slope: -0.0005, holdoff: 60_000 },
} as const satisfies Record<string, MobilityProfile>;

/** dB by which another place must be better, `age` ms after the last read where the tag is. */
export function offsetAt(age: number, { threshold, slope, holdoff }: MobilityProfile): number {
  return Math.min(threshold, slope * age + threshold - slope * holdoff);
}

export interface EdgexOptions {
  readonly profile: keyof typeof PROFILES;
  /** Unread for so long, a tag has departed, ms. */
  readonly departedAfter: number;
  readonly readers: readonly ReaderZones[];
  /** Most tags; more are turned away. */
  readonly most: number;
}

/** Sweeps in the time after which a tag has departed: each 30 s of 600 s, as published. */
const SWEEPS = 20;
const LONGEST_SWEEP_MS = 30_000;
/** Departures told at once. */
const PORTION = 1000;
const ENOUGH_READS = 2;
/** Antennas remembered of one tag. */
const MOST_SPOTS = 16;
/** Of a reader that tells none: all its reads are alike, and only age decides. */
const NO_RSSI = -70;
/** A reader heard from less often is taken to be away in between; shorter where tags depart sooner, ms. */
const LONGEST_GAP = 120_000;
/** Of an antenna of which only the name is known, since the hub was stopped. */
const NO_RING: Ring = -1;

/** One tag as one antenna hears it. */
interface Spot {
  readonly place: Place;
  readonly ring: Ring;
  /** It was first read there then. */
  readonly first: number;
  lastRead: number;
}

interface Tag {
  zone: string;
  /** The antenna that has it; nothing: it is not known any more. */
  at: Spot | undefined;
  spots: Spot[];
  /** The zone's covered time when it was last read. */
  covered: number;
}

export class EdgexPresence implements TagPresence {
  readonly #options: EdgexOptions;
  readonly #profile: MobilityProfile;
  #tags = new Map<string, Tag>();
  #rings = new RssiRings();
  readonly #antennas: Antennas;
  /** The first moment that is known of. */
  #since: number | undefined;
  readonly #sweepEvery: number;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #isHeard = false;
  /** Where a sweep that found too many goes on. */
  #sweeping: Iterator<[string, Tag]> | undefined;
  turnedAway = 0;

  constructor(options: EdgexOptions) {
    this.#options = options;
    this.#profile = PROFILES[options.profile];
    const { readers, departedAfter } = options;
    this.#sweepEvery = Math.min(LONGEST_SWEEP_MS, departedAfter / SWEEPS);
    this.#antennas = new Antennas(readers, Math.min(LONGEST_GAP, departedAfter / 2), departedAfter);
  }

  get size(): number {
    return this.#tags.size;
  }

  get nextSweep(): number | undefined {
    if (this.#sweeping) return this.#sweptAt;
    return this.#isHeard && this.#tags.size > 0 ? this.#sweptAt + this.#sweepEvery : undefined;
  }

  load(tags: Iterable<KnownTag>, dead: Iterable<DeadAntenna> = []): void {
    this.#tags = new Map();
    this.#rings = new RssiRings();
    this.#sweeping = undefined;
    this.#since = undefined;
    this.#antennas.clear();
    // Tags of one place share a spot until they are read.
    const spots = new Map<string, Spot | undefined>();
    for (const { tag, zone, reader = '', antenna } of tags) {
      const key = `${reader}\0${antenna ?? ''}\0${zone}`;
      if (!spots.has(key)) {
        const place = this.#antennas.knownPlace(reader, antenna ?? undefined, zone);
        spots.set(key, place && { place, ring: NO_RING, first: NEVER, lastRead: NEVER });
      }
      const at = spots.get(key);
      if (at !== undefined) {
        at.place.ear.tags += 1;
        at.place.ear.had += 1;
      }
      this.#tags.set(tag, { zone, at, spots: [], covered: this.#antennas.time.of(zone) });
    }
    for (const one of dead) this.#antennas.restore(one);
  }

  heard(reader: string, now: number): void {
    this.#since ??= now;
    if (this.#antennas.time.heard(reader, now)) this.#isHeard = true;
  }

  say(reader: string, antennas: Readonly<Record<string, boolean>>, now: number): void {
    this.#antennas.say(reader, antennas, now);
  }

  isNews(reader: string, antennas: Readonly<Record<string, boolean>>): boolean {
    return this.#antennas.isNews(reader, antennas);
  }

  isUsed(antenna: DeadAntenna): boolean {
    return this.#antennas.isUsed(antenna);
  }

  get hasNews(): boolean {
    return this.#antennas.hasNews;
  }

  takeNews(): readonly AntennaNews[] {
    return this.#antennas.takeNews();
  }

  see(sighting: TagSighting, now: number): TagTransition | undefined {
    this.#since ??= now;
    const place = this.#antennas.placeOf(sighting.reader, sighting.antenna, sighting.zone);
    this.#antennas.reads(place.ear, now);
    const tag = this.#tags.get(sighting.tag);
    if (tag === undefined) return this.#arrive(sighting, place, now);
    const { time } = this.#antennas;
    const spot = this.#read(tag, sighting, place, now);
    tag.covered = time.of(tag.zone);
    if (spot === tag.at) return undefined;
    const { at } = tag;
    const isKnown = at !== undefined && at.ring !== NO_RING;
    if (isKnown ? !this.#isBetter(spot, at, now) : !this.#mayReplaceUnknown(tag, spot, now)) return undefined;
    const from = tag.zone;
    if (at !== undefined) at.place.ear.tags -= 1;
    place.ear.tags += 1;
    tag.at = spot;
    tag.zone = place.zone;
    tag.covered = time.of(tag.zone);
    if (from === tag.zone) return undefined;
    if (isKnown) this.#antennas.carriedOff(at.place.ear, now);
    return this.#told('moved', sighting.tag, spot, from);
  }

  sweep(now: number): readonly TagTransition[] {
    const departed: TagTransition[] = [];
    const { time } = this.#antennas;
    this.#sweptAt = now;
    this.#isHeard = false;
    this.#antennas.lookAround(this.#goneWith, now);
    const tags = this.#sweeping ?? this.#tags.entries();
    this.#sweeping = undefined;
    for (let next = tags.next(); next.done !== true; next = tags.next()) {
      const [name, tag] = next.value;
      const { zone, at, covered } = tag;
      const since = at === undefined ? covered : Math.max(covered, at.place.since);
      if (time.of(zone) - since < this.#options.departedAfter) continue;
      if (at !== undefined && this.#antennas.holds(at.place.ear, at.lastRead, this.#goneWith, now)) continue;
      this.#tags.delete(name);
      if (at !== undefined) at.place.ear.tags -= 1;
      for (const { ring } of tag.spots) this.#rings.give(ring);
      const { reader, antenna } = at?.place.ear ?? {};
      departed.push({ is: 'departed', tag: name, zone, reader, antenna });
      if (departed.length < PORTION) continue;
      this.#sweeping = tags;
      break;
    }
    return departed;
  }

  /** How many tags were read by an antenna until it read nothing more. */
  readonly #goneWith = (ear: Ear): number => {
    let count = 0;
    for (const { at } of this.#tags.values())
      if (at?.place.ear === ear && this.#antennas.isGoneWith(ear, at.lastRead)) count += 1;
    return count;
  };

  #arrive(sighting: TagSighting, place: Place, now: number): TagTransition | undefined {
    const { tag, zone } = sighting;
    if (this.#tags.size >= this.#options.most) {
      this.turnedAway += 1;
      return undefined;
    }
    const fresh: Tag = { zone, at: undefined, spots: [], covered: this.#antennas.time.of(zone) };
    const spot = this.#read(fresh, sighting, place, now);
    fresh.at = spot;
    place.ear.tags += 1;
    this.#tags.set(tag, fresh);
    return this.#told('arrived', tag, spot);
  }

  /** Another antenna's reads against those of the antenna that has it. */
  #isBetter(spot: Spot, at: Spot, now: number): boolean {
    const count = this.#rings.count(spot.ring);
    if (count < ENOUGH_READS) return false;
    const byAge = offsetAt(now - at.lastRead, this.#profile);
    const { ear } = at.place;
    const isNoWitness = this.#antennas.isNoWitness(ear, now);
    // As strays it would have been heard before: many that passed a portal look like a dead antenna at first.
    if (isNoWitness && ear.saidDead === undefined && spot.first > ear.lastRead && count >= WINDOW) return true;
    const offset = isNoWitness ? Math.max(0, byAge) : byAge;
    return this.#rings.mean(spot.ring) > this.#rings.mean(at.ring) + offset;
  }

  /** Nothing is known of where it was but the zone, and maybe the antenna. */
  #mayReplaceUnknown(tag: Tag, spot: Spot, now: number): boolean {
    if (spot.place.zone === tag.zone) return true;
    const ear = tag.at?.place.ear;
    if (ear !== undefined && this.#antennas.isNoWitness(ear, now)) return this.#rings.count(spot.ring) >= WINDOW;
    const age = now - (this.#since ?? now);
    return this.#rings.count(spot.ring) >= ENOUGH_READS && offsetAt(age, this.#profile) <= -this.#profile.threshold;
  }

  #read(tag: Tag, sighting: TagSighting, place: Place, now: number): Spot {
    const { rssi = NO_RSSI, count } = sighting;
    const spot = tag.spots.find((one) => one.place === place) ?? this.#newSpot(tag, place, now);
    spot.lastRead = now;
    for (let left = Math.min(count, WINDOW); left > 0; left -= 1) this.#rings.push(spot.ring, rssi);
    return spot;
  }

  #newSpot(tag: Tag, place: Place, now: number): Spot {
    if (tag.spots.length >= MOST_SPOTS) {
      const oldest = tag.spots.filter((spot) => spot !== tag.at).reduce((a, b) => (b.lastRead < a.lastRead ? b : a));
      this.#rings.give(oldest.ring);
      tag.spots = tag.spots.filter((spot) => spot !== oldest);
    }
    const spot: Spot = { place, ring: this.#rings.take(), first: now, lastRead: now };
    tag.spots.push(spot);
    return spot;
  }

  #told(is: 'arrived' | 'moved', tag: string, { place, ring }: Spot, from?: string): TagTransition {
    const { reader, antenna } = place.ear;
    const rssi = Math.round(this.#rings.mean(ring) * 10) / 10;
    return { is, tag, from, zone: place.zone, reader, antenna, reads: this.#rings.count(ring), rssi };
  }
}
