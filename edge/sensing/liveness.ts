/**
 * Whether the configured devices still say something, each by its rhythm (rhythm.ts), and whether their clocks are right.
 * Told once a second who was heard, it says who fell silent and who is back. Durations run on the elapsed clock, and a
 * hub that was down, or could store nothing, waits for everybody anew before it calls them silent.
 *
 * Devices that come by one way (a LoRaWAN network server, a bridge, a broker, a server) have a rhythm together: when
 * all of them are quiet it is the way that is silent, and they are not waited for until it is back.
 *
 * What outlives a restart is small: who is called silent or wrong, the longest pauses of the last days, and how many
 * devices are heard in a usual slot of work. What is waited for begins anew.
 */
import { DeviceClock } from './device-clock.ts';
import { type LearnedRhythm, type Measure, Rhythm } from './rhythm.ts';
import { ShopPulse, SLOT_MS } from './shop-pulse.ts';

export interface WatchedDevice {
  readonly name: string;
  /** ms; absent: learned. */
  readonly rhythm?: number | undefined;
  /** Devices of the same sort have the same. */
  readonly kin?: string | undefined;
  /** The way that it shares with others; at least two make one. */
  readonly way?: string | undefined;
  /** Whether it goes on while the shop is closed; absent: learned. */
  readonly overnight?: boolean | undefined;
  /** It measures cold. */
  readonly cold?: boolean | undefined;
}

/** A device was heard in the second before. */
export interface HeardDevice {
  readonly device: string;
  /** Its clock minus the hub's, ms. */
  readonly offset?: number | undefined;
}

export type LivenessNews =
  /**
   * `quietMs`: since it was last heard; `expectedMs`: it should have been within, `work`: of the time in which the shop
   * is at work. `behind`: it is a way, and so many devices are behind it.
   */
  | {
      readonly is: 'silent';
      readonly device: string;
      readonly quietMs: number;
      readonly expectedMs: number;
      readonly work: boolean;
      readonly behind?: number;
    }
  | { readonly is: 'back'; readonly device: string }
  /** It was called silent before it was seen that the way to it is. */
  | { readonly is: 'folded'; readonly device: string; readonly into: string }
  | { readonly is: 'clock'; readonly device: string; readonly seconds: number; readonly off: boolean };

/** What is remembered of a device, of a way, or under no name of the shop. */
export interface KnownLiveness {
  readonly silent?: true;
  /** It is told of with the way to it. */
  readonly folded?: true;
  readonly off?: true;
  readonly pauses?: LearnedRhythm;
  /** Of the shop. */
  readonly levels?: Readonly<Record<string, number>>;
}

export interface LivenessMemory {
  recall(device: string): KnownLiveness | undefined;
  remember(device: string, known: KnownLiveness | null): void;
}

interface Watched {
  readonly name: string;
  readonly rhythm: Rhythm;
  readonly clock: DeviceClock;
  way: Way | undefined;
  /** The slot (shop-pulse.ts) in which it was heard last. */
  slot: number | undefined;
  silent: boolean;
  folded: boolean;
  /** Since when it is called silent, elapsed ms. */
  silentAt: number;
}

interface Way extends Watched {
  readonly members: Watched[];
}

const SHOP = '';
/** So far towards its limit, a device is quiet for longer than it ever usually is. */
const UNUSUAL = 0.4;

export class Liveness {
  readonly #memory: LivenessMemory;
  readonly #pulse: ShopPulse;
  readonly #devices = new Map<string, Watched>();
  readonly #ways: readonly Way[];
  #levels: Readonly<Record<string, number>> = {};
  #next = Number.POSITIVE_INFINITY;
  #isPaused = true;
  /** Asked for with every batch. */
  #quiet: readonly string[] | undefined;

  /** `open`: whether the shop is open at a wall clock (epoch ms); absent: nobody said. */
  constructor(devices: readonly WatchedDevice[], memory: LivenessMemory, open?: (wall: number) => boolean) {
    this.#memory = memory;
    this.#pulse = new ShopPulse(open);
    const ways = new Map<string, WatchedDevice[]>();
    for (const device of devices) {
      this.#devices.set(device.name, this.#watched(device));
      if (device.way !== undefined) ways.set(device.way, [...(ways.get(device.way) ?? []), device]);
    }
    this.#ways = [...ways].flatMap(([name, behind]) => (behind.length < 2 ? [] : this.#way(name, behind)));
  }

