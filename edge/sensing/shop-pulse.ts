/**
 * Whether the shop is at work, told from its devices alone: those that are quiet every night (tills, counters, sensors of
 * shelves) follow people, and when nearly all of them are quiet together the shop sleeps, be it night, Sunday or a
 * holiday that no calendar knows. Time is cut into slots of five minutes; a slot counts as work when at least a quarter of
 * the followers that are usually heard in one were heard in it. Opening hours, where they are given, leave out further
 * slots: shelves are filled before the doors open, and a till is right to be quiet then.
 *
 * There is one such clock for the shop, and one for each kind of device, by which a till is compared with the other
 * tills. A clock whose followers are too few to tell stands still.
 */

/** ms. */
export const SLOT_MS = 300_000;
/** After a longer time of which nothing is known, it is not made up for. */
const MOST_SLOTS = 288;
const FEWEST = 2;
/** Of what is usual. */
const SHARE = 1 / 4;
const UP = 0.1;
const DOWN = 0.01;
/** In a slot of sleep: what was taken away for good is forgotten within days. */
const FADE = 0.001;

export interface Follower {
  readonly kin: string;
}

interface Circle {
  /** How many are heard in a usual slot of work. */
  level: number;
  /** Slots of work. */
  slots: number;
  followers: number;
  heard: number;
}

export class ShopPulse {
  readonly #shop = circle();
  readonly #kin = new Map<string, Circle>();
  #slot: number | undefined;
  #open: ((wall: number) => boolean) | undefined;

  /** `open`: whether the shop is open at a wall clock (epoch ms); absent: nobody said. */
  constructor(open?: (wall: number) => boolean) {
    this.#open = open;
  }

  /** How many are heard in a usual slot of work, by kind and, under no name, of the shop: what a restart needs. */
  get levels(): Readonly<Record<string, number>> {
    const rounded = ([kin, { level }]: readonly [string, Circle]) => [kin, Math.round(level * 10) / 10] as const;
    return Object.fromEntries([['', this.#shop] as const, ...this.#kin].map(rounded));
  }

  recall(levels: Readonly<Record<string, number>>): void {
    for (const [kin, level] of Object.entries(levels)) (kin === '' ? this.#shop : this.#of(kin)).level = level;
  }

  /** Which slot it is. `now`: elapsed, ms. */
  static slotAt(now: number): number {
    return Math.floor(now / SLOT_MS);
  }

  /** From now on somebody can be heard. */
  begin(now: number): void {
    this.#slot = ShopPulse.slotAt(now);
  }

  /** The first slot that is over and was not counted. */
  over(now: number): number | undefined {
    const is = ShopPulse.slotAt(now);
    if (this.#slot === undefined || is - this.#slot > MOST_SLOTS) this.#slot = is;
    return this.#slot < is ? this.#slot : undefined;
  }

  /** A slot is over. `followers`: everybody who is quiet at night, with whether they were heard in it. */
  count(slot: number, now: number, wall: number, followers: Iterable<readonly [Follower, boolean]>): void {
    this.#slot = slot + 1;
    for (const one of [this.#shop, ...this.#kin.values()]) one.followers = one.heard = 0;
    for (const [{ kin }, heard] of followers) {
      for (const one of [this.#shop, this.#of(kin)]) {
        one.followers += 1;
        if (heard) one.heard += 1;
      }
    }
    const open = this.#open?.(wall - (now - (slot + 0.5) * SLOT_MS)) ?? true;
    for (const one of this.#kin.values()) beat(one, open);
    const alone = this.#open !== undefined && this.#shop.followers < FEWEST;
    if (!alone) beat(this.#shop, open);
    else if (open) this.#shop.slots += 1;
  }

  /** Work so far in ms, of the shop or of a kind. */
  worked(kin?: string): number {
    return (this.#circle(kin)?.slots ?? 0) * SLOT_MS;
  }

  /** Whether there are enough who follow people, or opening hours, for that clock to go. */
  tells(kin?: string): boolean {
    if (kin === undefined && this.#open !== undefined) return true;
    return (this.#circle(kin)?.followers ?? 0) >= FEWEST;
  }

  #circle(kin: string | undefined): Circle | undefined {
    return kin === undefined ? this.#shop : this.#kin.get(kin);
  }

  #of(kin: string): Circle {
    let one = this.#kin.get(kin);
    if (one === undefined) {
      one = circle();
      this.#kin.set(kin, one);
    }
    return one;
  }
}

function circle(): Circle {
  return { level: 0, slots: 0, followers: 0, heard: 0 };
}

function beat(one: Circle, open: boolean): void {
  if (one.followers < FEWEST) return;
  const works = one.heard >= Math.max(1, one.level * SHARE);
  one.level += works ? (one.heard - one.level) * (one.heard > one.level ? UP : DOWN) : -one.level * FADE;
  if (works && open) one.slots += 1;
}
