/** The filters of one client: how fast it may name more (each costs the broker work). */

/** Of one packet: the broker's work for it grows with their square. */
const MOST_IN_A_PACKET = 64;

export class ClientFilters {
  /** Named in the second of that tick. */
  #named = 0;
  #tick = -1;

  /** A SUBSCRIBE or UNSUBSCRIBE names so many, in the second `tick`; what is wrong with that. */
  named(count: number, tick: number, mostInASecond: number): string | undefined {
    if (count > MOST_IN_A_PACKET) return `${count} filters in one packet, at most ${MOST_IN_A_PACKET} are taken`;
    if (this.#tick !== tick) this.#named = 0;
    this.#tick = tick;
    this.#named += count;
    return this.#named > mostInASecond ? `more than ${mostInASecond} filters in a second` : undefined;
  }
}
