import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../writer.fixture.ts';
import { SHOPPERS_FILE, ShopperKeys } from './shopper-keys.ts';

const ANNA = 'pseudonym-of-anna-4410';
const opened: ShopperKeys[] = [];
afterEach(() => {
  for (const keys of opened.splice(0)) keys.close();
});

function open(folder: string): ShopperKeys {
  const keys = new ShopperKeys(folder);
  opened.push(keys);
  return keys;
}

/** Every byte of the folder. */
function bytesOf(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}

function keyOf(folder: string, shopper: string): Buffer {
  const db = new SQLite(join(folder, SHOPPERS_FILE), { readonly: true });
  try {
    return db.prepare('SELECT key FROM shoppers WHERE keyed = ?').pluck().get(shopper) as Buffer;
  } finally {
    db.close();
  }
}

describe('the keys of shoppers', () => {
  it('know somebody from the first grant on, under a name that tells nothing, and keep both over a restart', () => {
    const folder = temporaryFolder();
    const keys = open(folder);
    expect(keys.tell(ANNA, false)).toBeUndefined();
    expect(keys.isPending).toBe(false);
    const { shopper } = keys.tell(ANNA, true) ?? expect.unreachable();
    expect(shopper).toMatch(/^[0-9a-z]{26}$/);
    expect(keys.find(ANNA)).toEqual({ shopper, granted: true });
    keys.flush();
    keys.close();
    const again = open(folder);
    expect(again.find(ANNA)).toEqual({ shopper, granted: true });
    expect([again.consented(shopper), again.pseudonymOf(shopper), again.knows(shopper)]).toEqual([true, ANNA, true]);
    expect(again.tell(ANNA, false)).toEqual({ shopper, granted: false });
    again.flush();
    expect(again.consented(shopper)).toBe(false);
    expect(again.all()).toEqual([{ shopper, granted: false }]);
  });

  it('know how long ago consent ended, also in a file from before they did, and by the clock of a new journal', () => {
    const folder = temporaryFolder();
    const old = new SQLite(join(folder, SHOPPERS_FILE));
    old.exec(`CREATE TABLE shoppers (
        keyed TEXT PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, key BLOB NOT NULL, granted INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO shoppers VALUES ('keyed-anna', '${ANNA}', x'00', 0), ('keyed-bob', 'bob', x'00', 1)`);
    old.close();
    const keys = open(folder);
    expect(keys.endedBefore(9e9, 10)).toEqual([]);
    keys.dateEnds(1000, 10);
    keys.flush();
    keys.dateEnds(5000, 10);
    expect(keys.isPending).toBe(false);
    expect([keys.endedBefore(999, 10), keys.endedBefore(1000, 10)]).toEqual([[], ['keyed-anna']]);
    keys.dateEnds(200, 10);
    expect(keys.endedBefore(200, 10)).toEqual(['keyed-anna']);
    keys.set('keyed-anna', true);
    expect(keys.endedBefore(9e9, 10)).toEqual([]);
    keys.set('keyed-anna', false);
    keys.dateEnds(7000, 10);
    expect([keys.endedBefore(6999, 10), keys.endedBefore(7000, 10)]).toEqual([[], ['keyed-anna']]);
  });

  it('give the same pseudonym another keyed one in each hub, and after an erasure', () => {
    const keys = open(temporaryFolder());
    const other = open(temporaryFolder());
    const first = keys.tell(ANNA, true)?.shopper ?? '';
    expect(other.tell(ANNA, true)?.shopper).not.toBe(first);
    keys.erase(first);
    const second = keys.tell(ANNA, true)?.shopper ?? '';
    expect(second).not.toBe(first);
    keys.flush();
    expect([keys.knows(first), keys.consented(second), keys.erased()]).toEqual([false, true, [first]]);
  });

  it('forget what was not flushed, and count what was', () => {
    const keys = open(temporaryFolder());
    const shopper = keys.tell(ANNA, true)?.shopper ?? '';
    keys.rollback();
    expect([keys.find(ANNA), keys.generation, keys.isPending]).toEqual([undefined, 0, false]);
    keys.tell(ANNA, true);
    keys.flush();
    expect(keys.generation).toBe(1);
    keys.erase(keys.find(ANNA)?.shopper ?? '');
    keys.rollback();
    expect(keys.find(ANNA)?.shopper).not.toBe(shopper);
    expect([keys.find(ANNA)?.granted, keys.generation, keys.erased()]).toEqual([true, 1, []]);
  });

  it('leave no byte of an erased pseudonym or its key in the file or its log', () => {
    const folder = temporaryFolder();
    const keys = open(folder);
    // Enough others that pages were split, and rows moved, around the one.
    for (let i = 0; i < 400; i += 1) keys.tell(`pseudonym-of-other-${i}`, true);
    const shopper = keys.tell(ANNA, true)?.shopper ?? '';
    for (let i = 400; i < 800; i += 1) keys.tell(`pseudonym-of-other-${i}`, true);
    keys.flush();
    const key = keyOf(folder, shopper).toString('latin1');
    expect(bytesOf(folder)).toContain(ANNA);
    expect(bytesOf(folder)).toContain(key);
    keys.erase(shopper);
    keys.flush();
    expect(keys.isUnwiped).toBe(true);
    keys.wipe();
    expect(keys.isUnwiped).toBe(false);
    expect(bytesOf(folder)).not.toContain(ANNA);
    expect(bytesOf(folder)).not.toContain(key);
    expect(bytesOf(folder)).toContain('pseudonym-of-other-799');
  });

  it('do not say that a log is wiped while somebody else reads it, nor after a crash before it was', () => {
    const folder = temporaryFolder();
    const keys = open(folder);
    const shopper = keys.tell(ANNA, true)?.shopper ?? '';
    keys.flush();
    const reader = new SQLite(join(folder, SHOPPERS_FILE), { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM shoppers').get();
    keys.erase(shopper);
    keys.flush();
    expect(() => keys.wipe()).toThrow('somebody else reads shoppers.db');
    expect(keys.isUnwiped).toBe(true);
    // Another process finds the log as the crash left it.
    const next = open(folder);
    expect(next.isUnwiped).toBe(true);
    reader.close();
    next.wipe();
    keys.wipe();
    expect(bytesOf(folder)).not.toContain(ANNA);
  });

  it('are for the hub alone to read, the log too', () => {
    const folder = temporaryFolder();
    const before = process.umask(0);
    try {
      const keys = open(folder);
      keys.tell(ANNA, true);
      keys.flush();
    } finally {
      process.umask(before);
    }
    for (const name of readdirSync(folder)) {
      expect([name, (statSync(join(folder, name)).mode & 0o777).toString(8)]).toEqual([name, '600']);
    }
    expect(readdirSync(folder)).toContain('shoppers.db-wal');
  });

  it.each(['', '-wal'])('begin anew when shoppers.db%s is damaged, and say so', (suffix) => {
    const folder = temporaryFolder();
    const keys = open(folder);
    for (let i = 0; i < 400; i += 1) keys.tell(`pseudonym-of-other-${i}`, true);
    keys.flush();
    opened.splice(0);
    keys.close();
    const file = join(folder, SHOPPERS_FILE);
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4096, bytes.length - 4096);
    if (suffix === '') writeFileSync(file, bytes);
    else writeFileSync(file, 'no database at all, and longer than a header of one hundred bytes '.repeat(4));
    const again = open(folder);
    expect([again.lost, again.all(), again.generation]).toEqual([true, [], 0]);
    expect(bytesOf(folder)).not.toContain('pseudonym-of-other');
  });

  it('call damage that is found on use by its name, for it is not the journal that is damaged', () => {
    const folder = temporaryFolder();
    const keys = open(folder);
    for (let i = 0; i < 2000; i += 1) keys.tell(`pseudonym-of-other-${i}`, true);
    keys.flush();
    const other = new SQLite(join(folder, SHOPPERS_FILE));
    other.pragma('wal_checkpoint(TRUNCATE)');
    other.close();
    const file = join(folder, SHOPPERS_FILE);
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4096);
    writeFileSync(file, bytes);
    let thrown: unknown;
    try {
      for (let i = 0; i < 2000; i += 1) keys.find(`pseudonym-of-other-${i}`);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'SHOPPERS_DAMAGED' });
    rmSync(folder, { recursive: true });
  });
});
