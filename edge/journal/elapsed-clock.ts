/**
 * The elapsed clock: durations are measured on it (settle, snooze, keep, the memory of ids). It is monotonic while
 * the edge runs and saved with each commit; over a restart it goes on by the wall clock's difference if that is
 * positive, else by 0. A step of the wall clock does not move it. All values in milliseconds.
 */

export interface Sources {
  readonly wall: () => number;
  readonly monotonic: () => number;
}

export interface Now {
  /** Milliseconds on the elapsed clock. */
  readonly elapsed: number;
  /** Epoch milliseconds. */
  readonly wall: number;
}

/** A wall clock that moved by more than this against the monotonic one has been stepped. */
const STEP_MS = 5000;

export class ElapsedClock {
  readonly #sources: Sources;
  readonly #base: number;
  readonly #start: number;
  /** Wall minus monotonic, as last seen: it only changes when the wall clock is set. */
  #offset: number;

  /** `saved` is what the last commit recorded, nothing for a new database. */
  constructor(sources: Sources, saved: Now | undefined) {
    this.#sources = sources;
    this.#start = sources.monotonic();
    const wall = sources.wall();
    this.#base = saved ? saved.elapsed + Math.max(0, wall - saved.wall) : 0;
    this.#offset = wall - this.#start;
  }

  now(): Now {
    return { elapsed: Math.floor(this.#base + this.#sources.monotonic() - this.#start), wall: this.#sources.wall() };
  }

  /** A step of the wall clock since the last call, or nothing. A slow drift is taken over silently. */
  step(): { from: number; to: number } | undefined {
    const monotonic = this.#sources.monotonic();
    const wall = this.#sources.wall();
    const expected = monotonic + this.#offset;
    this.#offset = wall - monotonic;
    return Math.abs(wall - expected) > STEP_MS ? { from: Math.round(expected), to: wall } : undefined;
  }
}
