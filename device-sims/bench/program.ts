/** Starts one of our own built programs beside the bench, and reads what it prints. */
import { fileURLToPath } from 'node:url';
import { type GuardedProcess, spawnGuarded } from '../harness/guarded-process.ts';

export interface Program {
  readonly process: GuardedProcess;
  /** The next line of JSON that it prints; throws when it ends instead. */
  nextLine(): Promise<unknown>;
}

/** `path` is relative to the built `device-sims`, such as `load/main.js`. */
export function startProgram(path: string, args: readonly string[], nodeArgs: readonly string[] = []): Program {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const guarded = spawnGuarded(process.execPath, [...nodeArgs, file, ...args]);
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = '';
  let errors = '';
  let over: Error | undefined;
  guarded.child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  guarded.child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const next = waiting.shift();
      if (next) next.resolve(line);
      else lines.push(line);
    }
  });
  // `close` comes after the last byte of both outputs, `exit` may come before.
  guarded.child.once('close', (code) => {
    over = new Error(`${path} ended with code ${code} before it answered: ${errors.trim()}`);
    for (const { reject } of waiting.splice(0)) reject(over);
  });
  return {
    process: guarded,
    async nextLine() {
      const line = lines.shift();
      if (line !== undefined) return JSON.parse(line) as unknown;
      if (over) throw over;
      return JSON.parse(await new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }))) as unknown;
    },
  };
}
