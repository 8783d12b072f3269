/**
 * Readers of `GET /api/live`, which hears of every change of an alert at once (server-sent events). Nothing is kept
 * for a reader: one that does not keep up is closed, comes back by itself, and fetches the list again.
 */
import type { ServerResponse } from 'node:http';

/** Bytes that may wait for one reader; an alert is about half a kilobyte. */
const MOST_WAITING = 256 * 1024;
const PING_EVERY = 15_000;

/** Since the start: readers closed because they did not read, and those there was no place for. */
export interface LiveCounters {
  stalled: number;
  turnedAway: number;
}

export class LiveReaders {
  readonly #counters: LiveCounters;
  readonly #responses = new Set<ServerResponse>();
  #pinging: NodeJS.Timeout | undefined;
  /** What happened in this turn: a commit may change many alerts, and each reader gets them in one write. */
  #news = '';

  constructor(counters: LiveCounters) {
    this.#counters = counters;
  }

  get size(): number {
    return this.#responses.size;
  }

  start(): void {
    // The comment keeps proxies awake; the event lets a page notice a line that died without a word.
    this.#pinging = setInterval(() => this.#write(`: still here\nevent: ping\ndata: {}\n\n`), PING_EVERY);
    this.#pinging.unref();
  }

  stop(): void {
    clearInterval(this.#pinging);
    for (const response of this.#responses) response.destroy();
  }

  /** Takes over a response whose head is written. */
  add(response: ServerResponse, hello: object): void {
    this.#responses.add(response);
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
    for (const response of this.#responses) {
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
