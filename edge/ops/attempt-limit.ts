/**
 * How often an address may be wrong: so many failures in a window, then it waits until the window ends, whatever it
 * sends. Other addresses are not touched. An IPv6 address stands for its /64, which is what one machine is given.
 */
import { isIPv6 } from 'node:net';

interface Window {
  readonly ends: number;
  failures: number;
}

export interface AttemptLimitOptions {
  readonly failures: number;
  readonly windowMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const MOST_ADDRESSES = 10_000;

export class AttemptLimit {
  readonly #options: AttemptLimitOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: AttemptLimitOptions) {
    this.#options = options;
  }

  /** Milliseconds until this address may try again; 0: now. */
  waitFor(address: string | undefined): number {
    const window = this.#windows.get(sourceOf(address));
    if (window === undefined || window.failures < this.#options.failures) return 0;
    return Math.max(0, window.ends - this.#options.now());
  }

  /** Returns true when this failure was the one that made it wait. */
  failed(address: string | undefined): boolean {
    const { failures, windowMs, now } = this.#options;
    const source = sourceOf(address);
    const time = now();
    let window = this.#windows.get(source);
    if (window === undefined || window.ends <= time) {
      this.#windows.delete(source);
      this.#forget(time);
      window = { ends: time + windowMs, failures: 0 };
      this.#windows.set(source, window);
    }
    window.failures += 1;
    return window.failures === failures;
  }

  /** Windows are in the order of their end: what is over is at the front, and so is what has to make room. */
  #forget(time: number): void {
    for (const [source, { ends }] of this.#windows) {
      if (ends > time && this.#windows.size < MOST_ADDRESSES) return;
      this.#windows.delete(source);
    }
  }
}

/** What is counted as one: an IPv4 address however it is written, the first half of an IPv6 address. */
export function sourceOf(address: string | undefined): string {
  if (address === undefined) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
