/**
 * Where a daemon's log goes: stdout, which is a pipe or a socket to somebody who may read slowly, stop reading, or be
 * gone. A line is written at once, so that it is there after a crash; what is not taken waits, up to a bound, and what
 * comes then is dropped and counted. A hub does not stand still for its log.
 */
import type { Writable } from 'node:stream';

/** Bytes that may wait. */
const MOST_WAITING = 1_048_576;

export class LogOutput {
  readonly #out: Writable;
  readonly #most: number;
  #dropped = 0;

  constructor(out: Writable, most = MOST_WAITING) {
    this.#out = out;
    this.#most = most;
  }

  /** Never throws, never waits. */
  write(line: string): void {
    const out = this.#out;
    // Its reader is gone, and comes not back.
    if (out.destroyed || out.errored) return;
    if (out.writableLength > this.#most) {
      if (this.#dropped === 0) out.once('drain', () => this.#goOn());
      this.#dropped += 1;
      return;
    }
    try {
      out.write(line);
    } catch {
      // A file on a disk that is full.
      this.#dropped += 1;
    }
  }

  #goOn(): void {
    const fields = { level: 'warn', time: new Date().toISOString(), dropped: this.#dropped };
    this.#dropped = 0;
    this.write(`${JSON.stringify({ ...fields, msg: 'lines of this log were dropped: nobody read it' })}\n`);
  }
}

/** Resolves when everything is out, or after so many milliseconds. */
export async function flushed(out: Writable, ms: number): Promise<void> {
  if (out.writableLength === 0 || out.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    out.write('', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
