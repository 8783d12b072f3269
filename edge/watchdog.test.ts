import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../device-sims/harness/free-port.ts';
import { type Publisher, startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { listenForNotifications, type NotifySocket } from '../device-sims/harness/notify-socket.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

/** Two seconds: a word about progress each half second at most. */
const WATCHDOG_USEC = '2000000';

let store: Store | undefined;
let socket: NotifySocket | undefined;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await store?.stop();
  socket?.close();
});

async function watchedStore(options: Parameters<typeof makeStore>[0] = {}): Promise<[Store, NotifySocket]> {
  const path = `/tmp/store-hub-notify-${process.pid}-${Date.now()}`;
  socket = await listenForNotifications(path);
  store = await makeStore({ ...options, env: { NOTIFY_SOCKET: path, WATCHDOG_USEC } });
  return [store, socket];
}

/** Words about progress within the next `ms`. */
async function pingsIn(notified: NotifySocket, ms: number): Promise<number> {
  const before = notified.count('WATCHDOG=1');
  await delay(ms);
  return notified.count('WATCHDOG=1') - before;
}

describeWith('socat', 'systemd-notify')('the edge tells its service manager', () => {
  test('that it is ready, of progress while it commits and of none while it cannot, and that it stops', {
    timeout: 60_000,
  }, async () => {
    const [made, notified] = await watchedStore();
    await made.edge.start();
    await waitUntil('READY', () => notified.count('READY=1') === 1);
    expect(notified.text).toMatch(/STATUS=serving devices; .* events\/s; 0 alerts/);
    // A closed shop commits once a minute; until then there is nothing to tell.
    expect(await pingsIn(notified, 1500)).toBeLessThanOrEqual(1);

    const publisher = await startPublisher(made.mqttUrl);
    let open = true;
    closers.push(() => {
      open = false;
      return publisher.close();
    });
    void send(publisher, () => open);
    await waitUntil('progress', () => notified.count('WATCHDOG=1') >= 4);
    const pings = await pingsIn(notified, 3000);
    expect(pings).toBeGreaterThanOrEqual(2);
    expect(pings, 'not more often than it has to be').toBeLessThanOrEqual(7);

    // The writer is stuck in BEGIN, readings arrive, the main thread is well.
    const other = new SQLite(join(made.dataDir, 'journal.db'));
    other.exec('BEGIN IMMEDIATE');
    await delay(700);
    expect(await pingsIn(notified, 2500)).toBe(0);
    expect((await fetch(`${made.httpUrl}/health/live`)).status).toBe(200);
    other.exec('ROLLBACK');
    other.close();
    await waitUntil('progress again', async () => (await pingsIn(notified, 500)) > 0);

    expect((await made.edge.stop()).code).toBe(0);
    await waitUntil('STOPPING', () => notified.count('STOPPING=1') === 1);
    expect(notified.count('READY=1')).toBe(1);
  });

  test('nothing when nobody listens', async () => {
    store = await makeStore({ env: { WATCHDOG_USEC, PATH: '/nowhere' } });
    await store.edge.start();
    expect((await store.edge.stop()).code).toBe(0);
    expect(store.edge.lines.join('\n')).not.toContain('service manager');
  });

  test('and goes on when it cannot be told', async () => {
    store = await makeStore({ env: { WATCHDOG_USEC, NOTIFY_SOCKET: '/nowhere/notify' } });
    await store.edge.start();
    await waitUntil('the warning', () => store?.edge.lines.some((line) => line.includes('service manager')));
    expect((await store.edge.stop()).code).toBe(0);
  });
});

async function send(publisher: Publisher, open: () => boolean): Promise<void> {
  for (let count = 0; open(); count += 1) {
    await publisher.publish('shelf', 'scale-1', { shelf: 'A1-2', count: count % 10 }).catch(() => undefined);
    await delay(50);
  }
}

describeWith('socat', 'systemd-notify')('the bridge tells its service manager', () => {
  test('of progress in a planned wait, and of none within one request', { timeout: 90_000 }, async () => {
    const port = await freePort();
    const [made, notified] = await watchedStore({
      brokers: [`127.0.0.1:${port}`],
      config: { cloud: { retry_max: '60s' } },
    });
    await made.bridge.start();
    // The edge is stopped: a planned wait.
    await waitUntil('READY', () => notified.count('READY=1') === 1);
    expect(notified.text).toContain('STATUS=waiting: waiting for the edge');
    await waitUntil('progress', () => notified.count('WATCHDOG=1') >= 4);

    // A broker that takes the connection and never answers.
    const sockets: Socket[] = [];
    const mute = createServer((one) => sockets.push(one));
    await new Promise<void>((resolve) => mute.listen(port, '127.0.0.1', resolve));
    closers.push(() => {
      for (const one of sockets) one.destroy();
      mute.close();
    });
    await made.edge.start();
    const connected = sockets.length;
    await waitUntil('a request', () => sockets.length > connected, { timeoutMs: 60_000 });
    await delay(700);
    const notedByEdge = notified.text.split('STATUS=serving').length;
    const before = bridgePings(notified);
    await delay(6000);
    expect(bridgePings(notified)).toBe(before);
    expect(notedByEdge).toBeGreaterThan(0);
    for (const one of sockets) one.destroy();
    mute.close();
    await waitUntil('progress in the wait that follows', () => bridgePings(notified) > before, { timeoutMs: 30_000 });
    expect((await made.bridge.stop()).code).toBe(0);
  });

  test('of progress while it is halted: a restart would not mend that', { timeout: 60_000 }, async () => {
    const [made, notified] = await watchedStore({ brokers: [`127.0.0.1:${await freePort()}`] });
    await made.bridge.start();
    await made.bridge.stop();
    const state = new SQLite(join(made.dir, 'bridge-data', 'bridge.db'));
    const halt = JSON.stringify({
      reason: 'Head office has more than this journal.',
      code: 'head-office-ahead',
      at: 1,
    });
    state.prepare("UPDATE bridge SET state = json_set(state, '$.halt', json(?))").run(halt);
    state.close();
    await made.bridge.start();
    await waitUntil('its word', () => notified.text.includes('STATUS=halted: Head office has more'));
    const before = bridgePings(notified);
    await waitUntil('progress', () => bridgePings(notified) >= before + 3, { timeoutMs: 20_000 });
    expect((await made.bridge.stop()).code).toBe(0);
  });
});

/** The edge speaks on the same socket; its status tells them apart. */
function bridgePings(notified: NotifySocket): number {
  return notified.text.match(/WATCHDOG=1\nSTATUS=(?!serving)/g)?.length ?? 0;
}
