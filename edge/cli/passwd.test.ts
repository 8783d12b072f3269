/** `store-hub passwd` as a process: from a pipe, and on a terminal (made by `script`). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePasswordHash } from '../contracts/password-hash.ts';
import { verifyPassword } from '../ops/passwords.ts';
import { COMMAND, folderWith, run, start } from './command.fixture.ts';

const folder = folderWith();

async function passwd(input: string, ...args: string[]) {
  const { child, ended } = start(['passwd', ...args], folder);
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

async function fits(password: string, hash: string): Promise<boolean> {
  const parsed = parsePasswordHash(hash);
  return parsed !== undefined && (await verifyPassword(password, parsed));
}

test('prints an entry that the configuration takes as it is', async () => {
  const { code, stdout } = await passwd('correct horse\r\nsecond line\n', 'gateway-1');
  expect(code).toBe(0);
  const yaml = `hub: store-0042\nmqtt:\n  users:\n${stdout}`;
  const user = parse(yaml).mqtt.users[0];
  expect(user.name).toBe('gateway-1');
  expect(await fits('correct horse', user.password_hash)).toBe(true);
  expect(stdout).not.toContain('horse');
  writeFileSync(join(folder, 'store.yaml'), yaml);
  expect((await run(['check-config', '--config', 'store.yaml'], folder)).code).toBe(0);
});

test('prints only the hash with --json, another one each time, and quotes a name that YAML would read otherwise', async () => {
  const [first, second, named] = await Promise.all([
    passwd('correct horse', 'till', '--json'),
    passwd('correct horse', 'till', '--json'),
    passwd('correct horse', '0042'),
  ]);
  const { password_hash, ...rest } = JSON.parse(first.stdout);
  expect(rest).toEqual({});
  expect(await fits('correct horse', password_hash)).toBe(true);
  expect(second.stdout).not.toBe(first.stdout);
  expect(parse(named.stdout)[0].name).toBe('0042');
});

test.each([
  ['an empty one', '\n', 'till'],
  ['no line at all', '', 'till'],
  ['a short one', 'seven77\n', 'till'],
  ['a name that is no name', 'correct horse\n', 'till/1'],
])('refuses %s', async (_, input, name) => {
  const { code, stdout, stderr } = await passwd(input, name);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/password is (empty|short)|must be 1 to 128/);
});

/** What a terminal shows when these lines are typed, each after the prompt that asks for it. */
async function typed(...entries: string[]): Promise<{ code: number | null; screen: string }> {
  const command = `'${process.execPath}' '${COMMAND}' passwd till --json`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    screen += chunk;
    if (/(: )$/.test(chunk)) child.stdin.write(entries.shift() ?? '\u0003');
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, screen };
}

test('asks twice on a terminal, and shows nothing of it', async () => {
  const { code, screen } = await typed('correct hoss\u007f\u007frse\r', 'correct horse\r');
  expect(code).toBe(0);
  expect(screen).not.toMatch(/cor|horse/);
  const { password_hash } = JSON.parse(/\{.*\}/.exec(screen)?.[0] ?? '{}');
  expect(await fits('correct horse', password_hash)).toBe(true);
});

test('refuses two that differ, and ends when it is broken off', async () => {
  const differ = await typed('correct horse\r', 'correct house\r');
  expect(differ).toMatchObject({ code: 2, screen: expect.stringContaining('passwords differ') });
  expect(differ.screen).toContain('what to do: run it again');
  for (const entries of [['correct\u0003'], ['correct horse\r', '\u0004']]) {
    expect(await typed(...entries)).toMatchObject({ code: 2, screen: expect.stringContaining('broken off') });
  }
});

test('refuses a short one before it asks again', async () => {
  const { code, screen } = await typed('hoss\r', 'hoss\r');
  expect(code).toBe(2);
  expect(screen).toContain('the password is short');
  expect(screen).not.toContain('Once more');
});
