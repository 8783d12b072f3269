import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Refusal } from '../contracts/intake.ts';
import { batchOf, Clocks, openWriter, sale, shelfCount } from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { COMMAND, folderWith, run, start } from './command.fixture.ts';

const SALES = 3000;
const folder = folderWith('hub: store-0042\n');
const clocks = new Clocks();
let writer: Writer;

const refusal: Refusal = {
  kind: 'shelf',
  device: 'scale-7',
  received: clocks.wallMs,
  reason: 'count: expected a number',
  pointers: ['/count'],
  bytes: Buffer.from('{"count":"\u001b[31mred"}'),
};

beforeAll(() => {
  const data = join(folder, 'data');
  mkdirSync(data);
  writer = openWriter(data, clocks);
  const sales = Array.from({ length: SALES }, (_, index) => sale(clocks, String(index)));
  writer.process(batchOf([shelfCount(clocks, 12), ...sales, refusal, { ...refusal, kind: 'presence', bytes: null }]));
});

afterAll(() => writer.close());

async function journal(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await run(['journal', ...args, '-c', 'store.yaml'], folder);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line): Record<string, unknown> => JSON.parse(line));
}

test('export prints every event as a CloudEvent, oldest first, one a line', async () => {
  const events = await journal('export');
  const sequences = events.map((event) => Number(event.sequence));
  expect(events.filter((event) => event.type === 'retail.sales.sold.v1')).toHaveLength(SALES);
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  expect(events[0]).toMatchObject({ specversion: '1.0', type: 'retail.devices.incarnation.v1', hub: 'store-0042' });
});

test('export begins at a sequence or at an event, inclusive, and keeps to one stream', async () => {
  const sales = await journal('export', '--stream', 'sales');
  expect(new Set(sales.map((event) => event.type))).toEqual(new Set(['retail.sales.sold.v1']));
  const from = sales.at(-4);
  expect(await journal('export', '--from', String(Number(from?.sequence)))).toEqual(sales.slice(-4));
  expect(await journal('export', '--from', String(from?.id), '--json')).toEqual(sales.slice(-4));
  const elsewhere = await run(
    ['journal', 'export', '--from', 'other/0123456789abc/0000000000000001', '-c', 'store.yaml'],
    folder,
  );
  expect([elsewhere.code, elsewhere.stdout]).toEqual([1, '']);
  const nonsense = await run(['journal', 'export', '--from', 'yesterday', '-c', 'store.yaml'], folder);
  expect(nonsense.code).toBe(2);
});

test('show prints one event, and fails for one that is not there', async () => {
  const [event] = await journal('tail', '--lines', '1', '--no-follow');
  expect(await journal('show', String(event?.id))).toEqual([event]);
  expect(await journal('show', String(Number(event?.sequence)))).toEqual([event]);
  const absent = await run(
    ['journal', 'show', 'store-0042/0123456789abc/0000000000000001', '-c', 'store.yaml'],
    folder,
  );
  expect([absent.code, absent.stdout]).toEqual([1, '']);
  expect(absent.stderr).toContain('holds no event store-0042/0123456789abc/0000000000000001');
});

test('a reader that leaves ends the output, not with an error', () => {
  const command = `set -o pipefail; "${process.execPath}" "${COMMAND}" journal export -c store.yaml | head -n 1`;
  const stdout = execFileSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
  expect(stdout.split('\n')).toHaveLength(2);
});

test('tail shows the newest, then what comes, and ends cleanly on SIGTERM', async () => {
  const before = await journal('tail', '--lines', '2', '--no-follow');
  expect(before).toHaveLength(2);
  const { child, ended } = start(['journal', 'tail', '--lines', '2', '-c', 'store.yaml'], folder);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => JSON.parse((await lines.next()).value ?? 'null');
  expect([await next(), await next()]).toEqual(before);
  writer.process(batchOf([sale(clocks, 'fresh-1'), sale(clocks, 'fresh-2')]));
  expect(await next()).toMatchObject({ subject: 'till-1/fresh-1' });
  expect(await next()).toMatchObject({ subject: 'till-1/fresh-2' });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('tail that nobody reads any more ends by itself', async () => {
  const { child, ended } = start(['journal', 'tail', '-c', 'store.yaml'], folder);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  writer.process(batchOf([sale(clocks, 'unread-1')]));
  expect(await ended).toBe(0);
});

test('dead letters are listed with their reason, shown with their bytes, and raw on demand', async () => {
  const list = await run(['dead-letters', 'list', '--json', '-c', 'store.yaml'], folder);
  const letters = list.stdout
    .split('\n')
    .slice(0, -1)
    .map((line): Record<string, unknown> => JSON.parse(line));
  expect(letters).toHaveLength(2);
  const letter = letters.find((entry) => entry.kind === 'shelf');
  const time = '2026-11-20T09:00:00.000Z';
  expect(letter).toEqual({
    id: expect.any(String),
    device: 'scale-7',
    kind: 'shelf',
    reason: 'count: expected a number',
    pointers: ['/count'],
    count: 1,
    first: time,
    last: time,
  });
  const id = String(letter?.id);
  const shown = await run(['dead-letters', 'show', id, '-c', 'store.yaml'], folder);
  expect(shown.stdout).toContain('{"count":"\\u{1b}[31mred"}');
  const raw = await run(['dead-letters', 'show', id, '--raw', '-c', 'store.yaml'], folder);
  expect(raw.stdout).toBe('{"count":"\u001b[31mred"}');
  const person = letters.find((entry) => entry.kind === 'presence');
  const hidden = await run(['dead-letters', 'show', String(person?.id), '--raw', '-c', 'store.yaml'], folder);
  expect([hidden.code, hidden.stdout]).toEqual([1, '']);
  const readable = await run(['dead-letters', 'list', '-c', 'store.yaml'], folder);
  expect(readable.stdout).toMatch(/^ID +KIND +DEVICE +COUNT +LAST +REASON$/m);
});

test('retry and discard need a running edge', async () => {
  for (const action of ['retry', 'discard']) {
    const { code, stderr } = await run(['dead-letters', action, 'x', '-c', 'store.yaml'], folder);
    expect(code).toBe(1);
    expect(stderr).toContain('what to do: start the edge');
  }
});

test('status reads the journal itself while the edge is down; without a cloud nothing waits', async () => {
  const alone = await run(['status', '--json', '-c', 'store.yaml'], folder);
  expect(alone.code).toBe(1);
  expect(JSON.parse(alone.stdout)).toMatchObject({ edge: { up: false }, alerts: 0, buffer: { events: 0 } });
  const yaml = readFileSync(join(folder, 'store.yaml'), 'utf8');
  writeFileSync(join(folder, 'cloud.yaml'), `${yaml}\ncloud: { brokers: ["127.0.0.1:1"], partition: 0 }\n`);
  const { code, stdout } = await run(['status', '--json', '-c', 'cloud.yaml'], folder);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).buffer.events).toBeGreaterThan(SALES);
});
