/** Network shares that hang: they hold up neither another folder nor the hub, and it is told which ones they are. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterEach, expect, vi } from 'vitest';
import { posLogText } from '../device-sims/devices/till-files.ts';
import { type HungShare, hungShare, testWithHungShares } from '../device-sims/harness/hung-share.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { FolderHost } from './devices/folder-host.ts';
import { testUser } from './devices/users.fixture.ts';
import { receipts } from './till-files.fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const test = await testWithHungShares();
const shares: HungShare[] = [];
let store: Store | undefined;

afterEach(async () => {
  // Whoever removes the folder first waits for what hangs in it.
  await store?.edge.kill();
  for (const share of shares.splice(0)) await share.release();
  await store?.stop();
  store = undefined;
});

test('five folders that hang: the sixth is taken, passwords are checked, readings are stored, and the hub ends at once', async () => {
  store = await makeStore();
  const till = (name: string) => ({
    ...{ name, codec: 'poslog', mapping: { currency: '=EUR' } },
    folder: { path: `./${name}`, files: '*.xml', settle: '200ms', after: 'move' },
  });
  const names = ['till-1', 'till-2', 'till-3', 'till-4', 'till-5'];
  for (const name of names) shares.push(await hungShare(join(store.dir, name)));
  mkdirSync(join(store.dir, 'till-6'));
  await store.configure({
    mqtt: { users: [testUser('gateway-1', { devices: ['shelf-1'] })] },
    devices: [...names, 'till-6'].map(till),
  });
  await store.edge.start();
  writeFileSync(join(store.dir, 'till-6', 'a.xml'), posLogText(receipts(2)));
  const client = await mqtt.connectAsync(store.mqttUrl, { username: 'gateway-1', password: 'gateway-1 password' });
  await client.publishAsync('in/shelf/shelf-1', '{"shelf":"A1-1","count":3}', { qos: 1 });
  await client.endAsync();
  const { edge, httpUrl } = store;
  await waitUntil('the file of the sixth', async () => edge.lines.some((line) => line.includes('a file was taken')));
  // It takes 10 s until a folder counts as away.
  await waitUntil('all five to be told of', async () => {
    const said = edge.lines.filter((line) => line.includes('does not answer'));
    return names.every((name) => said.some((line) => line.includes(`"device":"${name}"`)));
  });
  const health = JSON.stringify(await store.get(`${httpUrl}/health/ready`));
  expect(health).toContain('something is wrong with 5 devices (till-1, till-2, till-3, till-4, till-5)');
  const began = performance.now();
  expect((await edge.stop()).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(12_000);
});

test('a folder in which nothing may be moved says so before a file comes, with the line that the unit lacks', async () => {
  store = await makeStore();
  const path = join(store.dir, 'till');
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'till', path]);
  try {
    await store.configure({ devices: [{ name: 'till', codec: 'poslog', folder: { path, after: 'move' } }] });
    await store.edge.start();
    const { edge } = store;
    await waitUntil('it to be told', async () => edge.lines.some((line) => line.includes(`ReadWritePaths=-${path},`)));
    expect((await store.run(['devices', 'list'])).stdout).toMatch(
      /trouble .* cannot be moved: that file system is read-only/,
    );
  } finally {
    await store.edge.kill();
    execFileSync('umount', [path]);
  }
});

test('a folder that is back answers again, and a process that is killed is started again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hung-'));
  const program = new URL('../dist/edge/devices/folder-process.js', import.meta.url);
  const host = new FolderHost({ folders: 1, awayMs: 300, program });
  try {
    const path = join(folder, 'share');
    const share = await hungShare(path);
    let [away, changes] = [0, 0];
    const view = host.folder({
      ...{ path, files: '*', writes: true },
      away: () => {
        away += 1;
      },
      changed: () => {
        changes += 1;
      },
    });
    const first = view.list().catch((error: unknown) => error);
    await waitUntil('it to be away', async () => away === 1);
    await share.release();
    expect(await first).toHaveProperty('code', 'ENOTCONN');
    expect(await view.list()).toEqual({ files: [], link: undefined, unwritable: undefined });
    writeFileSync(join(path, 'a'), 'x');
    await waitUntil('the change to be told', async () => changes > 0);
    const { files } = await view.list();
    expect(files.map(({ name, size }) => [name, size])).toEqual([['a', 1]]);
    const before = await view.open('a', 0);
    process.kill(childOf(process.pid, 'folder-process'), 'SIGKILL');
    await waitUntil('another process', async () => (await view.list().catch(() => undefined))?.files.length === 1);
    // Both processes number their files from 1.
    const after = await view.open('a', 0);
    await expect(before?.close()).rejects.toThrow('not open any more');
    expect(String(await after?.read(0, 1))).toBe('x');
    await after?.close();
    const again = await hungShare(join(folder, 'share'));
    const second = view.list().catch((error: unknown) => error);
    await waitUntil('it to be away again', async () => away === 2);
    host.stop();
    expect(String(await second)).toContain('the hub stops');
    await again.release();
  } finally {
    host.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The child whose command line has this in it; Linux. */
function childOf(parent: number, program: string): number {
  const lists = readdirSync(`/proc/${parent}/task`).map((task) => `/proc/${parent}/task/${task}/children`);
  const children = lists.flatMap((list) =>
    readFileSync(list, 'utf8')
      .split(' ')
      .filter((pid) => pid !== ''),
  );
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program));
  if (found === undefined) throw new Error(`there is no child ${program}`);
  return Number(found);
}