  /** What is remembered, (re)read at start and after a transaction that failed. */
  load(): void {
    this.#quiet = undefined;
    for (const watched of this.#everybody()) {
      const { silent, folded, off, pauses } = this.#memory.recall(watched.name) ?? {};
      watched.silent = silent === true;
      watched.folded = folded === true;
      watched.clock.isOff = off === true;
      if (pauses !== undefined && watched.rhythm.learned === undefined) watched.rhythm.recall(pauses);
    }
    const { levels } = this.#memory.recall(SHOP) ?? {};
    if (levels !== undefined && this.#isPaused) this.#pulse.recall(levels);
    this.#levels = levels ?? {};
    this.#next = 0;
  }

  /** Nobody can be heard now: afterwards everybody is waited for anew. */
  pause(): void {
    this.#isPaused = true;
    this.#next = 0;
  }

  /** When (elapsed) somebody may be silent; nothing: never. */
  get nextAt(): number | undefined {
    return Number.isFinite(this.#next) ? this.#next : undefined;
  }

  /** In the order of the configuration, those behind a way that is silent, too. */
  get quiet(): readonly string[] {
    this.#quiet ??= [...this.#devices.values()]
      .filter(({ silent, folded, way }) => silent || folded || way?.silent)
      .map(({ name }) => name);
    return this.#quiet;
  }

  /** `canTell`: news can be stored now; without, they come with the next time that it is heard. */
  heard({ device, offset }: HeardDevice, now: number, wall: number, canTell: boolean): LivenessNews[] {
    const watched = this.#devices.get(device);
    if (watched === undefined) return [];
    this.#turn(now, wall);
    const { way, clock } = watched;
    const news: LivenessNews[] = way === undefined ? [] : this.#hear(way, now, canTell);
    news.push(...this.#hear(watched, now, canTell));
    if (offset === undefined) return news;
    clock.look(offset);
    const change = canTell ? clock.change() : undefined;
    if (change !== undefined) {
      this.#remember(watched);
      news.push({ is: 'clock', device, ...change });
    }
    return news;
  }

  /** Who fell silent until now. */
  due(now: number, wall: number): LivenessNews[] {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#pulse.begin(now);
      for (const { rhythm } of this.#everybody()) rhythm.waitFrom(now);
    } else if (now < this.#next) return [];
    this.#turn(now, wall);
    this.#next = Number.POSITIVE_INFINITY;
    const news = this.#ways.flatMap((way) => this.#lookAtWay(way, now));
    for (const watched of this.#devices.values()) {
      // Who was folded into a way that is back is waited for anew: the way is no excuse any more.
      if (watched.silent || watched.way?.silent) continue;
      const measures = watched.rhythm.measures(now);
      const over = measures.find(({ quiet, limit }) => quiet >= limit);
      if (over === undefined) this.#waitFor(measures, now);
      else news.push(this.#silence(watched, over, now));
    }
    return news;
  }

  #hear(watched: Watched, now: number, canTell: boolean): LivenessNews[] {
    const { rhythm, name } = watched;
    const wasSilent = watched.silent || watched.folded;
    watched.slot = ShopPulse.slotAt(now);
    if (wasSilent && !canTell) {
      rhythm.waitFrom(now);
      return [];
    }
    const learned = rhythm.heard(now, wasSilent);
    this.#waitFor(rhythm.measures(now), now);
    // Written with the next commit, never a cause for one.
    if (learned && !wasSilent) this.#remember(watched);
    if (!wasSilent) return [];
    if ('members' in watched) for (const member of (watched as Way).members) member.rhythm.waitFrom(now);
    watched.silent = watched.folded = false;
    this.#quiet = undefined;
    this.#remember(watched);
    return [{ is: 'back', device: name }];
  }

  /** All that come by it are quiet, and two of them longer than they usually are. */
  #lookAtWay(way: Way, now: number): LivenessNews[] {
    if (way.silent) return [];
    const { rhythm, members } = way;
    // Who fell silent while the others were heard is gone for a reason of its own.
    const waited = members.filter(({ silent, silentAt }) => !silent || silentAt >= rhythm.last);
    const pressures = waited.flatMap((member) => {
      const pressure = pressureOf(member.rhythm.measures(now));
      return pressure === undefined ? [] : [pressure];
    });
    const measures = rhythm.measures(now);
    const isOver =
      measures.length > 0 ? measures.some(isOverdue) : pressures.every(isUnusual) && pressures.some((one) => one >= 1);
    if (!isOver || pressures.filter(isUnusual).length < 2) {
      this.#waitFor(measures, now);
      for (const member of waited) this.#waitFor(member.rhythm.measures(now), now, UNUSUAL);
      return [];
    }
    const [over = longestOf(waited, now)] = measures.filter(isOverdue);
    const news: LivenessNews[] = [{ ...this.#silence(way, over, now), behind: waited.length }];
    for (const member of waited) {
      if (!member.silent) continue;
      member.silent = false;
      member.folded = true;
      this.#remember(member);
      news.push({ is: 'folded', device: member.name, into: way.name });
    }
    return news;
  }

  #silence(watched: Watched, { limit, work }: Measure, now: number): Extract<LivenessNews, { is: 'silent' }> {
    watched.silent = true;
    watched.folded = false;
    watched.silentAt = now;
    this.#quiet = undefined;
    this.#remember(watched);
    return { is: 'silent', device: watched.name, quietMs: now - watched.rhythm.last, expectedMs: limit, work };
  }

  /** The next look is at the earliest moment at which one of the limits, or this share of it, may be reached. */
  #waitFor(measures: readonly Measure[], now: number, share = 1): void {
    for (const { quiet, limit, work } of measures) {
      const left = limit * share - quiet;
      // The clock of work goes by slots, and may stand still all night.
      const slotEnd = work ? (ShopPulse.slotAt(now) + 1) * SLOT_MS : 0;
      if (left > 0) this.#next = Math.min(this.#next, Math.max(now + Math.ceil(left), slotEnd));
    }
  }

  /** Slots of time are over: was the shop at work in them? */
  #turn(now: number, wall: number): void {
    let slot = this.#pulse.over(now);
    if (slot === undefined) return;
    const followers = [...this.#devices.values()].filter(({ rhythm }) => rhythm.isWitness);
    for (; slot !== undefined; slot = this.#pulse.over(now)) {
      const of = slot;
      const heard = followers.map((one) => [one.rhythm, one.slot === of] as const);
      this.#pulse.count(of, now, wall, heard);
    }
    const { levels } = this.#pulse;
    const isOther = ([kin, level]: [string, number]): boolean => {
      const known = this.#levels[kin] ?? 0;
      return Math.abs(level - known) > Math.max(1, known / 4);
    };
    if (!Object.entries(levels).some(isOther)) return;
    this.#levels = levels;
    this.#memory.remember(SHOP, { levels });
  }

  #remember({ name, silent, folded, clock, rhythm }: Watched): void {
    const { learned } = rhythm;
    this.#memory.remember(name, {
      ...(silent && { silent }),
      ...(folded && { folded }),
      ...(clock.isOff && { off: true as const }),
      ...(learned !== undefined && { pauses: learned }),
    });
  }

