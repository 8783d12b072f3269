/**
 * The clock of the demo: lets the shop's time pass so many times as fast as life, but never further than the hub has
 * taken what was said: on a slow machine the afternoon takes longer, and nothing else changes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from '../sim/world.ts';

export interface PaceOptions {
  readonly world: Pick<World, 'now' | 'endsAt' | 'advance'>;
  /** So many times as fast as life, at most. */
  readonly speed: number;
  /** Frames on their way to the hub. */
  readonly underWay: () => number;
  /** After each step of the world. */
  readonly look: (now: number) => void;
  readonly signal: AbortSignal;
}

const TICK_MS = 20;
/** What a busy machine slept longer than this is not made up for. */
const LONGEST_TICK_MS = 100;
/** Devices look at the world between two steps. Simulated ms. */
const STEP_MS = 5_000;
/** More on their way at once, and the shop stands still. */
const MOST_UNDER_WAY = 200;
const PATIENCE_MS = 60_000;

interface Waiting {
  readonly at: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Anchor {
  readonly hub: number;
  readonly simulated: number;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #anchors: Anchor[];
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: unknown;
  #isStopped = false;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#anchors = [{ hub: Date.now(), simulated: options.world.now }];
  }

  /** A device's clock: the hub's time (epoch ms) at a moment of the shop's that is now or just past. */
  readonly clock = (now: number): number => {
    const { hub, simulated } = this.#anchors.at(-1) ?? { hub: 0, simulated: 0 };
    return Math.round(hub + (now - simulated) / this.#options.speed);
  };

  /** What the shop's clock showed at a moment of the hub's (both epoch ms). */
  readonly simulated = (hub: number): number => {
    const anchors = this.#anchors;
    let [low, high] = [0, anchors.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((anchors[middle]?.hub ?? 0) <= hub) low = middle + 1;
      else high = middle;
    }
    const before = anchors[Math.max(0, low - 1)] ?? { hub: 0, simulated: 0 };
    const after = anchors[low];
    // Between two looks it went evenly, however long the machine took for them.
    const rate = after ? (after.simulated - before.simulated) / (after.hub - before.hub) : this.#options.speed;
    return before.simulated + (hub - before.hub) * rate;
  };

  start(): void {
    this.#anchors.splice(0, 1, { hub: Date.now(), simulated: this.#options.world.now });
    this.#running = this.#run().catch((error: unknown) => {
      this.#failure = error;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Resolves when the shop's clock has come to this moment, or to its end; rejects when the clock failed. */
  until(at: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#options.world.now >= Math.min(at, this.#options.world.endsAt)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, resolve, reject });
    });
  }

  /** Does something so many simulated ms from now; nothing when the clock fails before. */
  async after(ms: number, act: () => void): Promise<void> {
    const isThere = await this.until(this.#options.world.now + ms).then(
      () => true,
      () => false,
    );
    if (isThere) act();
  }

  async #run(): Promise<void> {
    const { world, speed, signal } = this.#options;
    let last = performance.now();
    while (world.now < world.endsAt && !this.#isStopped) {
      await sleep(TICK_MS, undefined, { signal });
      const passed = Math.min(LONGEST_TICK_MS, performance.now() - last);
      last = performance.now();
      this.#advance(Math.min(world.endsAt, Math.floor(world.now + passed * speed)));
      if (await this.#catchUp()) last = performance.now();
    }
  }

  #advance(target: number): void {
    const { world, look } = this.#options;
    // At the moment when it is over, which is now: what devices say on the way is of a moment before.
    this.#anchors.push({ hub: Date.now(), simulated: target });
    while (world.now < target) {
      world.advance(Math.min(target, world.now + STEP_MS));
      look(world.now);
      const { now, endsAt } = world;
      const due = this.#waiting.filter(({ at }) => now >= Math.min(at, endsAt));
      this.#waiting = this.#waiting.filter((one) => !due.includes(one));
      for (const { resolve } of due) resolve();
    }
  }

  /** Whether it had to wait. */
  async #catchUp(): Promise<boolean> {
    const { underWay, signal } = this.#options;
    if (underWay() <= MOST_UNDER_WAY) return false;
    const since = performance.now();
    while (underWay() > MOST_UNDER_WAY / 2) {
      if (performance.now() - since > PATIENCE_MS)
        throw new Error(`the hub has not taken ${underWay()} frames of the devices for a minute`);
      await sleep(TICK_MS / 2, undefined, { signal });
    }
    this.#anchors.push({ hub: Date.now(), simulated: this.#options.world.now });
    return true;
  }
}
