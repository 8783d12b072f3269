/**
 * Readers of `GET /api/live`, which hears of every change of an alert at once (server-sent events). Nothing is kept
 * for a reader: one that does not keep up is closed, comes back by itself, and fetches the list again.
 */
import type { ServerResponse } from 'node:http';

/** Bytes that may wait for one reader; an alert is about half a kilobyte. */
const MOST_WAITING = 256 * 1024;
const PING_EVERY = 15_000;

/** Of the places, those that one address beyond this machine may take: a shop's staff come from several. */
const SHARE = 1 / 4;

/** Since the start: readers closed because they did not read, and those there was no place for. */
export interface LiveCounters {
  stalled: number;
  turnedAway: number;
}

export class LiveReaders {
  readonly #counters: LiveCounters;
  /** With the address that each comes from. */
  readonly #responses = new Map<ServerResponse, string>();
  #pinging: NodeJS.Timeout | undefined;
  /** What happened in this turn: a commit may change many alerts, and each reader gets them in one write. */
  #news = '';

  constructor(counters: LiveCounters) {
    this.#counters = counters;
  }

  /** Whether there is a place for one more of this address; else it is counted as turned away. */
  hasRoom(address: string, most: number): boolean {
    let ofAddress = 0;
    for (const from of this.#responses.values()) if (from === address) ofAddress += 1;
    const share = isLoopback(address) ? most : Math.ceil(most * SHARE);
    if (this.#responses.size < most && ofAddress < share) return true;
    this.#counters.turnedAway += 1;
    return false;
  }

  start(): void {
    // The comment keeps proxies awake; the event lets a page notice a line that died without a word.
    this.#pinging = setInterval(() => this.#write(`: still here\nevent: ping\ndata: {}\n\n`), PING_EVERY);
    this.#pinging.unref();
  }

  stop(): void {
    clearInterval(this.#pinging);
    for (const response of this.#responses.keys()) response.destroy();
  }

  /** Takes over a response whose head is written. */
  add(response: ServerResponse, address: string, hello: object): void {
    this.#responses.set(response, address);
    response.on('close', () => this.#responses.delete(response));
    response.on('error', () => response.destroy());
    response.write(`retry: 2000\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`);
  }

  send(event: string, data: object): void {
    if (this.#news === '') setImmediate(() => this.#tell());
    this.#news += `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #tell(): void {
    const news = this.#news;
    this.#news = '';
    this.#write(news);
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (const response of this.#responses.keys()) {
      if (response.writableLength <= MOST_WAITING) {
        response.write(bytes);
        continue;
      }
      this.#counters.stalled += 1;
      this.#responses.delete(response);
      response.destroy();
    }
  }
}

function isLoopback(address: string): boolean {
  return address === '' || address === '::1' || /^(::ffff:)?127\./.test(address);
}
