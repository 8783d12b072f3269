/** Who is read next, so that everybody has a turn: the line of those that wait, and what hard work is paid with. */

interface Resumable {
  resume(): void;
}

export class Turns<C extends Resumable> {
  /** Would be read if reading were not held, the longest wait first. */
  #waiting = new Set<C>();
  /** When what took long is paid for, ms of a monotonic clock. */
  #paidAt = 0;

  waits(connection: C): void {
    this.#waiting.add(connection);
  }

  left(connection: C): void {
    this.#waiting.delete(connection);
  }

  /** Reading goes on, in the order of the line: who finds it held again goes to the end. */
  resume(all: Iterable<C>): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const connection of waiting) connection.resume();
    for (const connection of all) if (!waiting.has(connection)) connection.resume();
  }

  /** Work of so many milliseconds was done; for how many its sender pauses. All such share a third of the time. */
  pauseFor(ms: number, now: number): number {
    this.#paidAt = Math.max(now, this.#paidAt) + 2 * ms;
    return this.#paidAt - now;
  }
}
