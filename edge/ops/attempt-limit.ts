/**
 * How often an address may be wrong: so many failures in a window, then it waits until the window ends, whatever it
 * sends. Other addresses are not touched: all addresses of an IPv6 network together (a /64, which one machine is given,
 * but a whole shop too) may be wrong eight times as often. With `overall` there is a limit for all addresses together,
 * so that many cannot guess at the same time; it does not hold for an address that was right before.
 */
import { isIPv6 } from 'node:net';

interface Window {
  readonly ends: number;
  failures: number;
}

export interface AttemptLimitOptions {
  readonly failures: number;
  /** Of all addresses together; default: no limit. */
  readonly overall?: number;
  readonly windowMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const MOST_ADDRESSES = 10_000;
const MOST_KNOWN = 1000;
/** How often a network of IPv6 may be wrong, against one address. */
const NETWORK_FACTOR = 8;
const EVERYBODY = '*';

interface Source {
  readonly name: string;
  /** Failures after which it waits. */
  readonly most: number;
}

export class AttemptLimit {
  readonly #options: AttemptLimitOptions;
  readonly #windows = new Map<string, Window>();
  /** Addresses that were right, the one that was so longest ago first. */
  readonly #known = new Set<string>();

  constructor(options: AttemptLimitOptions) {
    this.#options = options;
  }

  /** Milliseconds until this address may try again; 0: now. */
  waitFor(address: string | undefined): number {
    const now = this.#options.now();
    let wait = 0;
    for (const { name, most } of this.#sourcesOf(address)) {
      if (name === EVERYBODY && this.#known.has(plainAddress(address))) continue;
      const window = this.#windows.get(name);
      if (window !== undefined && window.failures >= most) wait = Math.max(wait, window.ends - now);
    }
    return wait;
  }

  /** Returns true when this failure was the one that made the address, or more than it, wait. */
  failed(address: string | undefined): boolean {
    let waits = false;
    for (const { name, most } of this.#sourcesOf(address)) {
      const window = this.#windowOf(name);
      window.failures += 1;
      if (window.failures === most) waits = true;
    }
    return waits;
  }

  right(address: string | undefined): void {
    const name = plainAddress(address);
    this.#known.delete(name);
    this.#known.add(name);
    const [oldest] = this.#known;
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  #sourcesOf(address: string | undefined): readonly Source[] {
    const { failures, overall } = this.#options;
    const name = plainAddress(address);
    const sources = [{ name, most: failures }];
    if (isIPv6(name)) sources.push({ name: networkOf(name), most: failures * NETWORK_FACTOR });
    if (overall !== undefined) sources.push({ name: EVERYBODY, most: overall });
    return sources;
  }

  #windowOf(name: string): Window {
    const { windowMs, now } = this.#options;
    const time = now();
    const known = this.#windows.get(name);
    if (known !== undefined && known.ends > time) return known;
    this.#windows.delete(name);
    this.#forget(time);
    const window = { ends: time + windowMs, failures: 0 };
    this.#windows.set(name, window);
    return window;
  }

  /** Windows are in the order of their end: what is over is at the front, and so is what has to make room. */
  #forget(time: number): void {
    for (const [source, { ends }] of this.#windows) {
      if (ends > time && this.#windows.size < MOST_ADDRESSES) return;
      this.#windows.delete(source);
    }
  }
}

/** An IPv4 address is the same however it is written; without what names the network card. */
function plainAddress(address = ''): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.split('%', 1)[0] ?? '';
}

/** The first half of an IPv6 address. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
