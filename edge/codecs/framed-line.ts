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

  const search = (bytes: Uint8Array, final: boolean): Uint8Array[] => {
    const telegrams: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const length = cut(bytes, at, bytes.length);
      if (length > 0) {
        telegrams.push(bytes.slice(at, at + length));
        at += length;
      } else if (length === WAIT && !final) break;
      else {
        at += 1;
        skipped += 1;
      }
    }
    held = at === bytes.length ? NOTHING : bytes.slice(at);
    return telegrams;
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
      return search(bytes, false);
    },
    idle: () => search(held, true),
  };
}
