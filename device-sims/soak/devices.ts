/** The soak's devices as seen from the soak itself: their program, what it last said, and latencies of a stretch of time. */
import { type Program, startProgram } from '../bench/program.ts';
import { Latencies } from '../load/latencies.ts';
import type { LoadLine } from './load.ts';

export interface DeviceOptions {
  readonly port: number;
  /** A word that no other run on the same journal used. */
  readonly run: string;
  readonly devices: number;
  readonly window?: number;
  /** Readings per second; absent: as fast as acknowledgements come. */
  readonly rate?: number;
  readonly seconds?: number;
}

export class Devices {
  readonly run: string;
  readonly #program: Program;
  readonly #done: Promise<LoadLine>;
  readonly #windows = new Set<Latencies>();
  #last: LoadLine | undefined;

  constructor(options: DeviceOptions) {
    this.run = options.run;
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#program = startProgram('soak/load.js', args);
    this.#done = this.#listen();
    // Whoever waits for the end hears of it.
    this.#done.catch(() => undefined);
  }

  /** What they said last, up to a second ago. */
  get last(): LoadLine | undefined {
    return this.#last;
  }

  get sent(): readonly number[] {
    return this.#last?.sent ?? [];
  }

  get acknowledged(): number {
    return this.#last?.acknowledged.reduce((sum, one) => sum + one, 0) ?? 0;
  }

  /** Latencies from now on; `close` when nobody reads them any more. */
  window(): { latencies: Latencies; close: () => void } {
    const latencies = new Latencies();
    this.#windows.add(latencies);
    return { latencies, close: () => this.#windows.delete(latencies) };
  }

  /** Nothing new is sent; resolves with the last word when everything is acknowledged, or was waited for in vain. */
  async finish(): Promise<LoadLine> {
    this.#program.process.child.kill('SIGTERM');
    return await this.done();
  }

  /** Resolves with the last word when they end by themselves. */
  async done(): Promise<LoadLine> {
    return await this.#done;
  }

  async kill(): Promise<void> {
    await this.#program.process.end('SIGKILL');
  }

  async #listen(): Promise<LoadLine> {
    for (;;) {
      const line = (await this.#program.nextLine()) as LoadLine;
      this.#last = line;
      for (const latencies of this.#windows) latencies.merge(line.latencies);
      if (line.done) return line;
    }
  }
}
