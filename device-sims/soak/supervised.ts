/** A daemon of the soak, kept running as systemd would: one that ends unasked is noted and started again after 2 s. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, type StartOptions, type Store, spawnDaemon } from '../bench/store.ts';
import type { Ending } from '../harness/guarded-process.ts';

const RESTART_MS = 2_000;
const STOP_MS = 60_000;

export class Supervised {
  /** Ends that nobody asked for, as sentences. */
  readonly unasked: string[] = [];
  starts = 0;
  readonly #store: Store;
  readonly #command: 'edge' | 'bridge';
  #daemon: Daemon | undefined;
  #wanted = false;

  constructor(store: Store, command: 'edge' | 'bridge') {
    this.#store = store;
    this.#command = command;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.#daemon?.process.running() ? this.#daemon.pid : undefined;
  }

  start(options: StartOptions = {}): void {
    this.#wanted = true;
    this.starts += 1;
    const daemon = spawnDaemon(this.#store, this.#command, options);
    this.#daemon = daemon;
    void daemon.process.ended.then((ending) => this.#ended(daemon, ending));
  }

  /** Ends it and leaves it ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
    this.#wanted = false;
    return (await this.#daemon?.process.end(signal, STOP_MS)) ?? { code: null, signal: null };
  }

  async #ended(daemon: Daemon, { code, signal }: Ending): Promise<void> {
    if (!this.#wanted || daemon !== this.#daemon) return;
    this.unasked.push(`the ${this.#command} ended by itself with ${signal ?? `code ${code}`}`);
    await sleep(RESTART_MS);
    if (this.#wanted && daemon === this.#daemon) this.start();
  }
}
