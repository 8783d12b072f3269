/** shoppers.db is damaged, on a real process: nobody has granted consent then, and whoever looks is told so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

const SAID = 'consent that it did not hold for certain counts as withdrawn';

let store: Store | undefined;
let device: MqttClient | undefined;
afterEach(async () => {
  await device?.endAsync(true);
  await store?.stop();
});

/** A store in which so many have granted consent. */
async function storeWith(shoppers: number): Promise<Store> {
  const made = await makeStore();
  store = made;
  await made.edge.start();
  device = await connectAsync(made.mqttUrl, { reconnectPeriod: 100 });
  const grants = Array.from({ length: shoppers }, (_, index) => consentOf(`shopper-number-${index}`));
  for (let from = 0; from < grants.length; from += 1000) await send('consent', grants.slice(from, from + 1000));
  return made;
}

const consentOf = (shopper: string) => ({ shopper, granted: true, scope: 'offers' });
const send = (kind: string, body: unknown) => device?.publishAsync(`in/${kind}/gate`, JSON.stringify(body), { qos: 1 });
const sighted = (shopper: string) => send('presence', { zone: 'beverages', shopper, present: true });

async function shoppersOf(made: Store): Promise<{ type: string; data: { granted?: boolean; shopper: string } }[]> {
  const { stdout } = await made.run(['journal', 'export', '--stream', 'shoppers']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function reasonsOf(made: Store): Promise<string> {
  return JSON.stringify(await made.get(`${made.httpUrl}/health/ready`));
}

test('found at a start, it is begun anew: withdrawals go to head office, log and health say so', async () => {
  const made = await storeWith(3);
  await sighted('shopper-number-0');
  // After a crash the log would still hold all of it.
  await made.edge.stop();
  writeFileSync(join(made.dataDir, 'shoppers.db'), 'no database'.repeat(500));
  await made.edge.start();
  expect(await reasonsOf(made)).toContain(SAID);
  expect(await reasonsOf(made)).toContain('"status":"degraded"');
  expect(made.edge.lines.filter((line) => line.includes(SAID))).toHaveLength(1);
  await waitUntil('the device is back', () => device?.connected === true);
  await sighted('shopper-number-1');
  const events = await shoppersOf(made);
  const before = events.slice(0, 3).map(({ data }) => data.shopper);
  const withdrawn = events.slice(4);
  expect(withdrawn.map(({ type, data }) => [type, data.granted])).toEqual(
    before.map(() => ['retail.shoppers.consent.v1', false]),
  );
  expect(withdrawn.map(({ data }) => data.shopper).sort()).toEqual([...before].sort());
  await made.edge.stop();
  await made.edge.start();
  expect(await reasonsOf(made)).not.toContain(SAID);
});

test('found while the hub runs, it does not cost the journal: the same process goes on with a new one', async () => {
  const made = await storeWith(3000);
  const file = join(made.dataDir, 'shoppers.db');
  const db = new SQLite(file);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 4096);
  writeFileSync(file, bytes);
  const pid = made.edge.pid;
  // Somewhere among them lies what cannot be read.
  for (let index = 0; index < 3000; index += 100) void sighted(`shopper-number-${index}`)?.catch(() => undefined);
  await waitUntil('the new one', () => made.edge.lines.some((line) => line.includes(SAID)));
  await waitUntil('the hub to be up again', async () => (await reasonsOf(made)).includes(SAID));
  expect(made.edge.pid).toBe(pid);
  expect(made.edge.lines.filter((line) => line.includes('salvage'))).toEqual([]);
  const events = await shoppersOf(made);
  expect(events.filter(({ data }) => data.granted === false)).toHaveLength(3000);
});
