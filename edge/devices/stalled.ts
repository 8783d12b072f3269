/** Finds connections that take nothing of what waits for them: a slow one is given its time, a frozen one is not. */
import type { Duplex } from 'node:stream';

interface Seen {
  taken: number;
  waiting: number;
  since: number;
}

/** A network socket tells more than a stream must. */
interface Telling {
  readonly bytesWritten?: number;
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

export class Stalled {
  readonly #limit: number;
  readonly #seen = new WeakMap<Duplex, Seen>();

  /** Milliseconds in which it must have taken something. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Looked at about once a second; `now` is monotonic ms. */
  has(socket: Duplex, now: number): boolean {
    if (!socket.writableNeedDrain) {
      this.#seen.delete(socket);
      return false;
    }
    const { bytesWritten = 0, _handle } = socket as Telling;
    const taken = bytesWritten - socket.writableLength;
    const waiting = _handle?.writeQueueSize ?? 0;
    const seen = this.#seen.get(socket);
    if (seen === undefined || seen.taken !== taken || seen.waiting !== waiting) {
      this.#seen.set(socket, { taken, waiting, since: now });
      return false;
    }
    return now - seen.since >= this.#limit;
  }
}
