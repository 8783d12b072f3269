/** What a frame held beside readings, in a few words: each thing once, with how often. Names in it come from a device. */
const MOST = 8;
const LONGEST = 80;

export class Notes {
  readonly #counts = new Map<string, number>();
  #more = 0;

  add(said: string): void {
    // Nothing that moves a terminal's cursor.
    const words = said.slice(0, LONGEST).replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
    const count = this.#counts.get(words);
    if (count === undefined && this.#counts.size >= MOST) this.#more += 1;
    else this.#counts.set(words, (count ?? 0) + 1);
  }

  get text(): string | undefined {
    if (this.#counts.size === 0) return undefined;
    const words = [...this.#counts].map(([said, count]) => (count === 1 ? said : `${said} (${count} times)`));
    return [...words, ...(this.#more > 0 ? [`${this.#more} more`] : [])].join('; ');
  }
}
