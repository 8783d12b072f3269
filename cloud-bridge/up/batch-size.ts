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
/**
 * On a line of a megabyte a second and less, compressing well takes less time than it saves. Well below that, because a
 * busy broker looks like a thin line; bytes a second.
 */
const THIN_LINE = 250_000;
/** Smaller batches say nothing about the line: most of their time is the protocol's, bytes on the wire. */
const TELLING_BYTES = 20_000;
/** After this the topics may have been mended: parts are tried in full size again, ms. */
const FORGET_MS = 60 * 60_000;

/** Events, and their bytes before compression. */
export interface Sized {
  readonly events: number;
  readonly bytes: number;
}

/** How a batch went through: milliseconds, and bytes after compression. */
export interface Passage {
  readonly ms: number;
  readonly deadline: number;
  readonly wireBytes: number;
}

export class BatchSize {
  readonly #now: () => number;
  #events = MOST_EVENTS;
  #bytes = MOST_BYTES;
  #partBytes = PART_BYTES;
  #isThinLine = false;
  #narrowed = Number.NEGATIVE_INFINITY;

  /** `now`: a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get limits(): BatchLimits {
    if (this.#now() - this.#narrowed > FORGET_MS) this.#partBytes = PART_BYTES;
    return {
      events: this.#events,
      bytes: this.#bytes,
      partBytes: this.#partBytes,
      isThinLine: this.#isThinLine,
    };
  }

  /** This batch took `ms` of the time that it may take, with so many bytes on the wire. */
  succeeded(batch: Sized, { ms, deadline, wireBytes }: Passage): void {
    if (wireBytes >= TELLING_BYTES) this.#isThinLine = wireBytes / (ms / 1000) < THIN_LINE;
    const partOfTime = ms / deadline;
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
