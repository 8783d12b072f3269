/** Keeps what a device complains of all the time from being said all the time. */

const AGAIN_MS = 60_000;

export class OnceInAWhile {
  #text: string | undefined;
  #at = Number.NEGATIVE_INFINITY;

  /** Whether it is another text than the last one, or a minute has passed. `now`: epoch ms. */
  isDue(text: string, now: number): boolean {
    // A clock that was set back must not silence it.
    if (text === this.#text && Math.abs(now - this.#at) < AGAIN_MS) return false;
    this.#text = text;
    this.#at = now;
    return true;
  }

  forget(): void {
    this.#text = undefined;
  }
}
