/**
 * Readers of live streams (server-sent events): staff pages hear of every change of an alert at once, screens of what
 * they are to show. Nothing is kept for a reader: one that does not keep up is closed, comes back by itself, and is told
 * or fetches how things stand.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Bytes that may wait for one reader; an alert is about half a kilobyte. */
const MOST_WAITING = 256 * 1024;
const PING_EVERY = 15_000;

/** Of the places, what one address beyond this machine may take: a shop's staff and screens come from several. */
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
    if (this.#responses.size < most && ofAddress < placesOf(address, most)) return true;
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

  /** To one reader alone, at once. */
  tell(response: ServerResponse, event: string, data: object): void {
    this.#writeTo(response, Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (const response of this.#responses.keys()) this.#writeTo(response, bytes);
  }

  #writeTo(response: ServerResponse, bytes: Buffer): void {
    if (response.writableLength <= MOST_WAITING) {
      response.write(bytes);
      return;
    }
    this.#counters.stalled += 1;
    this.#responses.delete(response);
    response.destroy();
  }
}

/** Of the places, those that one address may take. */
export function placesOf(address: string, most: number): number {
  return isLoopback(address) ? most : Math.ceil(most * SHARE);
}

/** Writes the head of a stream, with the headers that every answer has. */
export function openStream(reply: FastifyReply): ServerResponse {
  reply.hijack();
  reply.headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  return reply.raw;
}

function isLoopback(address: string): boolean {
  return address === '' || address === '::1' || /^(::ffff:)?127\./.test(address);
}
