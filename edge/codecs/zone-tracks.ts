/** Who or what is in which zone, from entries and exits of tracked objects; how many of them at most, so that lost exits cannot add up. */

const MOST_TRACKS = 10_000;

export class ZoneTracks {
  readonly #zones = new Map<string, Set<string>>();
  readonly #counts = new Map<string, number>();

  count(zone: string): number {
    return this.#counts.get(zone) ?? 0;
  }

  zonesOf(track: string): readonly string[] {
    return [...(this.#zones.get(track) ?? [])];
  }

  has(track: string): boolean {
    return this.#zones.has(track);
  }

  /** Whether it was not there before. */
  enter(track: string, zone: string): boolean {
    const zones = this.#zones.get(track) ?? new Set();
    if (zones.has(zone)) return false;
    zones.add(zone);
    // The one seen longest ago is the first to be given up.
    this.#zones.delete(track);
    this.#zones.set(track, zones);
    this.#counts.set(zone, this.count(zone) + 1);
    if (this.#zones.size > MOST_TRACKS) this.forget(this.#zones.keys().next().value ?? track);
    return true;
  }

  /** Whether it was there. */
  leave(track: string, zone: string): boolean {
    const zones = this.#zones.get(track);
    if (!zones?.delete(zone)) return false;
    if (zones.size === 0) this.#zones.delete(track);
    this.#less(zone);
    return true;
  }

  /** It is nowhere any more; the zones where it was. */
  forget(track: string): readonly string[] {
    const zones = this.zonesOf(track);
    this.#zones.delete(track);
    for (const zone of zones) this.#less(zone);
    return zones;
  }

  #less(zone: string): void {
    const left = this.count(zone) - 1;
    if (left > 0) this.#counts.set(zone, left);
    else this.#counts.delete(zone);
  }
}
