/**
 * Bytes that were received and wait for the journal's receipt, over all transports. Above the limit the transports
 * stop reading (or answer "later"), below half of it they go on: the devices' own buffers hold what we cannot.
 */
/** What a delivery costs besides its payload, roughly: empty ones must not come in without end. */
export const DELIVERY_BYTES = 512;

export class InFlight {
  readonly limit: number;
  /** Bytes, with what each costs, and deliveries, without a receipt. */
  bytes = 0;
  deliveries = 0;
  paused = false;
  pauses = 0;
  readonly #resumed: (() => void)[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** So much waits that everybody is read in small portions: the queue is served in order. */
  get crowded(): boolean {
    return this.bytes > this.limit / 4;
  }

  add(bytes: number): void {
    this.bytes += bytes + DELIVERY_BYTES;
    this.deliveries += 1;
    if (!this.paused && this.bytes > this.limit) {
      this.paused = true;
      this.pauses += 1;
    }
  }

  done(bytes: number): void {
    this.bytes -= bytes + DELIVERY_BYTES;
    this.deliveries -= 1;
    if (this.paused && this.bytes < this.limit / 2) {
      this.paused = false;
      for (const resumed of this.#resumed) resumed();
    }
  }

  onResume(listener: () => void): void {
    this.#resumed.push(listener);
  }
}
