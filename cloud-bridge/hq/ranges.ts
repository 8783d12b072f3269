/** Sets of stream sequences as inclusive ranges, and a bit for each number seen: what proving completeness counts with. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Sorted, overlapping and touching ranges joined. */
export function joined(ranges: Iterable<Range>): Range[] {
  const result: { from: number; to: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else result.push({ from: range.from, to: range.to });
  }
  return result;
}

/** How many numbers the ranges hold together, each range for itself. */
export function countOf(ranges: Iterable<Range>): number {
  let count = 0;
  for (const { from, to } of ranges) count += Math.max(0, to - from + 1);
  return count;
}

/** What of `whole` no range of `covered` holds. */
export function missingFrom(whole: Range, covered: Iterable<Range>): Range[] {
  const missing: Range[] = [];
  let next = whole.from;
  for (const { from, to } of joined(covered)) {
    if (to < next) continue;
    if (from > whole.to) break;
    if (from > next) missing.push({ from: next, to: from - 1 });
    next = to + 1;
  }
  if (next <= whole.to) missing.push({ from: next, to: whole.to });
  return missing;
}

/** Numbers as they come in, nearly always the next one. */
export class Runs {
  readonly #runs: { from: number; to: number }[] = [];

  get ranges(): readonly Range[] {
    return this.#runs;
  }

  /** `next` extends the end (with or without a hole), `again` was there, `late` comes after greater ones. */
  add(value: number): 'next' | 'again' | 'late' {
    const last = this.#runs.at(-1);
    if (last === undefined || value > last.to + 1) {
      this.#runs.push({ from: value, to: value });
      return 'next';
    }
    if (value === last.to + 1) {
      last.to = value;
      return 'next';
    }
    const after = this.#runs.findIndex((run) => value <= run.to);
    const run = this.#runs[after];
    if (run !== undefined && value >= run.from) return 'again';
    this.#runs.splice(after, 0, { from: value, to: value });
    return 'late';
  }
}

const CHUNK_BITS = 65_536;

/** One bit a number: 8 KiB for each 65,536 numbers in use. */
export class SeenNumbers {
  readonly #chunks = new Map<number, Uint32Array>();

  /** False when the number was there before. */
  add(value: number): boolean {
    const index = Math.floor(value / CHUNK_BITS);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_BITS / 32);
      this.#chunks.set(index, chunk);
    }
    const bit = value % CHUNK_BITS;
    const word = bit >>> 5;
    const mask = 1 << (bit & 31);
    const before = chunk[word] ?? 0;
    if ((before & mask) !== 0) return false;
    chunk[word] = before | mask;
    return true;
  }
}
