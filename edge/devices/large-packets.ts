/**
 * Room for packets that are still arriving. The parser collects a packet until it is whole, so a thousand devices that
 * each begin a large one would hold a gigabyte before the journal sees a byte. A packet over a certain size therefore
 * needs room before more of it is read; who has room is always read on, so it ends or is cut for its age, and gives
 * the room to the next in line.
 */

/** Smaller ones are not worth the bookkeeping: they are bounded by the number of connections. */
export const LARGE = 65_536;

export class LargePackets {
  #free: number;
  readonly #line: { readonly owner: object; readonly size: number; readonly granted: () => void }[] = [];
  readonly #held = new Map<object, number>();

  /** `room` in bytes; one packet always fits. */
  constructor(room: number) {
    this.#free = room;
  }

  /** How many packets have room now. */
  get holders(): number {
    return this.#held.size;
  }

  /** True: there is room. Else `granted` is called when there is. One request an owner. */
  request(owner: object, size: number, granted: () => void): boolean {
    if (this.#line.length === 0 && this.#fits(size)) {
      this.#hold(owner, size);
      return true;
    }
    this.#line.push({ owner, size, granted });
    return false;
  }

  /** The packet is whole, or its connection is closed, or nobody waits any more. */
  release(owner: object): void {
    const waiting = this.#line.findIndex((request) => request.owner === owner);
    if (waiting >= 0) this.#line.splice(waiting, 1);
    this.#free += this.#held.get(owner) ?? 0;
    this.#held.delete(owner);
    for (let next = this.#line[0]; next !== undefined && this.#fits(next.size); next = this.#line[0]) {
      this.#line.shift();
      this.#hold(next.owner, next.size);
      next.granted();
    }
  }

  #fits(size: number): boolean {
    return size <= this.#free || this.#held.size === 0;
  }

  #hold(owner: object, size: number): void {
    this.#free -= size;
    this.#held.set(owner, size);
  }
}
