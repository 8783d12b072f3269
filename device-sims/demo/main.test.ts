/** The demo as a process: wrong options, and a stop in the middle that leaves nothing behind. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawnGuarded } from '../harness/guarded-process.ts';
import { projectRoot } from '../harness/project.ts';
import { waitUntil } from '../harness/wait-until.ts';

const MAIN = join(projectRoot(), 'dist', 'device-sims', 'demo', 'main.js');

function demo(...args: string[]) {
  const guarded = spawnGuarded(process.execPath, [MAIN, ...args]);
  const said = { out: '', err: '' };
  guarded.child.stdout?.on('data', (chunk) => {
    said.out += String(chunk);
  });
  guarded.child.stderr?.on('data', (chunk) => {
    said.err += String(chunk);
  });
  return { ...guarded, said };
}

test('an option that is not one ends it with 2 and a word about what is allowed', async () => {
  const { ended, said } = demo('--minutes', 'soon');
  expect((await ended).code).toBe(2);
  expect(said.err).toContain('--minutes wants a number from 0.5 to 120, not "soon"');
});

test('stopped in the middle of business it leaves no process, no folder, and exit code 130', async () => {
  const { end, said } = demo('--offline', '--minutes', '0.5');
  await waitUntil('the freezer to fail', () => /shop +the compressor of/.test(said.out), { timeoutMs: 25_000 });
  const folder = /working folder (\S+)/.exec(said.out)?.[1] ?? '';
  const page = /Staff page: (\S+)/.exec(said.out)?.[1] ?? '';
  const screen = /A screen: +(\S+)/.exec(said.out)?.[1] ?? '';
  expect(existsSync(folder)).toBe(true);
  expect((await fetch(screen)).status).toBe(200);
  expect((await fetch(`${page}health/live`)).status).toBe(200);
  expect(await end('SIGINT', 10_000)).toEqual({ code: 130, signal: null });
  expect(existsSync(folder)).toBe(false);
  await expect(fetch(`${page}health/live`)).rejects.toThrow();
});
