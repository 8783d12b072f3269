import { existsSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { makeStore, type Store, type StoreOptions } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
);
const library = LIBRARIES.find((path) => existsSync(path)) ?? '';

const HOUR_S = 3600;
const MONTH_S = 30 * 24 * HOUR_S;

let store: Store | undefined;
afterEach(() => store?.stop());

/** Sets the store's wall clock to the true one and this many seconds; only the wall clock, as a step on a box does. */
type SetClock = (seconds: number) => Promise<void>;

async function storeWithClock(options: StoreOptions = {}): Promise<[Store, SetClock]> {
  const file = `/tmp/store-hub-clock-${process.pid}-${Date.now()}`;
  const made = await makeStore({
    ...options,
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
  });
  const set: SetClock = async (seconds) => {
    const next = Math.round(seconds);
    await writeFile(file, `${next < 0 ? '' : '+'}${next}\n`);
    await utimes(file, new Date(), new Date());
  };
  await set(0);
  store = made;
  return [made, set];
}

interface Journaled {
  readonly type: string;
  readonly sequence: string;
  readonly streamsequence: string;
  readonly receivedtime: string;
  readonly timequality?: string;
  readonly data: { readonly readingId?: string; readonly seconds?: number };
}

async function journal(made: Store): Promise<Journaled[]> {
  const { stdout, code } = await made.run(['journal', 'export', '--local']);
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Journaled);
}

const steps = (events: readonly Journaled[]) => events.filter(({ type }) => type === 'retail.devices.clockstepped.v1');
const readings = (events: readonly Journaled[]) => events.flatMap(({ data }) => data.readingId ?? []);

function expectInOrder(events: readonly Journaled[]): void {
  const sequences = events.map(({ sequence }) => Number(sequence));
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  expect(new Set(sequences).size).toBe(sequences.length);
}

const sale = (id: string) => ({
  id,
  till: 'till-1',
  transaction: id,
  lines: [{ gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } }],
});

const alertsOf = async (made: Store) =>
  (await made.get(`${made.httpUrl}/api/alerts`)) as { id: string; state: string; subject: string }[];

describeWith('faketime')('the wall clock', () => {
  test('of a box that boots in 1970 and is set by the network an hour later loses and silences nothing', {
    timeout: 90_000,
  }, async () => {
    const [made, setClock] = await storeWithClock({ config: { rules: { shelf_gap: { settle: '1s', remind: '1h' } } } });
    await setClock(-Date.now() / 1000 + 60);
    await made.edge.start();
    const publisher = await startPublisher(made.mqttUrl);
    await publisher.publish('sale', 'till-1', sale('in-1970'));
    await publisher.publish('shelf', 'scale-1', { shelf: 'A1-1', count: 1 });
    await waitUntil('the gap', async () => (await alertsOf(made)).length === 1);
    await made.post('/in/sale/till-1', 'no sale');
    await setClock(0);
    await publisher.publish('sale', 'till-1', sale('today'));
    await publisher.publish('sale', 'till-1', sale('in-1970'));
    const events = await journal(made);
    expectInOrder(events);
    expect(readings(events)).toEqual(['in-1970', 'today']);
    expect(events.find(({ data }) => data.readingId === 'in-1970')?.receivedtime).toMatch(/^1970-01-01/);
    expect(events.find(({ data }) => data.readingId === 'in-1970')?.timequality).toBe('hub-unsynced');
    expect(steps(events)).toHaveLength(1);
    expect(await alertsOf(made)).toMatchObject([{ state: 'open', subject: 'A1-1' }]);
    expect((await made.run(['dead-letters', 'list', '--json'])).stdout.trim().split('\n')).toHaveLength(1);
    // Settled for a second, on the box's own count of time.
    await publisher.publish('shelf', 'scale-1', { shelf: 'A1-1', count: 12 });
    await waitUntil('the end of the gap', async () => (await alertsOf(made)).length === 0);
    await publisher.close();
  });

  test.each([
    ['two hours on', 2 * HOUR_S],
    ['two hours back', -2 * HOUR_S],
    ['a month on', MONTH_S],
    ['a month back', -MONTH_S],
  ])('stepped %s while running moves no duration and forgets nothing', { timeout: 90_000 }, async (_, seconds) => {
    const [made, setClock] = await storeWithClock({
      config: { rules: { shelf_gap: { settle: '3s', remind: '1h' } }, journal: { keep: '7d' } },
    });
    await made.edge.start();
    const publisher = await startPublisher(made.mqttUrl);
    await publisher.publish('sale', 'till-1', sale('before'));
    await publisher.publish('shelf', 'scale-1', { shelf: 'A1-2', count: 0 });
    await waitUntil('a gap', async () => (await alertsOf(made)).length === 1, { timeoutMs: 15_000 });
    const [open] = await alertsOf(made);
    await made.post(`/api/alerts/${open?.id}/snooze`, { minutes: 60 });
    await made.post('/in/sale/till-1', 'no sale');

    // A gap is settling as the clock is set: it neither comes at once nor never.
    await publisher.publish('shelf', 'scale-2', { shelf: 'A1-1', count: 0 });
    const settling = performance.now();
    await setClock(seconds);
    await publisher.publish('sale', 'till-1', sale('after'));
    expect(await alertsOf(made)).toHaveLength(1);
    await waitUntil('the second gap', async () => (await alertsOf(made)).length === 2, { timeoutMs: 20_000 });
    expect(performance.now() - settling).toBeGreaterThan(2500);

    const states = async () => Object.fromEntries((await alertsOf(made)).map(({ subject, state }) => [subject, state]));
    expect(await states()).toEqual({ 'A1-1': 'open', 'A1-2': 'snoozed' });
    await publisher.publish('sale', 'till-1', sale('before'));
    // Housekeeping has had its turn.
    await delay(11_000);
    const events = await journal(made);
    expectInOrder(events);
    expect(readings(events)).toEqual(['before', 'after']);
    expect(steps(events)).toHaveLength(1);
    expect(Math.abs((steps(events)[0]?.data.seconds ?? 0) - seconds)).toBeLessThan(10);
    expect(await states()).toEqual({ 'A1-1': 'open', 'A1-2': 'snoozed' });
    expect((await made.run(['dead-letters', 'list', '--json'])).stdout.trim().split('\n')).toHaveLength(1);
    expect(((await made.get(`${made.httpUrl}/health/ready`)) as { status: string }).status).toBe('degraded');
    await publisher.close();
  });

  test('stepped a month back over a restart: what is snoozed stays so, what is remembered is a repeat', {
    timeout: 60_000,
  }, async () => {
    const [made, setClock] = await storeWithClock();
    await made.edge.start();
    await made.post('/in/sale/till-1', sale('before'));
    await made.post('/in/shelf/scale-1', { shelf: 'A1-1', count: 0 });
    const [alert] = await waitUntil('the gap', async () => {
      const open = await alertsOf(made);
      return open.length > 0 && open;
    });
    await made.post(`/api/alerts/${alert?.id}/snooze`, { minutes: 60 });
    await made.edge.kill();
    await setClock(-MONTH_S);
    await made.edge.start();
    expect((await made.post('/in/sale/till-1', sale('before'))).body).toEqual({ accepted: 0, repeated: 1 });
    await made.post('/in/sale/till-1', sale('after'));
    expect(await alertsOf(made)).toMatchObject([{ id: alert?.id, state: 'snoozed' }]);
    const events = await journal(made);
    expectInOrder(events);
    expect(readings(events)).toEqual(['before', 'after']);
  });
});
