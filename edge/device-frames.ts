/**
 * The last frames of each device, raw beside what was decoded from them, for whoever installs it. What may name a
 * person is not in them, card data is masked, and all rings together have a bound.
 */

/** One frame as an installer sees it. */
export interface ShownFrame {
  /** Grows by one with each frame of the device that is shown. */
  readonly number: number;
  /** Epoch ms. */
  readonly received: number;
  readonly topic?: string | undefined;
  /** Bytes of the whole frame. */
  readonly size: number;
  /** The first 4 KiB, masked; null where they may name a person. */
  readonly raw: Uint8Array | null;
  /** JSON of each reading, masked; those about persons are left out. */
  readonly decoded: readonly string[];
  /** Why it was refused. */
  readonly reason?: string | undefined;
  readonly note?: string | undefined;
}

export const MOST_SHOWN = 4096;
const MOST_DECODED = 20;
const LONGEST_DECODED = 1024;
const RING = 20;
/** Frames of a device that are looked at in a second: masking costs more than taking them. */
const SHOWN_A_SECOND = 5;
/** Bytes in all rings together. Over it each ring keeps its newest frame only. */
const BUDGET = 8_388_608;
const OVERHEAD = 200;

export type Mask = (bytes: Uint8Array) => Uint8Array;

/** What all rings hold together. */
export interface RingBytes {
  held: number;
}

export class FrameRing {
  readonly #bytes: RingBytes;
  #frames: ShownFrame[] = [];
  #number = 0;
  #second = 0;
  #shown = 0;

  constructor(bytes: RingBytes) {
    this.#bytes = bytes;
  }

  /** Whether one more is looked at in this second. */
  hasRoom(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#shown = 0;
    }
    return this.#shown < SHOWN_A_SECOND;
  }

  push(frame: Omit<ShownFrame, 'number'>): void {
    this.#shown += 1;
    this.#number += 1;
    const shown = { number: this.#number, ...frame };
    this.#frames.push(shown);
    this.#bytes.held += sizeOf(shown);
    while (this.#frames.length > RING || (this.#bytes.held > BUDGET && this.#frames.length > 1)) this.#drop();
  }

  /** Oldest first, those after `number`. */
  after(number: number): readonly ShownFrame[] {
    return this.#frames.filter((frame) => frame.number > number);
  }

  clear(): void {
    while (this.#frames.length > 0) this.#drop();
  }

  #drop(): void {
    const oldest = this.#frames.shift();
    if (oldest !== undefined) this.#bytes.held -= sizeOf(oldest);
  }
}

/** The beginning of what was received, masked. A little more is looked at, so that no card hides behind the cut. */
export function shownBytes(bytes: Uint8Array, mask: Mask, most = MOST_SHOWN): Uint8Array {
  return new Uint8Array(mask(bytes.subarray(0, most * 2)).subarray(0, most));
}

/** JSON of what was decoded, masked and cut. */
export function shownReadings(readings: readonly unknown[], mask: Mask): string[] {
  return readings.slice(0, MOST_DECODED).map((reading) => {
    const text = typeof reading === 'string' ? reading : (JSON.stringify(reading) ?? '');
    const masked = Buffer.from(mask(Buffer.from(text.slice(0, LONGEST_DECODED * 2)))).toString('utf8');
    return masked.length > LONGEST_DECODED ? `${masked.slice(0, LONGEST_DECODED)}...` : masked;
  });
}

function sizeOf({ raw, decoded, topic = '' }: ShownFrame): number {
  let size = OVERHEAD + (raw?.length ?? 0) + topic.length * 2;
  for (const text of decoded) size += text.length * 2;
  return size;
}
