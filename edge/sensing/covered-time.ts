/**
 * For how long each zone has been looked at: time between two words of its readers, as far as they are close together.
 * A reader that fell silent proves nothing by it, and neither does one whose antennas in the zone are dead. So while none
 * of a zone's living antennas is heard from, the zone's clock stands still.
 */
import type { ReaderZones } from './tag-presence.ts';

/** The clock of all readers together, for zones that no reader is known to read. */
const SHOP = '';
/** Zones of one reader; the names may come from whoever sends, and more have the clock of the shop. */
const MOST_ZONES = 1000;
/** Antennas of one reader in one zone, for the same reason. */
const MOST_ANTENNAS = 256;
/** Before all time, ms. */
export const NEVER = -1e15;
/** Where a reader does not tell which antenna it was. */
export const UNNUMBERED = -1;

interface Clock {
  /** Milliseconds looked at. */
  total: number;
  heardAt: number | undefined;
}

interface Coverage {
  /** Zone -> its antennas; none: nobody knows which. */
  readonly zones: Map<string, Set<number>>;
  readonly dead: Set<number>;
  /** Of zones that an antenna reads which is not dead. */
  living: Clock[];
  heardAt: number;
  /** From when on it was heard without a gap. */
  since: number;
}

export class CoveredTime {
  readonly #gap: number;
  readonly #readers = new Map<string, Coverage>();
  readonly #clocks = new Map<string, Clock>();

  /** `gap`: a reader not heard from for longer was not at work, milliseconds. */
  constructor(readers: readonly ReaderZones[], gap: number) {
    this.#gap = gap;
    for (const { name, zones, antennas = {} } of readers) {
      for (const zone of zones) this.learn(name, zone);
      for (const [antenna, zone] of Object.entries(antennas)) this.learn(name, zone, Number(antenna));
    }
  }

  /** A reader turned out to read in a zone, too, and maybe with which antenna. */
  learn(reader: string, zone: string, antenna?: number): void {
    let coverage = this.#readers.get(reader);
    if (coverage === undefined) {
      coverage = { zones: new Map(), dead: new Set(), living: [], heardAt: NEVER, since: NEVER };
      this.#readers.set(reader, coverage);
    }
    let antennas = coverage.zones.get(zone);
    if (antennas === undefined) {
      if (coverage.zones.size >= MOST_ZONES) return;
      antennas = new Set();
      coverage.zones.set(zone, antennas);
    } else if (antenna === undefined || antennas.has(antenna) || antennas.size >= MOST_ANTENNAS) return;
    if (antenna !== undefined) antennas.add(antenna);
    this.#clockOf(zone);
    this.#findLiving(coverage);
  }

  /** An antenna died, or is there again. What it did not see while it was dead is not counted. */
  setDead(reader: string, antenna: number, isDead: boolean, now: number): void {
    const coverage = this.#readers.get(reader);
    if (coverage === undefined || coverage.dead.has(antenna) === isDead) return;
    if (isDead) coverage.dead.add(antenna);
    else coverage.dead.delete(antenna);
    const before = new Set(coverage.living);
    this.#findLiving(coverage);
    for (const clock of coverage.living) if (!before.has(clock)) clock.heardAt = now;
  }

  /** False: it is no reader. */
  heard(reader: string, now: number): boolean {
    const coverage = this.#readers.get(reader);
    if (coverage === undefined) return false;
    if (now - coverage.heardAt > this.#gap) coverage.since = now;
    coverage.heardAt = now;
    for (const clock of coverage.living) this.#advance(clock, now);
    if (coverage.living.length > 0) this.#advance(this.#clockOf(SHOP, now), now);
    return true;
  }

  /** Milliseconds for which a zone has been looked at; only differences mean anything. */
  of(zone: string): number {
    return (this.#clocks.get(zone) ?? this.#clocks.get(SHOP))?.total ?? 0;
  }

  /** Milliseconds for which a reader has been at work without a gap until now; 0: it is not. */
  workedFor(reader: string, now: number): number {
    const { heardAt = NEVER, since = now } = this.#readers.get(reader) ?? {};
    return now - heardAt > this.#gap ? 0 : now - since;
  }

  #findLiving(coverage: Coverage): void {
    const { zones, dead } = coverage;
    coverage.living = [...zones].flatMap(([zone, antennas]) => {
      const isLiving = antennas.size === 0 || [...antennas].some((antenna) => !dead.has(antenna));
      return isLiving ? [this.#clockOf(zone)] : [];
    });
  }

  /** It goes on where the clock stood by which the zone was judged before. */
  #clockOf(zone: string, now?: number): Clock {
    let clock = this.#clocks.get(zone);
    if (clock === undefined) {
      clock = { total: this.of(zone), heardAt: now };
      this.#clocks.set(zone, clock);
    }
    return clock;
  }

  #advance(clock: Clock, now: number): void {
    const passed = clock.heardAt === undefined ? 0 : now - clock.heardAt;
    if (passed <= this.#gap) clock.total += passed;
    clock.heardAt = now;
  }
}
