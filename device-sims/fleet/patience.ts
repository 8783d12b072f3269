/** How long a hub may take nothing at all: one that starts again is there within it, one that hangs is not waited for. */

const PATIENCE_MS = 60_000;

export class Patience {
  #taken = -1;
  #since = 0;

  /** @param waiting frames on their way; taken: of all so far. Throws when nothing was taken for too long. */
  check(waiting: number, taken: number, now = performance.now()): void {
    if (waiting === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#since = now;
    } else if (now - this.#since > PATIENCE_MS)
      throw new Error(
        `the hub has taken nothing for a minute, and ${waiting} frames wait for it: does it run? See its log, and \`store-hub devices list\``,
      );
  }
}
