/** System calls of a running process made to fail or to take long, until strace is detached. Needs root or ptrace rights. */
import { spawn } from 'node:child_process';

export interface Strace {
  /** The process goes on undisturbed. */
  detach(): Promise<void>;
}

/** `expressions` as for `-e`; with `files` only system calls on these. Resolves when it is attached to every thread. */
export async function attachStrace(
  pid: number,
  expressions: readonly string[],
  files: readonly string[] = [],
): Promise<Strace> {
  const args = ['-f', '-p', String(pid), ...files.flatMap((file) => ['-P', file])];
  const child = spawn('strace', [...args, ...expressions.flatMap((one) => ['-e', one])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`strace ended: ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 10_000) said += text;
      if (/ attached/.test(said)) resolve();
    });
  });
  return {
    async detach() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
