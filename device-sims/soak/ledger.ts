/**
 * Which counters of which line (run, device and kind) have arrived, as ranges: a day of events costs a few numbers as
 * long as they arrive whole and in order.
 */

/** Both ends included. */
export interface CounterRange {
  readonly from: number;
  readonly to: number;
}

interface Line {
  /** Ascending, disjoint, never touching. */
  ranges: { from: number; to: number }[];
  arrived: number;
  again: number;
  late: number;
}

export class Ledger {
  readonly #lines = new Map<string, Line>();

  /** Notes an arrival; false when it was there before. */
  arrive(line: string, counter: number): boolean {
    const known = this.#line(line);
    const { ranges } = known;
    const last = ranges.at(-1);
    if (last === undefined || counter > last.to + 1) ranges.push({ from: counter, to: counter });
    else if (counter === last.to + 1) last.to = counter;
    else if (!this.#insert(known, counter)) {
      known.again += 1;
      return false;
    }
    known.arrived += 1;
    return true;
  }

  /** What has not arrived of the counters `from..to-1`. */
  missing(line: string, from: number, to: number): CounterRange[] {
    const missing: CounterRange[] = [];
    let next = from;
    for (const range of this.#lines.get(line)?.ranges ?? []) {
      if (range.to < next) continue;
      if (range.from >= to) break;
      if (range.from > next) missing.push({ from: next, to: Math.min(range.from, to) - 1 });
      next = range.to + 1;
    }
    if (next < to) missing.push({ from: next, to: to - 1 });
    return missing;
  }

  /** Counters at or beyond `from` that arrived: what nobody sent. */
  beyond(line: string, from: number): number {
    let count = 0;
    for (const range of this.#lines.get(line)?.ranges ?? []) {
      if (range.to >= from) count += range.to - Math.max(range.from, from) + 1;
    }
    return count;
  }

  get lines(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** Over all lines: distinct arrivals, repeated ones, and those that came after a later one. */
  totals(): { arrived: number; again: number; late: number; ranges: number } {
    const sum = { arrived: 0, again: 0, late: 0, ranges: 0 };
    for (const { arrived, again, late, ranges } of this.#lines.values()) {
      sum.arrived += arrived;
      sum.again += again;
      sum.late += late;
      sum.ranges += ranges.length;
    }
    return sum;
  }

  #line(name: string): Line {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = { ranges: [], arrived: 0, again: 0, late: 0 };
      this.#lines.set(name, line);
    }
    return line;
  }

  /** Fills a hole; false when there is none at `counter`. */
  #insert(line: Line, counter: number): boolean {
    const { ranges } = line;
    const at = ranges.findIndex((range) => counter <= range.to);
    const next = ranges[at];
    if (next === undefined || counter >= next.from) return false;
    line.late += 1;
    const before = ranges[at - 1];
    const joinsBefore = before !== undefined && before.to + 1 === counter;
    const joinsNext = counter + 1 === next.from;
    if (joinsBefore && joinsNext) {
      before.to = next.to;
      ranges.splice(at, 1);
    } else if (joinsBefore) before.to = counter;
    else if (joinsNext) next.from = counter;
    else ranges.splice(at, 0, { from: counter, to: counter });
    return true;
  }
}
