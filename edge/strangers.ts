/**
 * What nobody configured: topics and paths on which something came that no device is mapped to, so that an installer can
 * adopt it. Whoever sends under many names finds the list full: it never grows past its bound.
 */
import { type Mask, shownBytes } from './device-frames.ts';

export interface Stranger {
  /** A topic, or `POST /push/<name>`. */
  readonly topic: string;
  /** The MQTT client that sent it last. */
  readonly client: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Bytes of the last frame. */
  readonly size: number;
  /** Its first 512 bytes, masked; null where they may name a person. */
  readonly sample: Uint8Array | null;
}

const MOST = 200;
const SAMPLE = 512;
/** A stranger that was not heard for so long makes place for another. */
const QUIET_MS = 600_000;
/** Samples in a second: masking costs more than counting. */
const SAMPLES_A_SECOND = 20;

type Entry = { -readonly [K in keyof Stranger]: Stranger[K] } & { sampled: number };

export class Strangers {
  readonly #mask: Mask;
  readonly #entries = new Map<string, Entry>();
  #second = 0;
  #samples = 0;
  /** Frames of those that found no place. */
  others = 0;

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** `topic` and `client` fit for a list that an operator reads; `now`: epoch ms. */
  came(topic: string, client: string, bytes: Uint8Array, now: number): void {
    const entry = this.#entries.get(topic) ?? this.#begin(topic, now);
    if (entry === undefined) {
      this.others += 1;
      return;
    }
    entry.count += 1;
    entry.last = now;
    entry.client = client;
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#samples = 0;
    }
    if (entry.sampled === second || this.#samples >= SAMPLES_A_SECOND) return;
    this.#samples += 1;
    entry.sampled = second;
    entry.size = bytes.length;
    entry.sample = namesPersons(topic) ? null : shownBytes(bytes, this.#mask, SAMPLE);
  }

  /** Heard last first. */
  list(): readonly Stranger[] {
    const all = [...this.#entries.values()].map(({ sampled: _, ...stranger }): Stranger => stranger);
    return all.sort((a, b) => b.last - a.last);
  }

  #begin(topic: string, now: number): Entry | undefined {
    if (this.#entries.size >= MOST) {
      let quietest: Entry | undefined;
      for (const entry of this.#entries.values())
        if (quietest === undefined || entry.last < quietest.last) quietest = entry;
      if (quietest === undefined || now - quietest.last < QUIET_MS) return undefined;
      this.#entries.delete(quietest.topic);
    }
    const entry = { topic, client: '', first: now, last: now, count: 0, size: 0, sample: null, sampled: -1 };
    this.#entries.set(topic, entry);
    return entry;
  }
}

/** What is published under such a name is likely about a person. */
function namesPersons(topic: string): boolean {
  return /(^|\/)(presence|consent)(\/|$)/i.test(topic);
}
