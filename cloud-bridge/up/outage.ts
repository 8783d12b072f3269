/**
 * One time of being off line, from the first failure to the next success. Each reason is logged once, not once per
 * attempt: what operators read must not drown in retries.
 */
import type { Logger } from 'pino';
import type { LinkFault } from './fault.ts';

/** A long outage is told again after this, ms. */
const REMIND_MS = 60 * 60_000;

export class Outage {
  readonly #logger: Logger;
  #told = new Map<string, number>();
  #since: number | undefined;
  #attempts = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** An attempt failed. `error` is for debugging. */
  failed({ code, words }: LinkFault, error: unknown, now = performance.now()): void {
    this.#since ??= now;
    this.#attempts += 1;
    const last = this.#told.get(code);
    if (last === undefined || now - last > REMIND_MS) {
      this.#told.set(code, now);
      this.#logger.warn({ fault: code, attempt: this.#attempts }, `off line: ${words}`);
    }
    this.#logger.debug({ err: error, fault: code, attempt: this.#attempts }, 'what failed');
  }

  /** Head office took something, or has everything. */
  over(now = performance.now()): void {
    if (this.#since === undefined) return;
    const seconds = Math.round((now - this.#since) / 1000);
    this.#logger.info({ seconds, attempts: this.#attempts }, 'head office is in reach again');
    this.#since = undefined;
    this.#attempts = 0;
    this.#told = new Map();
  }
}
