/**
 * The rhythm of one device, or of several behind one way: how long it is quiet now, and how long it may be.
 *
 *   given ................ that long
 *   learned .............. three times the longest pause of its days (pauses.ts); nothing before it was heard for a day
 *                          and a night. What measures cold is judged within hours, once it is seen to be regular: it
 *                          is what hurts first, and the cold has no closing time
 *   goes on at night ..... on the elapsed clock
 *   sleeps with the shop . on the clock of the shop's work, and on that of its like (shop-pulse.ts); without others to
 *                          compare with, by days. Before two days of work are known it is not judged
 *
 * A device sleeps when it was seen to pause for hours, unless the configuration knows better. Three times is late for a
 * till, and true: a cashier's break is as long as a cable that is out. Who wants to know sooner gives a rhythm.
 */
import { Pauses } from './pauses.ts';
import { type ShopPulse, SLOT_MS } from './shop-pulse.ts';

const CLOCKS = ['own', 'kin', 'shop'] as const;
type ClockName = (typeof CLOCKS)[number];

const DAY_MS = 86_400_000;
/** Longer pauses are sleep. */
const SLEEP_MS = 4 * 3_600_000;
/** A learned limit is at least so long: readers start anew, Wi-Fi has its moments. */
const FLOOR_MS = 300_000;
const WORK_FLOOR_MS = 6 * SLOT_MS;
/** So many times its longest pause is silence: in the first days, and then. */
const EARLY_FACTOR = 4;
const FACTOR = 3;
const EARLY_DAYS = 4;
/** Days to be known before it is judged by the shop's work. */
const WORK_DAYS = 2;
/** Nobody to compare with, and no opening hours: longer than Easter. */
const ALONE_MS = 4 * DAY_MS;
/** Gaps of one day after which it may be seen to be regular, and the square of how much they vary. */
const REGULAR_GAPS = 20;
/** Of a day. */
const LIVELY_GAPS = 40;
const REGULAR = 0.25;

export interface RhythmOptions {
  /** ms. */
  readonly given?: number | undefined;
  /** Devices of the same sort. */
  readonly kin: string;
  /** Whether it goes on while the shop is closed; absent: learned. */
  readonly overnight?: boolean | undefined;
  /** It measures cold. */
  readonly cold?: boolean | undefined;
}

/**
 * When its day began (elapsed, ms), its pauses on its own clock, on that of its like and on that of the shop, and how
 * often it was heard on the day before.
 */
export type LearnedRhythm = readonly [since: number, own: string, kin: string, shop: string, gaps: number];

/** How far the silence is on one clock: `quiet` of `limit`, ms; `work`: it is time in which the shop is at work. */
export interface Measure {
  readonly quiet: number;
  readonly limit: number;
  readonly work: boolean;
}

export class Rhythm {
  readonly #options: RhythmOptions;
  readonly #pulse: ShopPulse;
  #pauses: Readonly<Record<ClockName, Pauses>> = { own: new Pauses(), kin: new Pauses(), shop: new Pauses() };
  /** Of its day. */
  #since: number | undefined;
  /** Elapsed, ms: it was heard then, or is waited for from then on. */
  last = 0;
  #lastKin = 0;
  #lastShop = 0;
  /** Gaps of the day before. */
  #yesterday = 0;
  #gaps = { count: 0, sum: 0, squares: 0 };
  /** A pause that was taken for silence. */
  #silence: { readonly ms: number; readonly at: number } | undefined;
  #sleeps = false;
  #limits: Readonly<Partial<Record<ClockName, number | undefined>>> = {};

  constructor(options: RhythmOptions, pulse: ShopPulse) {
    this.#options = options;
    this.#pulse = pulse;
    this.#decide();
  }

  get kin(): string {
    return this.#options.kin;
  }

  /** It is quiet while the shop is closed, and lively enough to tell others that it is at work. */
  get isWitness(): boolean {
    return this.#sleeps && this.#isLively;
  }

  get #isLively(): boolean {
    return Math.max(this.#yesterday, this.#gaps.count) >= LIVELY_GAPS;
  }

