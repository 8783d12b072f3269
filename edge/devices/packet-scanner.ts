/**
 * Watches the fixed headers (MQTT 3.1.1, section 2.2) of what is about to be parsed: one byte of type and flags, then
 * the remaining length in 1 to 4 bytes of 7 bits each. The parser collects a packet until it is whole, however large
 * it says it will be, so its size is judged here before the first byte of it is collected.
 */

const PUBLISH = 3;

export interface PacketLimits {
  /** Bytes after the fixed header: of the first packet, of a PUBLISH, and of any other. */
  readonly first: number;
  readonly publish: number;
  readonly other: number;
}

export class PacketScanner {
  readonly #limits: PacketLimits;
  #first = true;
  /** Type of the packet whose length is being read; -1 between packets. */
  #type = -1;
  /** Bytes after the fixed header of the packet begun last, once it has told them. */
  length = 0;
  #scale = 1;
  /** Bytes of the packet that are still to come. */
  missing = 0;
  /** How many packets were begun. */
  begun = 0;

  /** How many of them are whole. */
  get ended(): number {
    return this.midPacket ? this.begun - 1 : this.begun;
  }

  constructor(limits: PacketLimits) {
    this.#limits = limits;
  }

  /** A packet was begun and is not whole yet. */
  get midPacket(): boolean {
    return this.missing > 0 || this.#type >= 0;
  }

  /** What is wrong with these bytes; undefined when they may be parsed. */
  scan(chunk: Uint8Array): string | undefined {
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      if (this.missing > 0) {
        const step = Math.min(this.missing, end - at);
        this.missing -= step;
        at += step;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      if (this.#type < 0) {
        this.#type = byte >> 4;
        this.begun += 1;
        this.length = 0;
        this.#scale = 1;
        continue;
      }
      this.length += (byte & 0x7f) * this.#scale;
      if (byte > 0x7f) {
        this.#scale *= 128;
        if (this.#scale > 2_097_152) return 'a remaining length of more than four bytes';
        continue;
      }
      const limit = this.#limitOf(this.#type);
      if (this.length > limit) return `a packet of ${this.length} bytes, at most ${limit} are taken`;
      this.#first = false;
      this.missing = this.length;
      this.#type = -1;
    }
    return undefined;
  }

  #limitOf(type: number): number {
    if (this.#first) return this.#limits.first;
    return type === PUBLISH ? this.#limits.publish : this.#limits.other;
  }
}
