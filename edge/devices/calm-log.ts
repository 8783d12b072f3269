/** Warnings about single packets: a device that does something wrong does it often, and must not fill the log. */
import type { Logger } from '../ops/logging.ts';

const LINES_PER_WINDOW = 10;
const WINDOW_MS = 60_000;

export class CalmLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #windowEnd = Number.NEGATIVE_INFINITY;
  #left = 0;
  #unsaid = 0;

  /** `now` is monotonic milliseconds. */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  warn(fields: object, message: string): void {
    const now = this.#now();
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + WINDOW_MS;
      this.#left = LINES_PER_WINDOW;
    }
    if (this.#left === 0) {
      this.#unsaid += 1;
      return;
    }
    this.#left -= 1;
    this.#logger.warn(this.#unsaid === 0 ? fields : { ...fields, unsaid: this.#unsaid }, message);
    this.#unsaid = 0;
  }
}
