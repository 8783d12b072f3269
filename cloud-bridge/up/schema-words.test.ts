/** A bridge beside an edge of another version: it waits, says for what, and goes on by itself. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { makeStore, type Store } from '../../device-sims/harness/store.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { SCHEMA_VERSION } from '../../edge/journal/migrations.ts';

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
});

function setVersion(dataDir: string, version: number): void {
  const db = new SQLite(join(dataDir, 'journal.db'), { timeout: 5000 });
  db.pragma(`user_version = ${version}`);
  db.close();
}

test('a journal of a newer or an older schema is waited for in words', async () => {
  const brokers = [`127.0.0.1:${await freePort()}`];
  const own = await makeStore({ brokers });
  store = own;
  await own.edge.start();
  const says = async (what: string): Promise<void> => {
    await waitUntil(what, async () => JSON.stringify(await own.get(`${own.bridgeUrl}/health/ready`)).includes(what), {
      timeoutMs: 30_000,
    });
  };
  setVersion(own.dataDir, SCHEMA_VERSION + 1);
  await own.bridge.start();
  await says('waiting: the journal was written by a newer version, upgrade the bridge');
  await says(`has schema ${SCHEMA_VERSION + 1}, this version knows ${SCHEMA_VERSION}`);
  setVersion(own.dataDir, SCHEMA_VERSION - 1);
  await says('waiting for the journal: ');
  await says(`has schema ${SCHEMA_VERSION - 1}, this version reads ${SCHEMA_VERSION}`);
  expect(own.bridge.running()).toBe(true);
  setVersion(own.dataDir, SCHEMA_VERSION);
  // No broker is there: it is past the journal.
  await says('off line');
}, 120_000);
