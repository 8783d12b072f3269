/**
 * Telegrams of a device that knows no acknowledgement: they are handed over in order, a few at a time, and what could
 * not be stored is handed over again before anything newer. How many wait is bounded; beyond that the newest are
 * lost, and counted.
 */
import type { Frame } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';

/** Handed over and not answered yet. */
const MOST_AT_ONCE = 64;
const MOST_WAITING = 2048;
/** Of telegrams that wait. */
const MOST_BYTES = 262_144;
/** Waiting telegrams at which a source that can be held up should be, and below which it may go on. */
const MANY = 1024;
const FEW = 256;
const AGAIN_MS = 1000;

export interface FramesInOrderParts {
  readonly take: (frame: Frame, done: (receipt: Receipt) => void) => void;
  /** Few wait again, after many did. */
  readonly onRoom: () => void;
}

export class FramesInOrder {
  readonly #parts: FramesInOrderParts;
  #waiting: Frame[] = [];
  #bytes = 0;
  #atOnce = 0;
  #unstored: Frame[] = [];
  #again: NodeJS.Timeout | undefined;
  #handing = false;
  #many = false;
  #onIdle: (() => void) | undefined;
  #ended = false;
  /** Telegrams that were lost for want of room, since start. */
  lost = 0;

  constructor(parts: FramesInOrderParts) {
    this.#parts = parts;
  }

  /** Whether the source should be held up. */
  get many(): boolean {
    return this.#many;
  }

  push(frame: Frame): void {
    const size = frame.bytes.length;
    if (this.#waiting.length >= MOST_WAITING || this.#bytes + size > MOST_BYTES) {
      this.lost += 1;
      return;
    }
    this.#waiting.push(frame);
    this.#bytes += size;
    this.#handOver();
    if (this.#waiting.length >= MANY || this.#bytes >= MOST_BYTES / 2) this.#many = true;
  }

  /** Resolves when everything is answered, or when the patience is at an end; afterwards nothing is handed over. */
  async stop(patienceMs: number): Promise<void> {
    if (this.#waiting.length > 0 || this.#atOnce > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#ended = true;
    clearTimeout(this.#again);
    this.#waiting = [];
    this.#bytes = 0;
  }

  #handOver(): void {
    // Some answers come at once.
    if (this.#handing || this.#ended) return;
    this.#handing = true;
    while (this.#again === undefined && this.#unstored.length === 0 && this.#atOnce < MOST_AT_ONCE) {
      const frame = this.#waiting.shift();
      if (frame === undefined) break;
      this.#bytes -= frame.bytes.length;
      this.#atOnce += 1;
      this.#parts.take(frame, (receipt) => this.#answered(frame, receipt));
    }
    this.#handing = false;
    if (this.#many && this.#waiting.length < FEW && this.#bytes < MOST_BYTES / 4) {
      this.#many = false;
      this.#parts.onRoom();
    }
  }

  #answered(frame: Frame, receipt: Receipt): void {
    this.#atOnce -= 1;
    if (this.#ended) return;
    if (receipt.outcome === 'not-stored') this.#unstored.push(frame);
    if (this.#unstored.length > 0) {
      // Not before all are answered: then those that were not stored are known, in order.
      if (this.#atOnce === 0) this.#again ??= setTimeout(() => this.#tryAgain(), AGAIN_MS);
      return;
    }
    this.#handOver();
    if (this.#atOnce === 0 && this.#waiting.length === 0) this.#onIdle?.();
  }

  #tryAgain(): void {
    this.#again = undefined;
    for (const frame of this.#unstored) this.#bytes += frame.bytes.length;
    this.#waiting.unshift(...this.#unstored);
    this.#unstored = [];
    this.#handOver();
  }
}
