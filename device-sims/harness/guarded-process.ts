/**
 * A child process that cannot outlive its parent. A small guard beside it reads a pipe from the parent: when the
 * parent ends in whatever way, kill -9 included, the pipe closes and the guard kills the child. The child runs in a
 * group of its own, so that Ctrl-C reaches the parent only and the parent decides the order of stopping.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** `exec` keeps the shell's process id, so `$$` in the guard is the child. A line on the pipe dismisses the guard. */
const GUARD = `exec 3<&0 </dev/null
{ read -r word <&3 || kill -9 $$; } >/dev/null 2>&1 &
exec "$@" 3<&-`;

export interface GuardedOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** An open file for both outputs; absent: two pipes. */
  readonly output?: number;
}

/** How a process ended: its exit code, or the signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GuardedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Fulfilled once, when the process is gone. */
  readonly ended: Promise<Ending>;
  running(): boolean;
  /** Sends the signal and waits until it is gone; after `patienceMs` it is killed. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL', patienceMs?: number): Promise<Ending>;
}

export function spawnGuarded(command: string, args: readonly string[], options: GuardedOptions = {}): GuardedProcess {
  const output = options.output ?? 'pipe';
  const child = spawn('/bin/sh', ['-c', GUARD, 'guard', command, ...args], {
    detached: true,
    stdio: ['pipe', output, output],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  child.stdin?.on('error', () => undefined);
  let gone = false;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      gone = true;
      child.stdin?.end('done\n');
      resolve({ code, signal });
    });
  });
  ended.catch(() => undefined);
  const pid = child.pid ?? -1;
  return {
    pid,
    child,
    ended,
    running: () => !gone && pid > 0,
    async end(signal, patienceMs = 15_000) {
      if (!gone && pid > 0) child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
