import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../harness/free-port.ts';
import { projectRoot } from '../harness/project.ts';
import { readRun } from '../score/run-clock.ts';

const COMMAND = join(projectRoot(), 'dist', 'device-sims', 'sim', 'main.js');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-hub-sim-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function begin(...args: string[]) {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = once(child, 'close').then(
    ([code]): Ended => ({ code: typeof code === 'number' ? code : null, out, err }),
  );
  return { child, ended };
}

const sim = (...args: string[]): Promise<Ended> => begin(...args).ended;

const lines = (file: string): { kind: string }[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('two processes with the same seed write the same ledger byte for byte, with another seed another one', async () => {
  const files = ['a', 'b', 'c'].map((name) => join(folder, `${name}.jsonl`));
  const ends = await Promise.all(
    files.map((file, index) => sim('run', '--world', 'fashion', '--seed', index < 2 ? '7' : '8', '--ledger', file)),
  );
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  const [first, second, other] = files.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
  expect(first).toBe(second);
  expect(first).not.toBe(other);
  const records = lines(files[0] ?? '');
  expect(records[0]).toMatchObject({ kind: 'world', format: 1, world: 'fashion', seed: 7, days: 1, coverage: 50 });
  expect(records.at(-1)).toMatchObject({ kind: 'ended' });
  expect(ends[0]?.out).toMatch(new RegExp(`records +${records.length.toLocaleString('en-US')}\n`));
});

test('a hub that said nothing found none of the gaps of a day', async () => {
  const [ledger, events, out] = ['day.jsonl', 'events.jsonl', 'score.json'].map((name) => join(folder, name));
  await sim('run', '--world', 'pharmacy', '--ledger', ledger ?? '');
  writeFileSync(events ?? '', '');
  const { code, err } = await sim('score', '--ledger', ledger ?? '', '--events', events ?? '', '--out', out ?? '');
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(out ?? '', 'utf8'))).toMatchObject({ gaps: { all: { found: 0, false: 0 } } });
  expect((await sim('score', '--ledger', events ?? '', '--events', events ?? '')).code).toBe(1);
});

test('a run that is stopped says so, and leaves whole lines', async () => {
  const file = join(folder, 'stopped.jsonl');
  // Of a run before, with faults.
  writeFileSync(`${file}.faults.jsonl`, '');
  const { child, ended } = begin('run', '--world', 'pharmacy', '--days', '300', '--ledger', file);
  await new Promise((go) => setTimeout(go, 1_500));
  child.kill('SIGTERM');
  const { code, err } = await ended;
  expect(code).toBe(1);
  expect(err).toContain('stopped before the end');
  const records = lines(file);
  expect(records[0]?.kind).toBe('world');
  expect(records.at(-1)?.kind).not.toBe('ended');
  expect(existsSync(`${file}.faults.jsonl`)).toBe(false);
});

test('a run is ended at once though its hub answers nothing, and says where there is no hub', async () => {
  const deaf = createServer((socket) => void socket.on('error', () => undefined).resume());
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  const { port } = deaf.address() as AddressInfo;
  const paced = (hub: string) => begin('run', '--world', 'pharmacy', '--speed', '60', '--hub', hub);
  const { child, ended } = paced(`mqtt://127.0.0.1:${port}`);
  await once(deaf, 'connection');
  const signalled = performance.now();
  child.kill('SIGINT');
  const { code, err } = await ended;
  expect(performance.now() - signalled).toBeLessThan(5_000);
  expect(code).toBe(1);
  expect(err).toContain('stopped before the end');
  deaf.close();
  const nobody = await paced(`mqtt://127.0.0.1:${await freePort()}`).ended;
  expect(nobody.code).toBe(1);
  expect(nobody.err).toMatch(/^store-hub-sim: mqtt:\/\/127\.0\.0\.1:\d+: no hub answers there \(.*ECONNREFUSED.*\)\n$/);
});

test('a paced run goes on at its speed', async () => {
  const file = join(folder, 'paced.jsonl');
  const { child, ended } = begin('run', '--world', 'pharmacy', '--speed', '3600', '--ledger', file);
  // From an hour and a half before opening: five seconds are five hours at most.
  await new Promise((go) => setTimeout(go, 5_000));
  child.kill('SIGINT');
  expect((await ended).code).toBe(1);
  const kinds = new Set(lines(file).map(({ kind }) => kind));
  expect(kinds).toContain('shop-opened');
  expect(kinds).not.toContain('shop-closed');
  const clock = readRun(`${file}.run.json`);
  expect(clock).toMatchObject({ simulated_began: '2026-03-05T05:30:00.000Z', speed: 3_600 });
  expect(Math.abs(Date.parse(clock.hub_began) - Date.now())).toBeLessThan(60_000);
});

test('the ready worlds are listed and shown', async () => {
  const { code, out } = await sim('worlds', 'list', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out).map(({ world }: { world: string }) => world)).toEqual(['fashion', 'pharmacy', 'supermarket']);
  const shown = await sim('worlds', 'show', 'fashion');
  expect(shown.out).toContain('480; with a sensor: 48 at 10 %, 240 at 50 %, 480 at 100 %; default 50 %');
  expect(JSON.parse((await sim('worlds', 'show', 'fashion', '--json')).out)).toMatchObject({ world: 'fashion' });
});

test('wrong use is 2, a failure is 1, and each says what is wrong', async () => {
  const broken = join(folder, 'broken.yaml');
  writeFileSync(broken, 'world: x\ncolour: red\n');
  const cases: [number, RegExp, string[]][] = [
    [2, /required option/, ['run']],
    [2, /no world is called moon; there are fashion, pharmacy, supermarket/, ['run', '--world', 'moon']],
    [2, /whole number from 0 to 100/, ['run', '--world', 'fashion', '--coverage', '101']],
    [2, /whole number from 1 to 366/, ['run', '--world', 'fashion', '--days', '0']],
    [2, /a date such as/, ['run', '--world', 'fashion', '--from', '2026-02-30']],
    [2, /a number above 0/, ['run', '--world', 'fashion', '--speed', '0']],
    [2, /no fault "resned"; there are resend, garbage/, ['run', '--world', 'fashion', '--faults', 'resned:5']],
    [2, /--faults and --dir go with --hub/, ['run', '--world', 'fashion', '--faults', 'resend:5']],
    [2, /address such as mqtt:/, ['run', '-w', 'fashion', '--speed', '60', '--hub', '127.0.0.1:1883']],
    [2, /address such as http:/, ['run', '-w', 'fashion', '--hub-http', 'localhost:8080']],
    [2, /--serial needs --dir/, ['config', '--world', 'fashion', '--serial']],
    [2, /broken\.yaml:2:1: colour: unknown key/, ['run', '--world', broken]],
    [2, /unknown command/, ['walk']],
    [1, /cannot be written.*no such file/, ['run', '--world', 'fashion', '--ledger', '/nowhere/x']],
    [
      1,
      /^store-hub-sim: \/dev\/full: the ledger cannot be written: ENOSPC/,
      ['run', '-w', 'fashion', '-l', '/dev/full'],
    ],
  ];
  const ends = await Promise.all(cases.map(([, , args]) => sim(...args)));
  for (const [index, [code, message]] of cases.entries()) {
    expect(ends[index]?.err).toMatch(message);
    expect(ends[index]?.code).toBe(code);
  }
});
