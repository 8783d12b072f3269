/**
 * Whether the configured devices still say something, each by its rhythm, given or learned, and whether their clocks
 * are right. Told once a second who was heard, it says who fell silent and who is back. Durations run on the elapsed
 * clock, and a hub that was down, or could store nothing, gives everybody one rhythm before it calls them silent.
 *
 * What outlives a restart is small: who is called silent or wrong, and the learned rhythm. The gaps begin anew.
 */
import { Rhythm } from './rhythm.ts';

export interface WatchedDevice {
  readonly name: string;
  /** ms; absent: learned. */
  readonly rhythm?: number | undefined;
}

/** A device was heard in the second before. */
export interface HeardDevice {
  readonly device: string;
  /** Its clock minus the hub's, ms. */
  readonly offset?: number | undefined;
}

export type LivenessNews =
  /** `quietMs`: since it was last heard; `expectedMs`: it should have been within. */
  | { readonly is: 'silent'; readonly device: string; readonly quietMs: number; readonly expectedMs: number }
  | { readonly is: 'back'; readonly device: string }
  | { readonly is: 'clock'; readonly device: string; readonly seconds: number; readonly off: boolean };

/** What is remembered of a device. */
export interface KnownLiveness {
  readonly silent?: true;
  readonly off?: true;
  /** ms. */
  readonly learned?: number;
}

export interface LivenessMemory {
  recall(device: string): KnownLiveness | undefined;
  remember(device: string, known: KnownLiveness | null): void;
}

interface Watched {
  readonly name: string;
  readonly given: number | undefined;
  readonly rhythm: Rhythm;
  /** Elapsed, ms. */
  last: number;
  /** It was heard since `last` was set; else `last` is only from when on it is waited for. */
  heard: boolean;
  learned: number | undefined;
  looked: number;
  silent: boolean;
  off: boolean;
  readonly offsets: number[];
}

const OFFSETS = 20;
/** Off by more is wrong, by less than half of it right again. ms. */
const WRONG_MS = 60_000;
/** A learned rhythm is worked out so often, and remembered when it is another by a quarter. */
const LEARN_MS = 60_000;

export class Liveness {
  readonly #memory: LivenessMemory;
  readonly #watched = new Map<string, Watched>();
  #next = Number.POSITIVE_INFINITY;
  #isPaused = true;
  /** Asked for with every batch. */
  #quiet: readonly string[] | undefined;

  constructor(devices: readonly WatchedDevice[], memory: LivenessMemory) {
    this.#memory = memory;
    for (const { name, rhythm } of devices) {
      const flags = { heard: false, learned: undefined, looked: 0, silent: false, off: false };
      this.#watched.set(name, { name, given: rhythm, rhythm: new Rhythm(), last: 0, ...flags, offsets: [] });
    }
  }

  /** What is remembered, (re)read at start and after a transaction that failed. */
  load(): void {
    for (const watched of this.#watched.values()) {
      const { silent, off, learned } = this.#memory.recall(watched.name) ?? {};
      watched.silent = silent === true;
      this.#quiet = undefined;
      watched.off = off === true;
      watched.learned ??= learned;
    }
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

  /** In the order of the configuration. */
  get quiet(): readonly string[] {
    this.#quiet ??= [...this.#watched.values()].filter(({ silent }) => silent).map(({ name }) => name);
    return this.#quiet;
  }

  /** `canTell`: news can be stored now; without, they come with the next time that it is heard. */
  heard({ device, offset }: HeardDevice, now: number, canTell: boolean): LivenessNews[] {
    const watched = this.#watched.get(device);
    if (watched === undefined) return [];
    const gap = now - watched.last;
    const news: LivenessNews[] = [];
    if (watched.heard) {
      if (watched.silent && canTell) watched.rhythm.addSilence(gap, now);
      else if (!watched.silent) watched.rhythm.add(gap, now);
    }
    watched.last = now;
    watched.heard = true;
    this.#learn(watched, now);
    if (offset !== undefined) {
      watched.offsets.push(offset);
      if (watched.offsets.length > OFFSETS) watched.offsets.shift();
    }
    if (!canTell) return news;
    if (watched.silent) {
      watched.silent = false;
      this.#quiet = undefined;
      news.push({ is: 'back', device });
      this.#remember(watched);
    }
    if (offset !== undefined) news.push(...this.#clock(watched));
    const due = now + (expectedOf(watched) ?? Number.POSITIVE_INFINITY);
    if (due < this.#next) this.#next = due;
    return news;
  }

  /** Who fell silent until now. */
  due(now: number): LivenessNews[] {
    if (this.#isPaused) {
      this.#isPaused = false;
      for (const watched of this.#watched.values()) watched.last = now;
    } else if (now < this.#next) return [];
    this.#next = Number.POSITIVE_INFINITY;
    const news: LivenessNews[] = [];
    for (const watched of this.#watched.values()) {
      const expectedMs = expectedOf(watched);
      if (watched.silent || expectedMs === undefined) continue;
      const quietMs = now - watched.last;
      if (quietMs < expectedMs) {
        this.#next = Math.min(this.#next, watched.last + expectedMs);
        continue;
      }
      watched.silent = true;
      this.#quiet = undefined;
      this.#remember(watched);
      news.push({ is: 'silent', device: watched.name, quietMs, expectedMs });
    }
    return news;
  }

  #clock(watched: Watched): LivenessNews[] {
    const { offsets, name: device } = watched;
    if (offsets.length < OFFSETS) return [];
    const sorted = [...offsets].sort((a, b) => a - b);
    const middle = sorted.slice(OFFSETS / 2 - 1, OFFSETS / 2 + 1);
    // Of the two in the middle the better one: more than half of them say so.
    const median = middle.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b));
    const off = Math.abs(median) > (watched.off ? WRONG_MS / 2 : WRONG_MS);
    if (off === watched.off) return [];
    watched.off = off;
    this.#remember(watched);
    return [{ is: 'clock', device, seconds: Math.round(median / 1000), off }];
  }

  #learn(watched: Watched, now: number): void {
    if (watched.given !== undefined || now - watched.looked < LEARN_MS) return;
    watched.looked = now;
    const learned = watched.rhythm.expected(now);
    if (learned === undefined) return;
    const before = watched.learned ?? 0;
    watched.learned = learned;
    // Written with the next commit, never a cause for one.
    if (Math.abs(learned - before) > before / 4) this.#remember(watched);
  }

  #remember({ name, silent, off, learned, given }: Watched): void {
    this.#memory.remember(name, {
      ...(silent && { silent }),
      ...(off && { off }),
      ...(learned !== undefined && given === undefined && { learned }),
    });
  }
}

function expectedOf({ given, learned }: Watched): number | undefined {
  return given ?? learned;
}
