/**
 * Event rate (E_total / T, events per second) and throughput (d / t, bytes per second) over the last 60 seconds:
 * the two figures by which stores are compared. One slot a second; adding is two additions, whatever is added.
 */

const SECONDS = 60;

export interface Rates {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

export class RateWindow {
  readonly #now: () => number;
  readonly #start: number;
  readonly #second = new Float64Array(SECONDS).fill(Number.NEGATIVE_INFINITY);
  readonly #events = new Float64Array(SECONDS);
  readonly #bytes = new Float64Array(SECONDS);

  /** `now`: a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#start = now();
  }

  add(events: number, bytes: number): void {
    const second = Math.floor(this.#now() / 1000);
    const slot = second % SECONDS;
    if (this.#second[slot] !== second) {
      this.#second[slot] = second;
      this.#events[slot] = 0;
      this.#bytes[slot] = 0;
    }
    this.#events[slot] = (this.#events[slot] ?? 0) + events;
    this.#bytes[slot] = (this.#bytes[slot] ?? 0) + bytes;
  }

  /** T reaches from the oldest slot that counts, or from the start if that is later, until now; it is at least 1 s. */
  rates(): Rates {
    const now = this.#now();
    const oldest = Math.floor(now / 1000) - SECONDS + 1;
    let events = 0;
    let bytes = 0;
    for (let slot = 0; slot < SECONDS; slot += 1) {
      if ((this.#second[slot] ?? 0) < oldest) continue;
      events += this.#events[slot] ?? 0;
      bytes += this.#bytes[slot] ?? 0;
    }
    const duration = Math.max(1, (now - Math.max(this.#start, oldest * 1000)) / 1000);
    return { eventsPerSecond: events / duration, bytesPerSecond: bytes / duration };
  }
}
