/** Whether a device's clock is right: judged by the middle of its last twenty looks, so that a late delivery is none. */

const OFFSETS = 20;
/** Off by more is wrong, by less than half of it right again. ms. */
const WRONG_MS = 60_000;

export class DeviceClock {
  readonly #offsets: number[] = [];
  isOff = false;

  /** `offset`: the device's clock minus the hub's, ms. */
  look(offset: number): void {
    this.#offsets.push(offset);
    if (this.#offsets.length > OFFSETS) this.#offsets.shift();
  }

  /** It became wrong, or right again; by how much, in seconds. */
  change(): { readonly seconds: number; readonly off: boolean } | undefined {
    if (this.#offsets.length < OFFSETS) return undefined;
    const sorted = [...this.#offsets].sort((a, b) => a - b);
    const middle = sorted.slice(OFFSETS / 2 - 1, OFFSETS / 2 + 1);
    // Of the two in the middle the better one: more than half of them say so.
    const median = middle.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b));
    const off = Math.abs(median) > (this.isOff ? WRONG_MS / 2 : WRONG_MS);
    if (off === this.isOff) return undefined;
    this.isOff = off;
    return { seconds: Math.round(median / 1000), off };
  }
}