  *#everybody(): Iterable<Watched> {
    yield* this.#devices.values();
    yield* this.#ways;
  }

  #watched({ name, rhythm: given, kin = '', overnight, cold }: WatchedDevice): Watched {
    const rhythm = new Rhythm({ given, kin: kin || 'any', overnight, cold }, this.#pulse);
    const flags = { slot: undefined, silent: false, folded: false, silentAt: 0 };
    return { name, rhythm, clock: new DeviceClock(), way: undefined, ...flags };
  }

  #way(name: string, behind: readonly WatchedDevice[]): Way {
    const overnight = behind.some((one) => one.overnight === true) ? true : undefined;
    const members = behind.flatMap((one) => this.#devices.get(one.name) ?? []);
    const way: Way = { ...this.#watched({ name, overnight }), members };
    for (const member of members) member.way = way;
    return way;
  }
}

function isOverdue({ quiet, limit }: Measure): boolean {
  return quiet >= limit;
}

function isUnusual(pressure: number): boolean {
  return pressure >= UNUSUAL;
}

/** How far it is towards being silent, 1: it is; nothing: it is not known enough. */
function pressureOf(measures: readonly Measure[]): number | undefined {
  return measures.length === 0 ? undefined : Math.max(...measures.map(({ quiet, limit }) => quiet / limit));
}

function longestOf(waited: readonly Watched[], now: number): Measure {
  const measures = waited.flatMap(({ rhythm }) => rhythm.measures(now)).filter(isOverdue);
  return measures.reduce((a, b) => (a.limit < b.limit ? a : b), { quiet: 0, limit: SLOT_MS, work: false });
}
