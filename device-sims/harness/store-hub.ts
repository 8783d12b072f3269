/** The built `store-hub` command: run to its end, or kept as a daemon. */
import { createInterface } from 'node:readline';
import { type Ending, type GuardedProcess, spawnGuarded } from './guarded-process.ts';
import { commandFile } from './project.ts';
import { type Patience, waitUntil } from './wait-until.ts';

/** The environment for a store of its own: no `STORE_HUB_` settings of whoever runs this. */
export function ownEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('STORE_HUB_'));
  return { ...Object.fromEntries(inherited), ...more };
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; default `ownEnvironment()`. */
  readonly env?: NodeJS.ProcessEnv;
  /** After this it is killed; default 60 s. */
  readonly timeoutMs?: number;
  /** Kills it at once. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `store-hub <args>` to its end. */
export async function storeHub(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 60_000, signal, env = ownEnvironment(), ...rest } = options;
  signal?.throwIfAborted();
  const { child, ended, end } = spawnGuarded(process.execPath, [commandFile(), ...args], { ...rest, env });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = () => void end('SIGKILL');
  const timer = setTimeout(kill, timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const { code } = await ended;
    await closed;
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}

/** One of the two daemons, startable again and again. */
export interface Daemon {
  /** Everything it wrote since the first start, both outputs, line by line. */
  readonly lines: readonly string[];
  readonly pid: number | undefined;
  running(): boolean;
  /** Starts it and waits until it answers; throws with its last lines when it ends instead. */
  start(patience?: Patience): Promise<void>;
  /** Starts it without waiting, for what is expected to end by itself; gives how it ended. */
  startAndWait(timeoutMs?: number): Promise<Ending>;
  /** How it ended, once it has by itself. */
  stopped(): Promise<Ending>;
  /** SIGTERM, and waits for its end; killed when that takes longer than `patienceMs` (default 15 s). */
  stop(patienceMs?: number): Promise<Ending>;
  /** kill -9. */
  kill(): Promise<Ending>;
}

const NOT_STARTED: Ending = { code: null, signal: null };

/** @param isUp whether it answers now; may throw for 'no' */
export function daemon(args: readonly string[], env: NodeJS.ProcessEnv, isUp: () => Promise<boolean>): Daemon {
  const lines: string[] = [];
  let guarded: GuardedProcess | undefined;

  const launch = (): GuardedProcess => {
    if (guarded?.running()) throw new Error(`store-hub ${args[0]} runs already`);
    guarded = spawnGuarded(process.execPath, [commandFile(), ...args], { env });
    for (const output of [guarded.child.stdout, guarded.child.stderr]) {
      if (output) createInterface({ input: output }).on('line', (line) => lines.push(line));
    }
    return guarded;
  };
  return {
    lines,
    get pid() {
      return guarded?.running() ? guarded.pid : undefined;
    },
    running: () => guarded?.running() ?? false,
    async start(patience) {
      const started = launch();
      const up = async (): Promise<boolean> => {
        if (started.running()) return isUp();
        return true;
      };
      await waitUntil(`store-hub ${args[0]} to answer; it said:\n${lines.slice(-8).join('\n')}`, up, patience);
      if (started.running()) return;
      const { code, signal } = await started.ended;
      throw new Error(`store-hub ${args[0]} ended with ${code ?? signal}:\n${lines.slice(-8).join('\n')}`);
    },
    async startAndWait(timeoutMs = 30_000) {
      const started = launch();
      const timer = setTimeout(() => void started.end('SIGKILL'), timeoutMs);
      try {
        return await started.ended;
      } finally {
        clearTimeout(timer);
      }
    },
    async stopped() {
      return guarded ? guarded.ended : NOT_STARTED;
    },
    async stop(patienceMs) {
      return guarded ? guarded.end('SIGTERM', patienceMs) : NOT_STARTED;
    },
    async kill() {
      return guarded ? guarded.end('SIGKILL') : NOT_STARTED;
    },
  };
}
