import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { spawnGuarded } from './guarded-process.ts';
import { waitUntil } from './wait-until.ts';

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('its process id is that of the command itself, and its exit code comes back', async () => {
  const { child, pid, ended } = spawnGuarded('/bin/sh', ['-c', 'echo $$; exit 7']);
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += String(chunk);
  });
  expect(await ended).toEqual({ code: 7, signal: null });
  await waitUntil('its output', () => said.trim() === String(pid));
});

test('one that does not hear SIGTERM is killed when patience ends', async () => {
  const guarded = spawnGuarded('/bin/sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done']);
  await new Promise((resolve) => guarded.child.stdout?.once('data', resolve));
  expect(await guarded.end('SIGTERM', 300)).toEqual({ code: null, signal: 'SIGKILL' });
});

test('the child dies when its parent is killed with -9', async () => {
  const module = new URL('../../dist/device-sims/harness/guarded-process.js', import.meta.url).href;
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { spawnGuarded } from ${JSON.stringify(module)};
       console.log(spawnGuarded('sleep', ['600']).pid);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: parent.stdout });
  const pid = Number(await new Promise<string>((resolve) => lines.once('line', resolve)));
  expect(exists(pid)).toBe(true);
  parent.kill('SIGKILL');
  await waitUntil('the child to be gone', () => !exists(pid));
});
