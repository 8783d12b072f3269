/**
 * For how long each zone has been looked at: time between two words of its readers, as far as they are close together.
 * A reader that fell silent proves nothing by it, so while none of a zone is heard from, the zone's clock stands still.
 */
import type { ReaderZones } from './tag-presence.ts';

/** The clock of all readers together, for zones that no reader is known to read. */
const SHOP = '';
/** Zones of one reader; the names may come from whoever sends, and more have the clock of the shop. */
const MOST_ZONES = 1000;

interface Clock {
  /** Milliseconds looked at. */
  total: number;
  heardAt: number | undefined;
}

export class CoveredTime {
  readonly #gap: number;
  readonly #zones = new Map<string, Set<string>>();
  readonly #clocks = new Map<string, Clock>();

  /** `gap`: a reader not heard from for longer was not at work, milliseconds. */
  constructor(readers: readonly ReaderZones[], gap: number) {
    this.#gap = gap;
    for (const { name, zones } of readers) for (const zone of zones) this.learn(name, zone);
  }

  /** A reader turned out to read in a zone, too. */
  learn(reader: string, zone: string): void {
    const zones = this.#zones.get(reader);
    if (zones === undefined) this.#zones.set(reader, new Set([zone]));
    else if (!zones.has(zone) && zones.size < MOST_ZONES) zones.add(zone);
    else return;
    // It goes on where the clock stood by which the zone was judged before.
    if (!this.#clocks.has(zone)) this.#clocks.set(zone, { total: this.of(zone), heardAt: undefined });
  }

  /** False: it is no reader. */
  heard(reader: string, now: number): boolean {
    const zones = this.#zones.get(reader);
    if (zones === undefined) return false;
    for (const zone of zones) this.#advance(zone, now);
    this.#advance(SHOP, now);
    return true;
  }

  /** Milliseconds for which a zone has been looked at; only differences mean anything. */
  of(zone: string): number {
    return (this.#clocks.get(zone) ?? this.#clocks.get(SHOP))?.total ?? 0;
  }

  #advance(zone: string, now: number): void {
    const clock = this.#clocks.get(zone);
    if (clock === undefined) {
      this.#clocks.set(zone, { total: 0, heardAt: now });
      return;
    }
    const passed = clock.heardAt === undefined ? 0 : now - clock.heardAt;
    if (passed <= this.#gap) clock.total += passed;
    clock.heardAt = now;
  }
}
