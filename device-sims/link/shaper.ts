/**
 * A thin, long line: so many bytes a second for all connections together, and a delay on top. One `Lane` is one
 * direction of a link, one `Shaper` one connection's way through it; what goes in comes out in order.
 */

export interface LineQuality {
  readonly bytesPerSecond: number;
  /** One way, milliseconds. */
  readonly delayMs: number;
}

export class Lane {
  quality: LineQuality | undefined;
  #free = 0;

  /** When these bytes will have arrived at the other end (`performance.now()`). */
  arrival(bytes: number): number {
    const now = performance.now();
    if (!this.quality) return now;
    this.#free = Math.max(now, this.#free) + (bytes / this.quality.bytesPerSecond) * 1000;
    return this.#free + this.quality.delayMs;
  }

  /** These bytes will not be sent after all. */
  release(bytes: number): void {
    if (this.quality) this.#free -= (bytes / this.quality.bytesPerSecond) * 1000;
  }
}

/** What one connection may have on its way before its sender has to wait, as a TCP window would. */
const WINDOW = 256 * 1024;
/** A line carries packets, not writes. */
const PACKET = 1_400;

export class Shaper {
  readonly #lane: Lane;
  readonly #deliver: (chunk: Buffer) => void;
  readonly #queue: { readonly chunk: Buffer; readonly at: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #resume: (() => void) | undefined;

  constructor(lane: Lane, deliver: (chunk: Buffer) => void) {
    this.#lane = lane;
    this.#deliver = deliver;
  }

  /** `wait` and `resume` hold back the sender while the window is full. */
  send(chunk: Buffer, wait: () => void, resume: () => void): void {
    if (!this.#lane.quality && this.#queue.length === 0) {
      this.#deliver(chunk);
      return;
    }
    for (let from = 0; from < chunk.length; from += PACKET) {
      const packet = chunk.subarray(from, from + PACKET);
      this.#queue.push({ chunk: packet, at: this.#lane.arrival(packet.length) });
    }
    this.#bytes += chunk.length;
    if (this.#bytes > WINDOW) {
      wait();
      this.#resume = resume;
    }
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#lane.release(this.#bytes);
    this.#bytes = 0;
  }

  #schedule(): void {
    const [first] = this.#queue;
    if (!first || this.#timer) return;
    this.#timer = setTimeout(() => this.#arrive(), Math.max(0, first.at - performance.now()));
  }

  #arrive(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let [first] = this.#queue; first && first.at <= now + 1; [first] = this.#queue) {
      this.#queue.shift();
      this.#bytes -= first.chunk.length;
      this.#deliver(first.chunk);
    }
    if (this.#resume && this.#bytes <= WINDOW / 2) {
      const resume = this.#resume;
      this.#resume = undefined;
      resume();
    }
    this.#schedule();
  }
}
