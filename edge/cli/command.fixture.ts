/** The built command as tests run it: its own process, its own folder, none of the caller's STORE_HUB_ variables. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../dist/edge/cli/main.js', import.meta.url));

/** An empty folder, or one with a store.yaml. */
export function folderWith(storeYaml?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-hub-cli-'));
  if (storeYaml !== undefined) writeFileSync(join(folder, 'store.yaml'), storeYaml);
  return folder;
}

export function start(args: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STORE_HUB_')));
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd: folder, env: { ...inherited, ...env } });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code);
  return { child, ended };
}

export interface Ended {
  readonly code: number | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(args: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { child, ended } = start(args, folder, env);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