  get learned(): LearnedRhythm | undefined {
    if (this.#since === undefined) return undefined;
    const { own, kin, shop } = this.#pauses;
    return [this.#since, own.toString(), kin.toString(), shop.toString(), this.#yesterday];
  }

  recall([since, own, kin, shop, gaps]: LearnedRhythm): void {
    this.#since = since;
    this.#yesterday = gaps;
    this.#pauses = { own: new Pauses(own), kin: new Pauses(kin), shop: new Pauses(shop) };
    this.#decide();
  }

  /** It is waited for from now on. */
  waitFrom(now: number): void {
    this.last = now;
    this.#lastKin = this.#pulse.worked(this.kin);
    this.#lastShop = this.#pulse.worked();
  }

  /** It was heard. Whether it learned something. `silent`: the pause had been called a silence. */
  heard(now: number, silent: boolean): boolean {
    const gaps = this.#quiet(now);
    this.waitFrom(now);
    let news = this.#since === undefined;
    this.#since ??= now;
    // One silence is an outage; a second that is about as long within days is how the device is.
    if (!silent || this.#comesAgain(gaps.own, now)) {
      for (const clock of CLOCKS) {
        const gap = gaps[clock];
        if (gap !== undefined) news = this.#pauses[clock].add(gap) || news;
      }
      this.#count(gaps.own);
    }
    if (now - this.#since >= DAY_MS) {
      for (const clock of CLOCKS) this.#pauses[clock].turn();
      this.#since = now;
      this.#yesterday = this.#gaps.count;
      this.#gaps = { count: 0, sum: 0, squares: 0 };
      news = true;
    }
    if (news || this.#gaps.count === REGULAR_GAPS) this.#decide();
    return news;
  }

  /** On each clock that tells something about it. */
  measures(now: number): readonly Measure[] {
    const quiet = this.#quiet(now);
    const measure = (clock: ClockName): Measure[] => {
      const [is, limit] = [quiet[clock], this.#limits[clock]];
      return is === undefined || limit === undefined ? [] : [{ quiet: is, limit, work: clock !== 'own' }];
    };
    if (!this.#sleeps) return measure('own');
    const told = [...measure('kin'), ...measure('shop')];
    if (told.length > 0 || this.#limits.own === undefined) return told;
    const least = this.#options.given === undefined ? ALONE_MS : 0;
    return [{ quiet: quiet.own, limit: Math.max(this.#limits.own, least), work: false }];
  }

  /** Since it was heard last, on each clock that goes. */
  #quiet(now: number): Readonly<Record<ClockName, number | undefined>> & { readonly own: number } {
    const pulse = this.#pulse;
    return {
      own: now - this.last,
      kin: pulse.tells(this.kin) ? pulse.worked(this.kin) - this.#lastKin : undefined,
      shop: pulse.tells() ? pulse.worked() - this.#lastShop : undefined,
    };
  }

  #count(gap: number): void {
    this.#gaps.count += 1;
    this.#gaps.sum += gap;
    this.#gaps.squares += gap * gap;
  }

  #comesAgain(ms: number, at: number): boolean {
    const last = this.#silence;
    this.#silence = { ms, at };
    return last !== undefined && at - last.at < 2 * DAY_MS && ms <= last.ms * 2 && last.ms <= ms * 2;
  }

  #decide(): void {
    const { given, overnight, cold } = this.#options;
    this.#sleeps = overnight === undefined ? given === undefined && this.#pauses.own.usual >= SLEEP_MS : !overnight;
    const limitOf = (clock: ClockName): number | undefined => {
      if (given !== undefined) return given;
      const { days, usual, longest } = this.#pauses[clock];
      const isKnown = clock === 'own' ? days > 0 || (cold === true && this.#isRegular()) : days >= WORK_DAYS;
      // Of the few pauses of a day even the worst is no exception.
      const pause = this.#isLively ? usual : longest;
      const factor = days < EARLY_DAYS ? EARLY_FACTOR : FACTOR;
      if (!isKnown) return undefined;
      return Math.max(clock === 'own' ? FLOOR_MS : WORK_FLOOR_MS, pause * factor);
    };
    this.#limits = { own: limitOf('own'), kin: limitOf('kin'), shop: limitOf('shop') };
  }

  #isRegular(): boolean {
    const { count, sum, squares } = this.#gaps;
    const mean = sum / count;
    return count >= REGULAR_GAPS && squares / count - mean * mean < REGULAR * mean * mean;
  }
}
