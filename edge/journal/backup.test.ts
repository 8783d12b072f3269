import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { backUp } from './backup.ts';
import { lockDataDir } from './database.ts';
import { finishExchange } from './exchange.ts';
import { JournalReader } from './reader.ts';
import { restore } from './restore.ts';

let folder: string;
let data: string;
let backup: string;
let clocks: Clocks;
let writer: Writer | undefined;

beforeEach(() => {
  folder = temporaryFolder();
  data = join(folder, 'data');
  mkdirSync(data);
  backup = join(folder, 'backup.db');
  clocks = new Clocks();
});

afterEach(() => {
  if (writer) close();
});

function open(): Writer {
  writer ??= openWriter(data, clocks);
  return writer;
}

function close(): void {
  writer?.close();
  writer = undefined;
}

function sell(from: number, to: number): void {
  const sales = Array.from({ length: to - from + 1 }, (_, index) => sale(clocks, String(from + index)));
  open().process(batchOf(sales));
}

function withReader<T>(read: (reader: JournalReader) => T): T {
  const reader = JournalReader.open(data);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

const sold = (reader: JournalReader): string[] =>
  reader.page({ stream: 'sales', limit: 2000 }).map((row) => row.subject.replace('till-1/', ''));

test('a backup of a running journal is one consistent file, while the writer goes on', async () => {
  sell(1, 100);
  let next = 101;
  const more = setInterval(() => {
    sell(next, next + 9);
    next += 10;
  }, 1);
  const report = await backUp(data, backup, false);
  clearInterval(more);
  expect(readdirSync(folder).sort()).toEqual(['backup.db', 'data']);
  const db = new SQLite(backup, { readonly: true });
  expect(db.pragma('quick_check', { simple: true })).toBe('ok');
  const { streams } = db.prepare('SELECT streams FROM head').get() as { streams: string };
  const { count } = db.prepare('SELECT count(*) AS count FROM events_sales').get() as { count: number };
  db.close();
  expect((JSON.parse(streams) as { sales: number }).sales).toBe(count);
  expect(count).toBeGreaterThanOrEqual(100);
  expect(report).toMatchObject({ file: backup, hub: 'store-0042', bytes: statSync(backup).size });
  expect(report.events).toBeGreaterThanOrEqual(count);
});

test('an existing file is replaced only by force, and the journal itself never', async () => {
  sell(1, 3);
  writeFileSync(backup, 'something dear');
  await expect(backUp(data, backup, false)).rejects.toMatchObject({ code: 'BACKUP_EXISTS' });
  expect(await backUp(data, backup, true)).toMatchObject({ hub: 'store-0042' });
  await expect(backUp(data, join(data, 'journal.db'), true)).rejects.toThrow("is the hub's own file");
  await expect(backUp(data, folder, true)).rejects.toThrow('is a folder');
  await expect(backUp(data, join(folder, 'nowhere', 'b.db'), false)).rejects.toThrow('there is no folder');
  expect(readdirSync(folder).sort()).toEqual(['backup.db', 'data']);
});

test('a damaged journal makes no backup', async () => {
  sell(1, 2000);
  close();
  overwrite(join(data, 'journal.db'), 0.5);
  await expect(backUp(data, backup, false)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
  expect(existsSync(backup)).toBe(false);
});

test('a restored journal has forgotten what was half done with the devices', async () => {
  sell(1, 3);
  await backUp(data, backup, false);
  close();
  change(`INSERT INTO handshakes VALUES ('scale', 7, 0);
    INSERT INTO sessions VALUES ('tablet', NULL, 0); INSERT INTO subscriptions VALUES ('tablet', 'out/#', 1);
    INSERT INTO queued VALUES (1, 'tablet', 1, 2, 0, 0, 'out/x', x'00')`);
  await restore(data, 'store-0042', backup, clocks.wallMs);
  expect(open().leftovers().sessions).toMatchObject({
    handshakes: [],
    queued: [],
    sessions: [{ client: 'tablet' }],
    subscriptions: [{ client: 'tablet', filter: 'out/#' }],
  });
});

test('a restored journal goes on in a new incarnation, and keeps what it replaced', async () => {
  sell(1, 10);
  const first = open().incarnation;
  await backUp(data, backup, false);
  sell(11, 30);
  close();
  clocks.pass(60_000);
  const report = await restore(data, 'store-0042', backup, clocks.wallMs);
  expect(report).toMatchObject({ hub: 'store-0042', leftBehind: 20 });
  expect(
    new SQLite(report.aside ?? '', { readonly: true }).prepare('SELECT count(*) FROM events_sales').pluck().get(),
  ).toBe(30);
  sell(31, 32);
  withReader((reader) => {
    expect(sold(reader)).toEqual([...Array.from({ length: 10 }, (_, n) => String(n + 1)), '31', '32']);
    expect(reader.incarnations()).toMatchObject([
      { incarnation: first },
      { incarnation: report.incarnation, previous: first, reason: 'restore', lastKnown: { sales: 10 } },
    ]);
    const [event] = reader.rows('devices', report.incarnation, 0, 1);
    expect(event).toMatchObject({ type: 'retail.devices.incarnation.v1', streamSequence: 1 });
    expect(JSON.parse(event?.data ?? '')).toMatchObject({
      previous: first,
      reason: 'restore',
      lastknown: { sales: '0000000000000010' },
    });
    const sequences = reader.page({ limit: 2000, local: true }).map((row) => row.sequence);
    expect(new Set(sequences).size).toBe(sequences.length);
  });
});

test('restored twice, the chain still names every incarnation that was ever opened', async () => {
  sell(1, 5);
  const first = open().incarnation;
  await backUp(data, backup, false);
  close();
  const second = await restore(data, 'store-0042', backup, clocks.wallMs);
  sell(6, 9);
  open().process(
    batchOf([], [{ op: 'acknowledge', request: { incarnation: second.incarnation, acked: { sales: 2 }, batch: 'b' } }]),
  );
  close();
  const third = await restore(data, 'store-0042', backup, clocks.wallMs);
  expect(third.leftBehind).toBe(3); // two sales and the incarnation event
  open();
  withReader((reader) => {
    const chain = reader.incarnations();
    expect(chain.map(({ incarnation }) => incarnation)).toEqual([first, second.incarnation, third.incarnation]);
    expect(chain.map(({ previous }) => previous)).toEqual([null, first, second.incarnation]);
    expect(chain.map(({ lastKnown }) => lastKnown.sales)).toEqual([undefined, 5, 4]);
    expect(reader.acked()).toEqual({ incarnation: second.incarnation, vector: { sales: 2 } });
    expect(reader.buffer().byStream).toEqual({ devices: 1 });
  });
});

test('head office may have more of the closed incarnation than the restored journal', async () => {
  sell(1, 5);
  const first = open().incarnation;
  await backUp(data, backup, false);
  close();
  await restore(data, 'store-0042', backup, clocks.wallMs);
  const acknowledge = (incarnation: string, sales: number): unknown =>
    open().process(batchOf([], [{ op: 'acknowledge', request: { incarnation, acked: { sales }, batch: 'b' } }]))
      .answers[0];
  const { incarnation } = open();
  expect(acknowledge(first, 80)).toMatchObject({ ok: true });
  expect(acknowledge(incarnation, 80)).toMatchObject({ ok: false, code: 'RESUME_REFUSED' });
});

test.each<readonly [name: string, spoil: () => void, code: string, words: string]>([
  ['no file', () => {}, 'BACKUP_UNUSABLE', 'there is no file'],
  ['no database', () => writeFileSync(backup, 'x'.repeat(9000)), 'BACKUP_UNUSABLE', 'cannot be read as a database'],
  ['another database', () => change('CREATE TABLE t (a)'), 'BACKUP_UNUSABLE', 'is no journal'],
  ['a damaged backup', () => overwrite(backup, 0.5), 'BACKUP_UNUSABLE', 'damaged'],
  ['a newer schema', () => change('PRAGMA user_version = 99'), 'JOURNAL_NEWER', 'schema 99'],
  [
    "another hub's backup",
    () => change("UPDATE meta SET value = 'store-0007' WHERE key = 'hub'"),
    'JOURNAL_OTHER_HUB',
    'store-0007',
  ],
])('%s is refused, and nothing is changed', async (name, spoil, code, words) => {
  sell(1, 2000);
  if (!['no file', 'no database', 'another database'].includes(name)) await backUp(data, backup, false);
  spoil();
  close();
  const before = readdirSync(data).sort();
  const attempt = restore(data, 'store-0042', backup, clocks.wallMs);
  await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  expect(readdirSync(data).sort()).toEqual(expect.arrayContaining(before.filter((file) => !/-(wal|shm)$/.test(file))));
  expect(readdirSync(data).filter((file) => /new|replaced|exchange/.test(file))).toEqual([]);
  sell(2001, 2001);
  expect(withReader((reader) => reader.heads(open().incarnation).sales)).toBe(2001);
});

test('a restore is refused while the edge runs', async () => {
  sell(1, 2);
  await backUp(data, backup, false);
  const unlock = lockDataDir(data);
  await expect(restore(data, 'store-0042', backup, clocks.wallMs)).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' });
  unlock();
});

test('an exchange that was interrupted after any of its steps is finished by the next start', async () => {
  sell(1, 3);
  close();
  for (const done of [[], ['-wal'], ['-wal', '-shm'], ['-wal', '-shm', '']]) {
    const dir = join(folder, `interrupted-${done.length}`);
    mkdirSync(dir);
    for (const [name, text] of [
      ['journal.db', 'old'],
      ['journal.db-wal', 'old log'],
      ['journal.db-shm', 'old index'],
      ['journal.db.new', 'new'],
    ] as const)
      writeFileSync(join(dir, name), text);
    writeFileSync(join(dir, 'journal.exchange'), JSON.stringify({ aside: 'aside.db' }));
    for (const suffix of done) {
      copyFileSync(join(dir, `journal.db${suffix}`), join(dir, `aside.db${suffix}`));
      // As a rename leaves it.
      rmSync(join(dir, `journal.db${suffix}`));
    }
    finishExchange(dir);
    expect(readdirSync(dir).sort()).toEqual(['aside.db', 'aside.db-shm', 'aside.db-wal', 'journal.db']);
    expect(readFileSync(join(dir, 'journal.db'), 'utf8')).toBe('new');
    expect(readFileSync(join(dir, 'aside.db'), 'utf8')).toBe('old');
  }
});

function change(sql: string): void {
  const db = new SQLite(backup);
  db.exec(sql);
  db.close();
}

/** Writes rubbish over one page, at this part of the file. */
function overwrite(file: string, part: number): void {
  const page = Math.floor((statSync(file).size / 4096) * part);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
  closeSync(descriptor);
}

test('a restore sets aside one file that holds everything, or names what belongs to it', async () => {
  sell(1, 20);
  await backUp(data, backup, false);
  sell(21, 40);
  const copy = join(folder, 'killed');
  mkdirSync(copy);
  for (const suffix of ['', '-wal']) copyFileSync(join(data, `journal.db${suffix}`), join(copy, `journal.db${suffix}`));
  const whole = await restore(copy, 'store-0042', backup, clocks.wallMs);
  expect(whole.sideFiles).toBeUndefined();
  expect(existsSync(`${whole.aside}-wal`)).toBe(false);
  const aside = new SQLite(whole.aside ?? '', { readonly: true });
  expect(aside.prepare('SELECT count(*) FROM events_sales').pluck().get()).toBe(40);
  aside.close();

  const spoilt = join(folder, 'spoilt');
  mkdirSync(spoilt);
  copyFileSync(join(data, 'journal.db'), join(spoilt, 'journal.db'));
  const log = readFileSync(join(data, 'journal.db-wal'));
  log.fill(0x5a, 3000, 3100);
  writeFileSync(join(spoilt, 'journal.db-wal'), log);
  const named = await restore(spoilt, 'store-0042', backup, clocks.wallMs);
  expect(named.sideFiles).toContain(`${named.aside}-wal`);
  expect(existsSync(`${named.aside}-wal`)).toBe(true);
});
