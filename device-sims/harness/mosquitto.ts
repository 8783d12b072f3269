/** A real Mosquitto for tests, in a folder of its own; it keeps its sessions over a restart. */
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type GuardedProcess, spawnGuarded } from './guarded-process.ts';
import { waitUntil } from './wait-until.ts';

export interface MosquittoOptions {
  readonly dir: string;
  readonly port: number;
  /** More lines for its configuration. */
  readonly lines?: readonly string[];
}

export class Mosquitto {
  readonly #options: MosquittoOptions;
  #process: GuardedProcess | undefined;

  constructor(options: MosquittoOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { dir, port, lines = ['allow_anonymous true'] } = this.#options;
    const file = join(dir, 'mosquitto.conf');
    const own = [`listener ${port} 127.0.0.1`, 'persistence true', `persistence_location ${dir}/`];
    // Started by root it would give up root's rights, and with them the folder.
    const user = process.getuid?.() === 0 ? ['user root'] : [];
    writeFileSync(file, [...own, 'max_queued_messages 100000', ...user, ...lines, ''].join('\n'));
    chmodSync(dir, 0o755);
    const process_ = spawnGuarded('mosquitto', ['-c', file]);
    this.#process = process_;
    await waitUntil('mosquitto', () => {
      if (!process_.running()) throw new Error('mosquitto ended');
      return answers(port);
    });
  }

  /** Kindly: it writes down what it keeps. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM');
    this.#process = undefined;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
