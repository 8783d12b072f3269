/** A value over time that changes in steps, and what two of them have in common. Times in ms, ascending. */

export interface Span {
  readonly from: number;
  readonly until: number;
}

export class Steps<T> {
  readonly #times: number[] = [];
  readonly #values: T[] = [];
  readonly #first: T;

  /** @param first the value before the first change */
  constructor(first: T) {
    this.#first = first;
  }

  get latest(): T {
    return this.#values.length === 0 ? this.#first : (this.#values[this.#values.length - 1] as T);
  }

  /** Changes may be said late: one of the past goes where it belongs. */
  set(at: number, value: T): void {
    let index = this.#times.length;
    while (index > 0 && (this.#times[index - 1] as number) > at) index -= 1;
    this.#times.splice(index, 0, at);
    this.#values.splice(index, 0, value);
  }

  /** The value at each change within a span, beginning with the one that held at its start. */
  *within({ from, until }: Span): Generator<readonly [at: number, value: T]> {
    let value = this.#first;
    let index = 0;
    while (index < this.#times.length && (this.#times[index] as number) <= from) {
      value = this.#values[index] as T;
      index += 1;
    }
    yield [from, value];
    for (; index < this.#times.length && (this.#times[index] as number) < until; index += 1) {
      yield [this.#times[index] as number, this.#values[index] as T];
    }
  }
}

/** Sum over the spans of `weigh(a, b)` times the milliseconds in which both held. */
export function integrate<A, B>(
  a: Steps<A>,
  b: Steps<B>,
  spans: readonly Span[],
  weigh: (a: A, b: B) => number,
): number {
  let sum = 0;
  for (const span of spans) {
    const left = [...a.within(span)];
    const right = [...b.within(span)];
    let at = span.from;
    let i = 0;
    let j = 0;
    while (at < span.until) {
      const next = Math.min(left[i + 1]?.[0] ?? span.until, right[j + 1]?.[0] ?? span.until);
      sum += (next - at) * weigh((left[i] as readonly [number, A])[1], (right[j] as readonly [number, B])[1]);
      at = next;
      while (left[i + 1] !== undefined && (left[i + 1] as readonly [number, A])[0] <= at) i += 1;
      while (right[j + 1] !== undefined && (right[j + 1] as readonly [number, B])[0] <= at) j += 1;
    }
  }
  return sum;
}

/** How long each value held within the spans, ms. */
export function dwell<T>(steps: Steps<T>, spans: readonly Span[]): ReadonlyMap<T, number> {
  const times = new Map<T, number>();
  for (const span of spans) {
    const held = [...steps.within(span)];
    for (const [index, [at, value]] of held.entries())
      times.set(value, (times.get(value) ?? 0) + (held[index + 1]?.[0] ?? span.until) - at);
  }
  return times;
}

export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, until }) => sum + until - from, 0);
}
