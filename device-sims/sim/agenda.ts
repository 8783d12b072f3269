/**
 * What is to happen and when, on a binary heap: of things due at once the first entered goes first. On top of it lives
 * are lived: a generator that yields how long it pauses, or whom it waits for, reads as the story that it tells.
 */

export interface Agenda {
  /** Epoch milliseconds of the simulated clock. */
  readonly now: number;
  /** Not before now: what is late is done next. */
  at(ms: number, act: () => void): void;
  /** Does everything that is due up to here, in order. */
  advance(to: number): void;
  /** Begins at once and goes on until the life ends. */
  live(life: Life): void;
}

/** Milliseconds to let pass, or a wait for others: called once with what goes on. */
export type Pause = number | ((goOn: () => void) => void);

export type Life<T = void> = Generator<Pause, T, void>;

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

const before = (one: Due, other: Due): boolean => one.at < other.at || (one.at === other.at && one.order < other.order);

export function agenda(begin: number): Agenda {
  const heap: Due[] = [];
  let now = begin;
  let order = 0;

  const at = (ms: number, act: () => void): void => {
    order += 1;
    const due = { at: Math.max(now, Math.round(ms)), order, act };
    let place = heap.push(due) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || before(parent, due)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = due;
  };
  const removeFirst = (): void => {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      let child = heap[below];
      const right = heap[below + 1];
      if (child !== undefined && right !== undefined && before(right, child)) {
        child = right;
        below += 1;
      }
      if (child === undefined || before(last, child)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = last;
  };
  const live = (life: Life): void => {
    const { done, value } = life.next();
    if (done === true) return;
    const goOn = (): void => live(life);
    if (typeof value === 'number') at(now + value, goOn);
    else value(goOn);
  };
  return {
    get now() {
      return now;
    },
    at,
    advance(to) {
      for (let due = heap[0]; due !== undefined && due.at <= to; due = heap[0]) {
        removeFirst();
        now = due.at;
        due.act();
      }
      now = Math.max(now, to);
    },
    live,
  };
}
