/**
 * Which antennas of RFID readers are dead. That a tag is not read is evidence that it is gone only if the antenna that
 * would read it works; a reader lives on when the cable of one antenna is pulled out. Two things tell:
 *
 * - The reader's word: disconnected. It holds until the reader says otherwise, or the antenna reads something.
 * - Nobody's word, but the evidence: of the many tags that an antenna had it reads none any more, nor anything else.
 *   That is a cable, a metal shelf before the antenna, or a lorry that took everything; tags that leave one by one look
 *   different, because the antenna goes on reading the others. Holding what has left costs a wrong count until the
 *   antenna reads again; letting go what is there empties a zone, makes gaps of full shelves and sends staff running.
 *   So it is held, and staff are told. An antenna that had few tags cannot be told from an empty zone, and its tags
 *   depart. A reader that says "connected" while the antenna is silent is believed. Nor do stray reads next door
 *   take its tags, as they are weaker; if a quarter of them is heard more strongly elsewhere, or again and again where
 *   they were never heard before, they were carried there, all of them.
 *
 * Of a reader that is silent itself no antenna is told of: that is another fault. But what its antennas alone could see
 * is held in the same way, where another reader goes on in the zone.
 *
 * A port that no tag was ever read by, and that the configuration does not name, is nobody's business: readers tell of
 * all their ports.
 */
import { CoveredTime, NEVER, UNNUMBERED } from './covered-time.ts';
import type { AntennaNews, DeadAntenna, ReaderZones } from './tag-presence.ts';

/** So many tags that it does not read any more, all at once, are a dead antenna. */
const MANY = 20;
/** An antenna with many tags reads something more often than so many times while one departs. */
const SILENT = 20;
/** What was read before a cable was pulled may come in after the reader's word on it, ms. */
const LATE_MS = 10_000;

/** Where an antenna reads. One whose readings name ever other zones has a place for each. */
export interface Place {
  readonly zone: string;
  readonly ear: Ear;
  /** The zone's covered time when the antenna was there again: only from then on absence counts. */
  since: number;
}

/** One antenna as the judge of absence; times on the elapsed clock, ms; NEVER: not since start. */
export interface Ear {
  readonly reader: string;
  /** Nothing: the reader does not tell which. */
  readonly antenna: number | undefined;
  /** Where it read last. */
  place: Place | undefined;
  /** It read something, whatever tag. */
  lastRead: number;
  /** Tags that it has, now and when it read last, or died. */
  tags: number;
  had: number;
  /** Of those that it had: heard more strongly in another zone since. */
  carried: number;
  /** Its reader said that it is connected. */
  saidWell: number;
  /** Its reader said that it is not, and nothing since. */
  saidDead: number | undefined;
  /** By what it does not read any more. */
  isDeaf: boolean;
  /** Either of them. */
  isDead: boolean;
  isTold: boolean;
}

export class Antennas {
  readonly time: CoveredTime;
  readonly #readers: ReadonlyMap<string, ReaderZones>;
  /** By reader and number: tags share them. */
  readonly #places = new Map<string, Map<number, Place>>();
  /** Tags whose antenna read them in its last `window` ms are gone with it. */
  readonly #window: number;
  readonly #departedAfter: number;
  #news: AntennaNews[] = [];

  constructor(readers: readonly ReaderZones[], gap: number, departedAfter: number) {
    this.time = new CoveredTime(readers, gap);
    this.#readers = new Map(readers.map((reader) => [reader.name, reader]));
    this.#window = departedAfter / 2;
    this.#departedAfter = departedAfter;
  }

