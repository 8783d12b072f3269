import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { JournalCheck } from './check.ts';
import { PAGE_BYTES as PAGE } from './database.ts';

const SALES = 3000;

let data: string;
let clocks: Clocks;
let writer: Writer;
let check: JournalCheck | undefined;
let found: string[];
let sound: number[];
let idle: boolean;

beforeEach(() => {
  data = join(temporaryFolder(), 'data');
  mkdirSync(data);
  clocks = new Clocks();
  found = [];
  sound = [];
  idle = true;
  writer = openWriter(data, clocks);
  for (let from = 1; from <= SALES; from += 100) {
    writer.process(batchOf(Array.from({ length: 100 }, (_, index) => sale(clocks, String(from + index)))));
  }
  writer.close();
  writer = openWriter(data, clocks);
});

afterEach(async () => {
  await check?.stop();
  writer.close();
});

function start(everyMs = 86_400_000): JournalCheck {
  check = new JournalCheck({
    dataDir: data,
    isIdle: () => idle,
    onDamage: (cause) => found.push(cause),
    onSound: (rows) => sound.push(rows),
    everyMs,
    firstMs: 10,
  });
  check.start();
  return check;
}

function spoil(at: number, content: Buffer): void {
  const descriptor = openSync(join(data, 'journal.db'), 'r+');
  writeSync(descriptor, content, 0, content.length, at);
  closeSync(descriptor);
}

test('a sound journal is read to its end, while the writer goes on, and not again that day', async () => {
  start();
  for (let number = 0; sound.length === 0 && number < 2000; number += 1) {
    writer.process(batchOf([sale(clocks, `more-${number}`)]));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(sound[0]).toBeGreaterThanOrEqual(SALES);
  expect(found).toEqual([]);
  await check?.stop();
  sound = [];
  start();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(sound).toEqual([]);
});

test('a page that cannot be read is found', async () => {
  const root = new SQLite(join(data, 'journal.db'), { readonly: true });
  const page = root.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'alerts'").pluck().get() as number;
  root.close();
  spoil((page - 1) * PAGE, Buffer.alloc(PAGE, 0xa5));
  start();
  await waitUntil('the damage', async () => found.length > 0);
  expect(found[0]).toMatch(/alerts|malformed/);
  expect(sound).toEqual([]);
});

test('data that reads without an error and is none is found', async () => {
  const bytes = readFileSync(join(data, 'journal.db'));
  const at = bytes.indexOf('{"readingId":"1500"');
  expect(at).toBeGreaterThan(0);
  spoil(at, Buffer.alloc(12, 0xa5));
  start();
  await waitUntil('the damage', async () => found.length > 0);
  expect(found[0]).toContain('events_sales');
});

test('a busy hub is left alone, unless somebody asks', async () => {
  idle = false;
  const one = start();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(sound).toEqual([]);
  one.soon();
  await waitUntil('the look', async () => sound.length > 0);
});
