/** The server of cold units in a process of its own, as the built program: it is large, and can be killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../harness/project.ts';
import type { FridgeServerOptions, FridgeState } from './opcua-fridges.ts';
import type { ToFridges } from './opcua-program.ts';

export class Fridges {
  readonly #options: FridgeServerOptions;
  #child: ChildProcess | undefined;

  constructor(options: FridgeServerOptions) {
    this.#options = options;
  }

  get endpoint(): string {
    return `opc.tcp://127.0.0.1:${this.#options.port}`;
  }

  get port(): number {
    return this.#options.port;
  }

  async start(): Promise<void> {
    const child = fork(
      join(projectRoot(), 'dist', 'device-sims', 'devices', 'opcua-program.js'),
      [JSON.stringify(this.#options)],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    this.#child = child;
    const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (first !== 'ready') throw new Error(`the OPC UA server on port ${this.port} does not start: is the port free?`);
  }

  tell(unit: string, state: FridgeState): void {
    this.#child?.send({ unit, state } satisfies ToFridges);
  }

  /** It neither answers nor closes its connections, as behind a cable that was pulled. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
