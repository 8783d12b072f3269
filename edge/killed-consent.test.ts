/** Consent and kill -9: what was acknowledged last holds, and the journal tells head office the same as shoppers.db. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';

const KILLS = 8;
const SHOPPERS = 40;

let store: Store | undefined;
afterEach(() => store?.stop());

/** The words that were sent of each shopper, and how many of them are acknowledged. */
class Told {
  readonly words: boolean[] = [];
  acknowledged = 0;
}

test('a hub that is killed again and again forgets no withdrawal, and journals what it knows', {
  timeout: 180_000,
}, async () => {
  const made = await makeStore();
  store = made;
  const told = Array.from({ length: SHOPPERS }, () => new Told());
  let turn = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await made.edge.start();
    const device = await connectAsync(made.mqttUrl, { reconnectPeriod: 0 });
    device.on('error', () => undefined);
    // The journal tells nothing else than shoppers.db, from the first moment of a life.
    agree(made, told);
    const killed = new Promise<void>((resolve) => {
      setTimeout(() => void made.edge.kill().then(() => resolve()), 150 + 70 * kill);
    });
    const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
    while (device.connected && turn < 1e6) {
      await Promise.race([say(device, told[turn % SHOPPERS] ?? new Told(), turn % SHOPPERS), closed]);
      turn += 1;
    }
    await killed;
    await device.endAsync(true);
  }
  expect(turn).toBeGreaterThan(KILLS * 10);
  await made.edge.start();
  agree(made, told);
});

/** Each word of one shopper waits for the one before: the last one sent may or may not have arrived. */
async function say(device: MqttClient, told: Told, shopper: number): Promise<void> {
  const granted = told.words.length % 2 === 0;
  told.words.push(granted);
  const body = {
    shopper: `shopper-number-${shopper}`,
    granted,
    scope: 'offers',
    id: `${shopper}-${told.words.length}`,
  };
  await device.publishAsync('in/consent/kiosk', JSON.stringify(body), { qos: 1 });
  told.acknowledged = told.words.length;
}

function agree(made: Store, told: readonly Told[]): void {
  const open = (file: string) => new SQLite(join(made.dataDir, file), { readonly: true });
  const shoppers = open('shoppers.db');
  const known = shoppers.prepare('SELECT keyed, pseudonym, granted FROM shoppers').all() as {
    keyed: string;
    pseudonym: string;
    granted: number;
  }[];
  shoppers.close();
  const journal = open('journal.db');
  const events = journal.prepare('SELECT subject, data FROM events_shoppers ORDER BY position').all() as {
    subject: string;
    data: string;
  }[];
  const noted = new Map(
    (journal.prepare('SELECT shopper, granted FROM consents').all() as { shopper: string; granted: number }[]).map(
      ({ shopper, granted }) => [shopper, granted],
    ),
  );
  journal.close();
  const last = new Map(events.map(({ subject, data }) => [subject, JSON.parse(data).granted as boolean]));
  expect(known.map(({ keyed, granted }) => [keyed, granted === 1]).sort()).toEqual([...last].sort());
  for (const { keyed, granted } of known) expect(noted.get(keyed)).toBe(granted);
  const held = new Map(known.map(({ pseudonym, granted }) => [pseudonym, granted === 1]));
  for (const [index, { words, acknowledged }] of told.entries()) {
    // Whatever was not acknowledged may have been taken all the same.
    const may = new Set(words.slice(Math.max(0, acknowledged - 1)));
    if (acknowledged === 0) may.add(false);
    expect([index, may.has(held.get(`shopper-number-${index}`) ?? false)]).toEqual([index, true]);
  }
  // No word twice in a row: nothing was journaled that said nothing new.
  const before = new Map<string, boolean>();
  for (const { subject, data } of events) {
    const { granted } = JSON.parse(data) as { granted: boolean };
    expect(before.get(subject)).not.toBe(granted);
    before.set(subject, granted);
  }
}
