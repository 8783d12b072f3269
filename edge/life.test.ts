import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Ending, type GuardedProcess, spawnGuarded } from '../device-sims/harness/guarded-process.ts';
import { type Publisher, startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { commandFile } from '../device-sims/harness/project.ts';
import { makeStore, type Store, type StoreOptions } from '../device-sims/harness/store.ts';
import { ownEnvironment } from '../device-sims/harness/store-hub.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { connectPacket, publishPacket, RawMqtt } from './devices/raw-mqtt.ts';
import { writeFirstSchema } from './journal/first-schema.fixture.ts';

const STOPPED = ['0', 'SIGTERM', '143'];

let store: Store | undefined;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await store?.stop();
  store = undefined;
});

async function shop(options: StoreOptions = {}): Promise<Store> {
  store = await makeStore(options);
  return store;
}

/** The edge as a child whose outputs are ours to treat badly; `before` is shell that runs first. */
function edgeOf(made: Store, before = '', env: NodeJS.ProcessEnv = {}): GuardedProcess {
  const command = [process.execPath, commandFile(), 'edge', '--config', made.configFile];
  const child = spawnGuarded('/bin/bash', ['-c', `${before} exec "$@"`, 'edge', ...command], {
    env: ownEnvironment(env),
  });
  closers.push(() => child.end('SIGKILL'));
  return child;
}

/** How it ended, and that it did in time. */
async function stopped(child: GuardedProcess): Promise<string> {
  const sent = performance.now();
  const { code, signal }: Ending = await child.end('SIGTERM', 20_000);
  expect(performance.now() - sent).toBeLessThan(15_000);
  return String(code ?? signal);
}

async function isUp(made: Store): Promise<void> {
  await waitUntil('the hub', async () => (await fetch(`${made.httpUrl}/health/live`)).ok, { timeoutMs: 30_000 });
}

async function readings(made: Store): Promise<string[]> {
  const { stdout, code } = await made.run(['journal', 'export']);
  expect(code).toBe(0);
  const events = stdout.split('\n').filter((line) => line !== '');
  return events.flatMap((line) => (JSON.parse(line) as { data: { readingId?: string } }).data.readingId ?? []);
}

/** Sends arrays of `size` readings until it is told to stop; `acknowledged` grows. */
function sending(publisher: Publisher, size = 1): { acknowledged: string[]; end: () => void } {
  const acknowledged: string[] = [];
  let open = true;
  const lane = async (name: string): Promise<void> => {
    for (let i = 0; open; i += 1) {
      const ids = Array.from({ length: size }, (_, n) => `${name}-${i}-${n}`);
      const sent = publisher.publish(
        'traffic',
        'door',
        ids.map((id) => ({ id, line: 'door', in: 1, out: 0 })),
      );
      await sent.then(() => acknowledged.push(...ids)).catch(() => delay(50));
    }
  };
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void lane(name);
  return { acknowledged, end: () => (open = false) };
}

describe('SIGTERM', () => {
  test('at any moment of a start ends it, with 0 from its first line on', { timeout: 120_000 }, async () => {
    const made = await shop();
    const codes: string[] = [];
    for (const ms of [0, 40, 80, 120, 160, 220, 300, 400, 600, 1000]) {
      const child = edgeOf(made);
      await delay(ms);
      codes.push(await stopped(child));
      expect(STOPPED).toContain(codes.at(-1));
    }
    expect(codes.at(-1)).toBe('0');
    // Once the command has begun there is no other end.
    expect(codes.slice(codes.indexOf('0')).every((code) => code === '0')).toBe(true);
    await made.edge.start();
  });

  test('while a large journal is brought up to date and opened loses nothing of it', { timeout: 120_000 }, async () => {
    const made = await shop();
    mkdirSync(made.dataDir);
    writeFirstSchema(made.dataDir, 150_000);
    for (const ms of [250, 350, 450, 550, 700, 900, 1200]) {
      const child = edgeOf(made);
      await delay(ms);
      expect(STOPPED).toContain(await stopped(child));
    }
    await made.edge.start({ timeoutMs: 60_000 });
    await made.edge.stop();
    expect((await readings(made)).length).toBe(150_000);
  });

  test.each([
    ['under load', []],
    ['under load and again while it stops', [30]],
    ['under load and again and again', [5, 300]],
  ])('%s ends it in time, and what was acknowledged is there', { timeout: 60_000 }, async (_, again) => {
    const made = await shop();
    const child = edgeOf(made);
    await isUp(made);
    const publisher = await startPublisher(made.mqttUrl);
    closers.push(() => publisher.close());
    const { acknowledged, end } = sending(publisher);
    await waitUntil('some load', () => acknowledged.length > 300);
    const ending = stopped(child);
    for (const ms of again) {
      await delay(ms);
      child.child.kill('SIGTERM');
    }
    expect(again.length === 0 ? ['0'] : STOPPED).toContain(await ending);
    end();
    await made.edge.start();
    const stored = new Set(await readings(made));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  });
});

