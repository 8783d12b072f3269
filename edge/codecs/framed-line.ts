/**
 * Telegrams that begin with a mark, tell their own length and end with a checksum. A false mark may claim a length that
 * reaches over whole telegrams, so a checksum that fails takes away the mark alone: the search goes on with the byte
 * after it, and no telegram that came undamaged is lost.
 */
import type { LineParser } from '../contracts/formats.ts';

/** More bytes are needed to tell. */
export const WAIT = 0;
/** No telegram begins here. */
export const NONE = -1;

/** What begins at `at`, of `end - at` bytes that are there: the length of a sound telegram, WAIT or NONE. */
export type Cut = (bytes: Uint8Array, at: number, end: number) => number;

export interface FramedLineOptions extends Pick<LineParser, 'greeting' | 'greetAgainMs' | 'ask'> {
  readonly cut: Cut;
  /** The line is quiet so long (ms) only where a telegram has ended, or will never end. */
  readonly idleMs: number;
}

const NOTHING = new Uint8Array();

export function framedLine({ cut, ...rest }: FramedLineOptions): LineParser {
  let held: Uint8Array = NOTHING;
  let skipped = 0;

  /** Telegrams in the bytes; what follows the last one and may become one is held. */
  const search = (bytes: Uint8Array): Uint8Array[] => {
    const telegrams: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const length = cut(bytes, at, bytes.length);
      if (length === WAIT) break;
      if (length > 0) telegrams.push(bytes.slice(at, at + length));
      else skipped += 1;
      at += Math.max(1, length);
    }
    held = at === bytes.length ? NOTHING : bytes.slice(at);
    return telegrams;
  };

  /** Where the first whole telegram begins behind a mark that waits for more. */
  const behindMark = (): number => {
    for (let at = 1; at < held.length; at += 1) if (cut(held, at, held.length) > 0) return at;
    return -1;
  };

  return {
    ...rest,
    get skipped() {
      return skipped;
    },
    push(chunk) {
      // Never a Buffer, whose slices would be views.
      const bytes = new Uint8Array(held.length + chunk.length);
      bytes.set(held);
      bytes.set(chunk, held.length);
      return search(bytes);
    },
    // What waits is given up only for a whole telegram within it: its rest may just be late.
    idle() {
      const telegrams: Uint8Array[] = [];
      for (let at = behindMark(); at > 0; at = behindMark()) {
        skipped += at;
        telegrams.push(...search(held.subarray(at)));
      }
      return telegrams;
    },
  };
}
