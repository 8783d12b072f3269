import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../../device-sims/harness/store.ts';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import { writeFirstSchema } from './first-schema.fixture.ts';
import { SCHEMA_VERSION } from './migrations.ts';
import { JournalReader } from './reader.ts';
import { restore } from './restore.ts';

const BACKUP = `journal.db.before-${SCHEMA_VERSION}`;

let data: string;
let clocks: Clocks;
let store: Store | undefined;

beforeEach(() => {
  data = join(temporaryFolder(), 'data');
  mkdirSync(data);
  clocks = new Clocks();
});

afterEach(async () => {
  await store?.stop();
  store = undefined;
});

function rowsOf(file: string, table: string): unknown[] {
  const db = new SQLite(join(data, file), { readonly: true });
  try {
    return db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all();
  } finally {
    db.close();
  }
}

test('a journal of the first schema is brought up to date with everything in it, and goes on', () => {
  const incarnation = writeFirstSchema(data, 500);
  const tables = ['incarnations', 'events_sales', 'sensed', 'outbox', 'rule_states', 'dead_letters'];
  const before = tables.map((table) => rowsOf('journal.db', table));
  const writer = openWriter(data, clocks);
  const letters = before[5]?.map((letter) => ({ ...(letter as object), topic: null }));
  expect(tables.map((table) => rowsOf('journal.db', table))).toEqual([...before.slice(0, 5), letters]);
  expect(writer.incarnation).toBe(incarnation);
  writer.process(batchOf([sale(clocks, 'next')]));
  const reader = JournalReader.open(data);
  expect(reader.rows('sales', incarnation, 499, 10)).toMatchObject([
    { streamSequence: 500, sequence: 500 },
    { streamSequence: 501, sequence: 501 },
  ]);
  reader.close();
  writer.close();
});

test('before it a backup is kept beside the journal, which a restore takes; a new journal needs none', async () => {
  writeFirstSchema(data, 50);
  const before = rowsOf('journal.db', 'events_sales');
  writeFileSync(join(data, 'journal.db.before-1'), 'of an earlier migration');
  openWriter(data, clocks).close();
  expect(readdirSync(data).filter((name) => name.includes('before'))).toEqual([BACKUP]);
  expect(rowsOf(BACKUP, 'events_sales')).toEqual(before);
  const old = new SQLite(join(data, BACKUP), { readonly: true });
  expect(old.pragma('user_version', { simple: true })).toBe(1);
  old.close();
  expect(await restore(data, 'store-0042', join(data, BACKUP), clocks.wallMs)).toMatchObject({ events: 50 });
  const fresh = join(temporaryFolder(), 'data');
  openWriter(fresh, clocks).close();
  expect(readdirSync(fresh).filter((name) => name.includes('before'))).toEqual([]);
});

test('killed while it is brought up to date, it is brought up to date by the next start', {
  timeout: 120_000,
}, async () => {
  const own = await makeStore();
  store = own;
  data = own.dataDir;
  mkdirSync(data);
  const incarnation = writeFirstSchema(data, 60_000);
  let hits = 0;
  for (const sign of [`${BACKUP}.part`, `${BACKUP}.part`, BACKUP]) {
    const ended = own.edge.startAndWait(60_000);
    for (let looks = 0; !existsSync(join(data, sign)) && own.edge.running(); looks += 1)
      if (looks % 100 === 0) await breathe();
    await own.edge.kill();
    await ended;
    if (existsSync(join(data, sign))) hits += 1;
  }
  expect(hits).toBeGreaterThan(0);
  await own.edge.start();
  const reader = JournalReader.open(data);
  expect(reader.heads(incarnation).sales).toBe(60_000);
  expect(reader.rows('sales', incarnation, 59_998, 10)).toHaveLength(2);
  expect(reader.incarnations()).toHaveLength(1);
  reader.close();
  expect(readdirSync(data).filter((name) => name.includes('.part'))).toEqual([]);
});

test('a journal of a newer version is left alone: 78, and a word', { timeout: 60_000 }, async () => {
  const own = await makeStore();
  store = own;
  data = own.dataDir;
  mkdirSync(data);
  writeFirstSchema(data, 3);
  const db = new SQLite(join(data, 'journal.db'));
  db.pragma('user_version = 99');
  db.close();
  expect(await own.edge.startAndWait()).toMatchObject({ code: 78 });
  expect(own.edge.lines.join()).toContain('install that version again');
  expect(await own.run(['backup', 'b.db'])).toMatchObject({ code: 78, stderr: expect.stringContaining('schema 99') });
  expect(rowsOf('journal.db', 'events_sales')).toHaveLength(3);
});