test('with few open files it serves as many as it can, says so, and has room again by itself', {
  timeout: 60_000,
}, async () => {
  const made = await shop();
  const child = edgeOf(made, 'ulimit -n 128;');
  const lines: string[] = [];
  child.child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  await isUp(made);
  const port = Number(new URL(made.mqttUrl).port);
  const device = await RawMqtt.open(port, { id: 'device' });
  // Most are turned away, and never get an answer.
  const sockets = await Promise.all(Array.from({ length: 200 }, () => RawMqtt.dial(port)));
  for (const [i, raw] of sockets.entries()) raw.send(connectPacket({ id: `guest-${i}` }));
  const silent: Socket[] = Array.from({ length: 200 }, () =>
    connect(Number(new URL(made.httpUrl).port), '127.0.0.1').on('error', () => undefined),
  );
  closers.push(() => {
    for (const one of sockets) one.socket.destroy();
    for (const one of silent) one.destroy();
  });
  await delay(1500);
  const ready = async () => (await (await fetch(`${made.httpUrl}/health/ready`)).json()) as { reasons: string[] };
  expect((await ready()).reasons.join()).toMatch(/out of file descriptors.*raise LimitNOFILE/);
  expect(device.closed).toBe(false);
  expect((await made.post('/in/traffic/door', { line: 'door', in: 1, out: 0 })).status).toBe(202);
  expect((await made.run(['status'])).code).toBe(0);
  expect((await made.run(['backup', `${made.dir}/copy.db`])).code).toBe(0);
  await delay(1500);
  expect(lines.join('').match(/"level":"warn"[^\n]*out of file descriptors/g)).toHaveLength(1);
  for (const one of sockets) one.socket.destroy();
  for (const one of silent) one.destroy();
  await waitUntil('room', async () => (await ready()).reasons.length === 0);
  const late = await startPublisher(made.mqttUrl);
  await late.publish('traffic', 'door', { line: 'door', in: 1, out: 0 });
  await late.close();
  expect(await stopped(child)).toBe('0');
});

describeWith('prlimit')('memory', () => {
  test('that reaches its limit ends the hub, and the next start has what was acknowledged', {
    timeout: 120_000,
  }, async () => {
    const made = await shop();
    const child = edgeOf(made);
    child.child.stderr?.resume();
    child.child.stdout?.resume();
    await isUp(made);
    const publisher = await startPublisher(made.mqttUrl);
    closers.push(() => publisher.close());
    const { acknowledged, end } = sending(publisher, 1000);
    await waitUntil('some load', () => acknowledged.length > 0);
    const kilobytes = Number(/^VmSize:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    execFileSync('prlimit', ['--pid', String(child.pid), `--as=${(kilobytes + 4096) * 1024}`]);
    const { code, signal } = await Promise.race([child.ended, delay(60_000).then(() => ({ code: 0, signal: null }))]);
    end();
    expect([code, signal]).not.toEqual([0, null]);
    await made.edge.start();
    const stored = new Set(await readings(made));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  });
});

test.each([
  ['removed', (made: Store) => rmSync(made.dataDir, { recursive: true })],
  ['moved away', (made: Store) => renameSync(made.dataDir, `${made.dir}/elsewhere`)],
])('whose data_dir is %s ends with words, and starts anew', { timeout: 60_000 }, async (_, takeAway) => {
  const made = await shop();
  await made.edge.start();
  expect((await made.post('/in/traffic/door', { line: 'door', in: 1, out: 0 })).status).toBe(202);
  takeAway(made);
  expect((await made.edge.stopped()).code).toBe(1);
  expect(made.edge.lines.slice(-3).join('\n')).toMatch(/was removed or replaced.*\n.*what to do: /s);
  await made.edge.start();
  expect((await made.post('/in/traffic/door', { line: 'door', in: 1, out: 0 })).status).toBe(202);
});

describe('a log', () => {
  const reading = { line: 'door', in: 1, out: 0 };

  test('that nobody reads does not hold up the hub, nor its end', { timeout: 60_000 }, async () => {
    const made = await shop();
    const pipe = `${made.dir}/log`;
    execFileSync('mkfifo', [pipe]);
    const reader = spawn('/bin/sh', ['-c', `exec sleep 300 <'${pipe}'`], { stdio: 'ignore' });
    closers.push(() => reader.kill('SIGKILL'));
    // Full before the first line; both outputs are the same pipe, as under a shell.
    const child = edgeOf(made, `exec >'${pipe}' 2>&1; head -c 65536 /dev/zero;`);
    await isUp(made);
    expect((await made.post('/in/traffic/door', reading)).status).toBe(202);
    expect(await stopped(child)).toBe('0');
  });

  test('whose reader is gone does not either', { timeout: 60_000 }, async () => {
    const made = await shop();
    const child = edgeOf(made, 'exec 2>&1;');
    await isUp(made);
    child.child.stdout?.destroy();
    // Where only the hub publishes: a line of the log each time.
    for (const id of ['a', 'b', 'c']) {
      const raw = await RawMqtt.open(Number(new URL(made.mqttUrl).port), { id });
      raw.send(publishPacket('out/x', 'x', 1, 1));
      await waitUntil('the end of it', () => raw.closed);
    }
    expect((await made.post('/in/traffic/door', reading)).status).toBe(202);
    expect(await stopped(child)).toBe('0');
  });
});
