/**
 * How large a batch may be. It follows the line: smaller after a failure under way, so that a thin line gets something
 * through in its time, and larger again only while there is time to spare, so that it does not swing between too much
 * and too little. And it follows the topics: where one takes smaller records than it should, parts become smaller.
 */
import type { BatchLimits } from './batcher.ts';
import { PART_BYTES } from './packed-records.ts';

/** A drain goes in transactions of this many events (a few sends each) and bytes before compression. */
const MOST_EVENTS = 8_000;
const FEWEST_EVENTS = 16;
const MOST_BYTES = 6_000_000;
const FEWEST_BYTES = 12_000;
/** After this the topics may have been mended: parts are tried in full size again, ms. */
const FORGET_MS = 60 * 60_000;

/** Events, and their bytes before compression. */
export interface Sized {
  readonly events: number;
  readonly bytes: number;
}

export class BatchSize {
  readonly #now: () => number;
  #events = MOST_EVENTS;
  #bytes = MOST_BYTES;
  #partBytes = PART_BYTES;
  #narrowed = Number.NEGATIVE_INFINITY;

  /** `now`: a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get limits(): BatchLimits {
    if (this.#now() - this.#narrowed > FORGET_MS) this.#partBytes = PART_BYTES;
    return { events: this.#events, bytes: this.#bytes, partBytes: this.#partBytes };
  }

  /** This batch took so much of the time that it may take, 0 to 1. */
  succeeded(batch: Sized, partOfTime: number): void {
    // Doubled, it must still be done in half of its time.
    if (partOfTime < 0.25) {
      this.#events = Math.min(MOST_EVENTS, this.#events * 2);
      this.#bytes = Math.min(MOST_BYTES, this.#bytes * 2);
    } else if (partOfTime > 0.6) this.failed(batch);
  }

  /** This batch did not get through: the next one has half of what it had, not half of what it might have had. */
  failed({ events, bytes }: Sized): void {
    this.#events = Math.max(FEWEST_EVENTS, Math.floor(Math.min(this.#events, events) / 2));
    this.#bytes = Math.max(FEWEST_BYTES, Math.floor(Math.min(this.#bytes, bytes) / 2));
  }

  /** A part of so many bytes before compression was too large for its topic. */
  tooLarge(partBytes: number): void {
    this.#partBytes = Math.max(1, Math.min(this.#partBytes, Math.floor(partBytes / 2)));
    this.#narrowed = this.#now();
  }
}
