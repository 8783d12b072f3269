/**
 * How long a device pauses on one clock: the longest pause of each of its last seven days, each as a letter of a scale
 * whose steps are a quarter long. The worst of four and more days is left out: one bad hour makes nobody deaf for a week.
 *
 * The longest, not the usual: of a radio that loses one frame in twenty, two lost in a row are how it is. A limit well
 * beyond what a week has shown is never reached by chance.
 */

const SCALE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const STEP = Math.log(1.25);
const SHORTEST_MS = 1000;
const NONE = '.';
const DAYS = 7;
const ENOUGH_DAYS = 4;

export class Pauses {
  /** Oldest first; the last one is today. */
  #days: string;

  /** `text`: what another one is as text. */
  constructor(text = NONE) {
    this.#days = /^[\w.-]{1,8}$/.test(text) ? text : NONE;
  }

  toString(): string {
    return this.#days;
  }

  /** Days that are over and of which something is known. */
  get days(): number {
    return [...this.#days.slice(0, -1)].filter((letter) => letter !== NONE).length;
  }

  /** A pause is over, of 0 ms or more; whether it is the longest of today. */
  add(ms: number): boolean {
    const step = stepOf(ms);
    if (step <= SCALE.indexOf(this.#days.at(-1) ?? NONE)) return false;
    this.#days = this.#days.slice(0, -1) + SCALE.charAt(step);
    return true;
  }

  /** Another day begins. */
  turn(): void {
    this.#days = (this.#days + NONE).slice(-DAYS - 1);
  }

  /** The longest one that is no exception, ms; 0: nothing is known. */
  get usual(): number {
    const steps = this.#steps();
    return lengthOf(steps.at(this.days < ENOUGH_DAYS ? -1 : -2) ?? -1);
  }

  /** Exceptions included. */
  get longest(): number {
    return lengthOf(this.#steps().at(-1) ?? -1);
  }

  #steps(): number[] {
    return [...this.#days].map((letter) => SCALE.indexOf(letter)).sort((a, b) => a - b);
  }
}

function stepOf(ms: number): number {
  return Math.min(SCALE.length - 1, Math.floor(Math.log(Math.max(ms, SHORTEST_MS) / SHORTEST_MS) / STEP));
}

function lengthOf(step: number): number {
  return step < 0 ? 0 : Math.round(SHORTEST_MS * Math.exp((step + 1) * STEP));
}
