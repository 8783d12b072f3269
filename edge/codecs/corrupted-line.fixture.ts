/**
 * A line whose bytes are damaged at random, and the judgement of a parser that reads it: every telegram none of whose
 * bytes was touched must be found, in order.
 */
import type { LineParser } from '../contracts/formats.ts';
import { seeded } from './fuzzing.ts';

export interface CorruptedLine {
  readonly bytes: Uint8Array;
  /** Telegrams that nothing happened to, in order. */
  readonly intact: readonly Uint8Array[];
  /** Telegrams that were damaged. */
  readonly damaged: number;
}

export interface Corruption {
  readonly seed?: number;
  /** Share of the bytes that are damaged, default 0.01. */
  readonly share?: number;
  /** Bits of a byte that may change, default all; 0x7f for seven-bit lines. */
  readonly bits?: number;
}

/** The telegrams one after the other; each byte is damaged with the given probability. */
export function corruptedLine(
  telegrams: readonly Uint8Array[],
  { seed = 1, share = 0.01, bits = 0xff }: Corruption = {},
): CorruptedLine {
  const random = seeded(seed);
  const intact: Uint8Array[] = [];
  const bytes = Uint8Array.from(Buffer.concat(telegrams));
  let at = 0;
  for (const telegram of telegrams) {
    let touched = false;
    for (const end = at + telegram.length; at < end; at += 1) {
      if (random() >= share) continue;
      const was = bytes[at] ?? 0;
      while (bytes[at] === was) bytes[at] = Math.floor(random() * 256) & bits;
      touched = true;
    }
    if (!touched) intact.push(telegram);
  }
  return { bytes, intact, damaged: telegrams.length - intact.length };
}

/** What the parser finds when the bytes come in portions of random size, and the line is quiet afterwards. */
export function readInPortions(parser: LineParser, bytes: Uint8Array, seed = 2): Uint8Array[] {
  const random = seeded(seed);
  const found: Uint8Array[] = [];
  // Copies: a parser may give views of what it holds.
  const keep = (telegrams: readonly Uint8Array[]): void => {
    for (const telegram of telegrams) found.push(Uint8Array.from(telegram));
  };
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() ** 3 * 400);
    keep(parser.push(bytes.subarray(at, at + size)));
    at += size;
  }
  keep(parser.idle?.() ?? []);
  return found;
}

/** The intact telegrams that are missing from what was found, in order; and how many were found that nobody sent. */
export function judged(
  { intact }: CorruptedLine,
  found: readonly Uint8Array[],
): { readonly missing: readonly string[]; readonly strange: number } {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const missing: string[] = [];
  let at = 0;
  let strange = 0;
  for (const wanted of intact.map(hex)) {
    let there = at;
    while (there < found.length && hex(found[there] ?? new Uint8Array()) !== wanted) there += 1;
    if (there === found.length) missing.push(wanted);
    else {
      strange += there - at;
      at = there + 1;
    }
  }
  return { missing, strange: strange + found.length - at };
}
