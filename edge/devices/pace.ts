/**
 * How fast one connection is read, so that one device cannot make its neighbours wait.
 *
 * - A bucket of messages: `rate` a second, with one second's worth in it. It is charged once for each chunk that was
 *   read, so it costs nothing for a message; who is in debt is read on when the debt is paid.
 * - What it has given to the journal and is not answered for: over a limit it waits until half of that is answered.
 *   The queue of the journal is served in order, so this is what a neighbour waits behind.
 * - What of it took the hub long to read (large payloads that are hard to judge) is paid for with a pause.
 *
 * Nothing is refused or lost by it: what is not read stays with the device.
 */

/** Deliveries of one connection that may wait for the journal, and their bytes. One of any size may. */
export const MOST_DELIVERIES = 256;
const MOST_BYTES = 262_144;
const LEAST_REST_MS = 5;

export interface PaceParts {
  /** Messages a second. */
  readonly rate: number;
  /** Reading may go on. */
  readonly resume: () => void;
  /** It came over its rate. */
  readonly onTooFast: () => void;
}

export class Pace {
  readonly #parts: PaceParts;
  #tokens: number;
  #filledAt = performance.now();
  #rest: NodeJS.Timeout | undefined;
  #deliveries = 0;
  #bytes = 0;
  #full = false;

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#tokens = parts.rate;
  }

  /** Nothing more is read of it at the moment. */
  get held(): boolean {
    return this.#full || this.#rest !== undefined;
  }

  /** So many messages came. */
  charge(messages: number): void {
    this.#tokens -= messages;
    // The clock is read only when the bucket seems empty: at full speed once a second.
    if (this.#tokens >= 0 || this.#rest !== undefined) return;
    const { rate, onTooFast } = this.#parts;
    const now = performance.now();
    this.#tokens = Math.min(rate - messages, this.#tokens + ((now - this.#filledAt) / 1000) * rate);
    this.#filledAt = now;
    if (this.#tokens >= 0) return;
    onTooFast();
    this.pause((-this.#tokens / rate) * 1000);
  }

  /** Not read for so many milliseconds, unless it rests already. */
  pause(ms: number): void {
    if (this.#rest !== undefined) return;
    const goOn = (): void => {
      this.#rest = undefined;
      this.#parts.resume();
    };
    this.#rest = setTimeout(goOn, Math.max(LEAST_REST_MS, ms)).unref();
  }

  /** A payload of so many bytes was given to the journal. */
  gave(bytes: number): void {
    this.#deliveries += 1;
    this.#bytes += bytes;
    if (this.#deliveries > MOST_DELIVERIES || this.#bytes > MOST_BYTES) this.#full = true;
  }

  /** Its receipt is here. */
  answered(bytes: number): void {
    this.#deliveries -= 1;
    this.#bytes -= bytes;
    if (!this.#full || this.#deliveries > MOST_DELIVERIES / 2 || this.#bytes > MOST_BYTES / 2) return;
    this.#full = false;
    this.#parts.resume();
  }

  /** The connection is closed. */
  stop(): void {
    clearTimeout(this.#rest);
  }
}