  /** Begins anew: nothing was read, none is dead. */
  clear(): void {
    this.#news = [];
    for (const antennas of this.#places.values())
      for (const { ear } of antennas.values()) {
        this.#revive(ear, 0);
        ear.lastRead = NEVER;
        ear.saidWell = NEVER;
        ear.tags = 0;
        ear.had = 0;
        ear.carried = 0;
      }
  }

  /** Where an antenna reads. */
  placeOf(reader: string, antenna: number | undefined, zone: string): Place {
    const number = antenna ?? UNNUMBERED;
    let antennas = this.#places.get(reader);
    if (antennas === undefined) {
      antennas = new Map();
      this.#places.set(reader, antennas);
    }
    const known = antennas.get(number);
    if (known?.zone === zone) return known;
    const ear = known?.ear ?? newEar(reader, antenna);
    const place: Place = { zone, ear, since: Number.NEGATIVE_INFINITY };
    ear.place = place;
    antennas.set(number, place);
    this.time.learn(reader, zone, number);
    return place;
  }

  /** Where a tag was when the hub was stopped; nothing: the configuration does not say so any more. */
  knownPlace(reader: string, antenna: number | undefined, zone: string): Place | undefined {
    const entry = this.#readers.get(reader);
    const isThere =
      antenna !== undefined && entry?.antennas?.[antenna] !== undefined
        ? entry.antennas[antenna] === zone
        : entry?.others !== false && entry?.zones.includes(zone);
    return isThere ? this.placeOf(reader, antenna, zone) : undefined;
  }

  /** As remembered. */
  restore({ reader, antenna, state }: DeadAntenna): void {
    const ear = this.#used(reader, antenna ?? UNNUMBERED) ?? this.#possible(reader, antenna);
    if (ear === undefined) return;
    if (state === 'deaf') ear.isDeaf = true;
    else ear.saidDead = NEVER;
    ear.isTold = true;
    this.#update(ear, 0);
  }

  /** Whether it is told of: the configuration names it, or it read something. */
  isUsed({ reader, antenna }: DeadAntenna): boolean {
    return this.#used(reader, antenna ?? UNNUMBERED) !== undefined;
  }

  /** The reader's word on its antennas: number -> connected. */
  say(reader: string, antennas: Readonly<Record<string, boolean>>, now: number): void {
    for (const [number, isConnected] of Object.entries(antennas)) {
      const ear = this.#used(reader, Number(number));
      if (ear === undefined) continue;
      if (isConnected) {
        ear.saidWell = now;
        if (ear.isDead) this.#isBack(ear, now);
      } else if (ear.saidDead === undefined) {
        ear.saidDead = now;
        this.#update(ear, now);
        this.#tell(ear, 'disconnected');
      }
    }
  }

  /** Whether the reader's word would change anything. */
  isNews(reader: string, antennas: Readonly<Record<string, boolean>>): boolean {
    return Object.entries(antennas).some(([number, isConnected]) => {
      const ear = this.#used(reader, Number(number));
      return ear !== undefined && (isConnected ? ear.isDead : ear.saidDead === undefined);
    });
  }

  /** It read a tag, so it is not dead, whatever was said. */
  reads(ear: Ear, now: number): void {
    ear.lastRead = now;
    ear.had = ear.tags;
    ear.carried = 0;
    if (ear.isDead && now - (ear.saidDead ?? NEVER) >= LATE_MS) this.#isBack(ear, now);
  }

  /**
   * One of its tags was heard more strongly in another zone. When that is a quarter of them, it was no cable: what it had
   * was carried away while nobody read it there, as over night, and absence counts again.
   */
  carriedOff(ear: Ear, now: number): void {
    ear.carried += 1;
    if (ear.isDeaf && ear.saidDead === undefined && ear.carried * 4 >= ear.had) this.#isBack(ear, now);
  }

  /** That it does not read a tag is no evidence: it is dead, or it may be. */
  isNoWitness(ear: Ear, now: number): boolean {
    return ear.isDead || this.#isSilent(ear, now);
  }

  /** Who read many tags and then nothing, for so long that they would have departed, is dead. */
  lookAround(goneWith: (ear: Ear) => number, now: number): void {
    for (const antennas of this.#places.values())
      for (const { ear } of antennas.values()) {
        if (ear.isTold || now - ear.lastRead < this.#departedAfter || !this.#isSilent(ear, now)) continue;
        if (this.time.workedFor(ear.reader, now) < this.#departedAfter) continue;
        const items = goneWith(ear);
        if (items < MANY) continue;
        this.#deafen(ear, now);
        this.#tell(ear, 'deaf', items);
      }
  }

  #isSilent({ lastRead, saidWell, tags, had }: Ear, now: number): boolean {
    return now - lastRead > this.#departedAfter / SILENT && tags >= MANY && tags * 4 > had * 3 && saidWell <= lastRead;
  }

  /** A tag that it read at that time is gone, and so is everything else that it read then. */
  isGoneWith(ear: Ear, readAt: number): boolean {
    return ear.lastRead - readAt <= this.#window;
  }

  /** Whether a tag that it read at that time is held though it is gone. `goneWith`: how many others went with it. */
  holds(ear: Ear, readAt: number, goneWith: (ear: Ear) => number, now: number): boolean {
    if (!ear.isDeaf) {
      if (!this.isGoneWith(ear, readAt) || ear.saidWell > ear.lastRead || goneWith(ear) < MANY) return false;
      this.#deafen(ear, now);
    }
    const isReaderWell = this.time.workedFor(ear.reader, now) >= this.#window;
    if (!ear.isTold && isReaderWell) this.#tell(ear, 'deaf', goneWith(ear));
    return true;
  }

  get hasNews(): boolean {
    return this.#news.length > 0;
  }

  /** What became of antennas since the last time. */
  takeNews(): readonly AntennaNews[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /** An antenna that the configuration names, or that read something. */
  #used(reader: string, number: number): Ear | undefined {
    const known = this.#places.get(reader)?.get(number);
    if (known !== undefined) return known.ear;
    const zone = this.#readers.get(reader)?.antennas?.[number];
    return zone === undefined ? undefined : this.placeOf(reader, number, zone).ear;
  }

  /** One that the configuration does not exclude, where it can read in one zone only. */
  #possible(reader: string, antenna: number | undefined): Ear | undefined {
    const { others = false, zones = [] } = this.#readers.get(reader) ?? {};
    const [zone] = zones;
    return others && zone !== undefined && zones.length === 1 ? this.placeOf(reader, antenna, zone).ear : undefined;
  }

  #deafen(ear: Ear, now: number): void {
    ear.isDeaf = true;
    // What was carried away before does not count again.
    ear.had = ear.tags;
    ear.carried = 0;
    this.#update(ear, now);
  }

  #isBack(ear: Ear, now: number): void {
    const { isTold, place } = ear;
    this.#revive(ear, now);
    if (place !== undefined) place.since = this.time.of(place.zone);
    if (isTold) this.#tell(ear, 'connected');
  }

  #revive(ear: Ear, now: number): void {
    ear.isDeaf = false;
    ear.saidDead = undefined;
    ear.isTold = false;
    this.#update(ear, now);
  }

  #update(ear: Ear, now: number): void {
    ear.isDead = ear.isDeaf || ear.saidDead !== undefined;
    this.time.setDead(ear.reader, ear.antenna ?? UNNUMBERED, ear.isDead, now);
  }

  #tell(ear: Ear, state: AntennaNews['state'], items?: number): void {
    const { reader, antenna, place } = ear;
    ear.isTold = state !== 'connected';
    this.#news.push({ reader, antenna, zone: place?.zone, state, items });
  }
}

function newEar(reader: string, antenna: number | undefined): Ear {
  const flags = { isDeaf: false, isDead: false, isTold: false };
  return {
    reader,
    antenna,
    place: undefined,
    lastRead: NEVER,
    tags: 0,
    had: 0,
    carried: 0,
    saidWell: NEVER,
    saidDead: undefined,
    ...flags,
  };
}
