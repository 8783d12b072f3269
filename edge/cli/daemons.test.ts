import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { folderWith, run, start } from './command.fixture.ts';

const FACING = '{ shelf: A1, zone: z, gtin: "09521234543213", name: Water, capacity: 9, minimum: 2 }';
const STORE = ['-c', 'store.yaml'];

let folder: string;
let edge: ReturnType<typeof start>;
let bridge: ReturnType<typeof start>;

beforeAll(async () => {
  const [mqtt, http, status] = [await freePort(), await freePort(), await freePort()];
  folder = folderWith(
    `hub: store-0042\nmqtt: { listen: 127.0.0.1:${mqtt} }\nhttp: { listen: 127.0.0.1:${http} }\n` +
      `bridge: { http: { listen: 127.0.0.1:${status} } }\ncloud: { brokers: [127.0.0.1:9], partition: 7 }\n` +
      `rules: { shelf_gap: { settle: 0s } }\nplanogram: [${FACING}]\n`,
  );
  edge = start(['edge', ...STORE], folder);
  bridge = start(['bridge', ...STORE], folder);
  await waitUntil('both daemons are up', async () => {
    const { stdout } = await run(['status', '--json', ...STORE], folder);
    const status = JSON.parse(stdout);
    return status.edge.ready && status.bridge.up;
  });
});

afterAll(() => {
  edge.child.kill('SIGKILL');
  bridge.child.kill('SIGKILL');
});

async function send(reading: object): Promise<number> {
  const answer = await edgeRequest(join(folder, 'data', 'edge.sock'), 'POST', '/in/shelf/scale-7', reading);
  return answer.status;
}

test('status asks both: a reading, its alert and the lag are seen', async () => {
  expect(await send({ shelf: 'A1', count: 1 })).toBe(202);
  const status = await waitUntil('the bridge knows of the alert', async () => {
    const { code, stdout } = await run(['status', '--json', ...STORE], folder);
    expect(code).toBe(0);
    const seen = JSON.parse(stdout);
    return seen.lag?.alerts === 1 && seen;
  });
  expect(status).toMatchObject({
    edge: { up: true, ready: true, events_per_s: expect.any(Number), bytes_per_s: expect.any(Number) },
    bridge: { up: true, state: 'offline', reason: expect.any(String) },
    buffer: { events: expect.any(Number), bytes: expect.any(Number), oldest_age_s: expect.any(Number) },
    lag: { shelves: 1, alerts: 1 },
    alerts: 1,
    quiet: [],
  });
  const readable = await run(['status', ...STORE], folder);
  expect(readable.stdout).toMatch(/^edge +up, ready/m);
  expect(readable.stdout).toMatch(/^alerts +1 not ended$/m);
});

test('a dead letter can be retried in vain, is discarded, and is gone', async () => {
  expect(await send({ shelf: 'elsewhere', count: 1 })).toBe(400);
  const list = await run(['dead-letters', 'list', '--json', ...STORE], folder);
  const { id, pointers } = JSON.parse(list.stdout);
  expect(pointers).toEqual(['/gtin']);
  const retried = await run(['dead-letters', 'retry', id, ...STORE], folder);
  expect([retried.code, retried.stdout]).toEqual([1, '']);
  expect(retried.stderr).toContain(`${id}: not done: /gtin`);
  expect(await run(['dead-letters', 'discard', id, ...STORE], folder)).toEqual({
    code: 0,
    stdout: `${id}: discarded\n`,
    stderr: '',
  });
  const again = await run(['dead-letters', 'discard', id, ...STORE], folder);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(`there is no dead letter ${id}`)]);
  expect((await run(['dead-letters', 'list', ...STORE], folder)).stdout).toBe('no dead letters\n');
});

test('--all discards every dead letter, and needs no id', async () => {
  for (const shelf of ['x', 'y', 'z']) expect(await send({ shelf, count: 1 })).toBe(400);
  const neither = await run(['dead-letters', 'discard', ...STORE], folder);
  expect([neither.code, neither.stderr]).toEqual([2, expect.stringContaining('name one letter, or --all')]);
  const all = await run(['dead-letters', 'discard', '--all', ...STORE], folder);
  expect([all.code, all.stdout.match(/: discarded$/gm)?.length]).toEqual([0, 3]);
  expect((await run(['dead-letters', 'retry', '--all', ...STORE], folder)).stdout).toBe('no dead letters\n');
});

test('a second edge on the same folder ends with 1 and one clear line', async () => {
  const { code, stderr } = await run(['edge', ...STORE], folder);
  expect(code).toBe(1);
  expect(stderr).toContain(`${folder}/data is in use`);
});

test('both end with 0 on the usual signals, and the log is JSON lines', async () => {
  const log = text(edge.child.stdout);
  bridge.child.kill('SIGINT');
  expect(await bridge.ended).toBe(0);
  edge.child.kill('SIGTERM');
  expect(await edge.ended).toBe(0);
  for (const line of (await log).trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
});
