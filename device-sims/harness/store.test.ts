import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { startPublisher, startSubscriber } from './mqtt-helpers.ts';
import { makeStore, type Store } from './store.ts';
import { waitUntil } from './wait-until.ts';

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
});

async function levels(made: Store): Promise<number[]> {
  const { code, stdout } = await made.run(['journal', 'export', '--stream', 'shelves']);
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).data.count);
}

test('a store of its own: a reading becomes an event and an alert, and survives kill -9', async () => {
  store = await makeStore();
  await store.edge.start();
  const alerts = await startSubscriber(store.mqttUrl, 'out/alerts/#');
  const publisher = await startPublisher(store.mqttUrl);
  await publisher.publish('shelf', 'scale-7', { shelf: 'A1-1', count: 9 });
  await publisher.publish('shelf', 'scale-7', { shelf: 'A1-1', count: 1 });
  await waitUntil('the alert', () => alerts.messages.some(({ topic }) => topic === 'out/alerts/shelf-gap/A1-1'));
  await publisher.close();
  await alerts.close();

  expect(await store.edge.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  await store.edge.start();
  expect(await levels(store)).toEqual([9, 1]);
  expect((await store.edge.stop()).code).toBe(0);
  expect(store.edge.running()).toBe(false);
});

test('a daemon that cannot start says why at once', async () => {
  store = await makeStore({ config: { mqtt: { listne: '127.0.0.1:1' } } });
  await expect(store.edge.start()).rejects.toThrow(/listne/);
  const { code, stdout } = await store.run(['check-config']);
  expect([code, stdout.includes('listne')]).toEqual([78, true]);
});

test('stopping removes the folder', async () => {
  const made = await makeStore();
  expect(existsSync(made.configFile)).toBe(true);
  await made.stop();
  expect(existsSync(made.dir)).toBe(false);
});
