/** What a device said and waits to have acknowledged; the first thing that went wrong is kept until somebody settles. */
export class Said {
  readonly #waiting = new Set<Promise<void>>();
  #fault: unknown;

  add(sending: Promise<void>): void {
    const watched = sending.then(
      () => void this.#waiting.delete(watched),
      (error: unknown) => {
        this.#waiting.delete(watched);
        this.#fault ??= error;
      },
    );
    this.#waiting.add(watched);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Throws what went wrong, as often as it is asked. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting);
    if (this.#fault !== undefined) throw this.#fault;
  }
}
