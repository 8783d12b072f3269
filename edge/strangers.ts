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

/** Whole frames of a stranger, masked, the newest last: what codecs are tried on. */
export interface StrangerFrames {
  readonly topic: string;
  readonly frames: readonly Uint8Array[];
}

const MOST = 200;
const SAMPLE = 512;
/** A stranger that was not heard for so long makes place for another. */
const QUIET_MS = 600_000;
/** Samples in a second: masking costs more than counting. */
const SAMPLES_A_SECOND = 20;
/** Whole frames that are kept of one stranger, bytes of the longest of them, and bytes of all. */
const FRAMES = 3;
const LONGEST_FRAME = 65_536;
const ALL_FRAMES = 4_194_304;

type Entry = { -readonly [K in keyof Stranger]: Stranger[K] } & { sampled: number; frames: Uint8Array[] };

export class Strangers {
  readonly #mask: Mask;
  readonly #entries = new Map<string, Entry>();
  #second = 0;
  #samples = 0;
  /** Bytes of whole frames. */
  #held = 0;
  /** Frames of those that found no place. */
  others = 0;
  /** Frames of all, since start. */
  total = 0;

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** `topic` and `client` fit for a list that an operator reads; `now`: epoch ms. */
  came(topic: string, client: string, bytes: Uint8Array, now: number): void {
    this.total += 1;
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
    if (namesPersons(topic)) return;
    if (bytes.length > LONGEST_FRAME || sightsPersons(topic)) {
      entry.sample = shownBytes(bytes, this.#mask, SAMPLE);
      return;
    }
    const whole = this.#mask(bytes);
    entry.sample = whole.slice(0, SAMPLE);
    this.#keep(entry, whole);
  }

  /** Of those whose frames are kept. */
  frames(): readonly StrangerFrames[] {
    return [...this.#entries.values()].flatMap(({ topic, frames }) => (frames.length > 0 ? { topic, frames } : []));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Heard last first. */
  list(): readonly Stranger[] {
    const all = [...this.#entries.values()].map(({ sampled: _, frames: __, ...stranger }): Stranger => stranger);
    return all.sort((a, b) => b.last - a.last);
  }

  #begin(topic: string, now: number): Entry | undefined {
    if (this.#entries.size >= MOST) {
      let quietest: Entry | undefined;
      for (const entry of this.#entries.values())
        if (quietest === undefined || entry.last < quietest.last) quietest = entry;
      if (quietest === undefined || now - quietest.last < QUIET_MS) return undefined;
      this.#entries.delete(quietest.topic);
      for (const frame of quietest.frames) this.#held -= frame.length;
    }
    const about = { topic, client: '', first: now, last: now, count: 0, size: 0, sample: null };
    const entry: Entry = { ...about, sampled: -1, frames: [] };
    this.#entries.set(topic, entry);
    return entry;
  }

  /** Its oldest frame goes for the new one; where all together are too many, those of others stay. */
  #keep({ frames }: Entry, frame: Uint8Array): void {
    while (frames.length >= FRAMES || (frames.length > 0 && this.#held + frame.length > ALL_FRAMES))
      this.#held -= frames.shift()?.length ?? 0;
    if (this.#held + frame.length > ALL_FRAMES) return;
    this.#held += frame.length;
    frames.push(frame);
  }
}

/** Gateways that sight phones: what they send begins like any other, and may hold names of persons further on. */
function sightsPersons(topic: string): boolean {
  return /BTtoMQTT|beacon|(^|\/)ble(\/|$)/i.test(topic);
}

/** What is published under such a name is likely about a person. */
function namesPersons(topic: string): boolean {
  return /(^|\/)(presence|consent)(\/|$)/i.test(topic);
}
