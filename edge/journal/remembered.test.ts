import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openForWriting } from './database.ts';
import { Remembered, type RememberedOptions } from './remembered.ts';

function remembered(options: RememberedOptions) {
  const db = openForWriting(mkdtempSync(join(tmpdir(), 'store-hub-')));
  const memory = new Remembered(db, options);
  memory.load();
  const rows = () => (db.prepare('SELECT count(*) AS n FROM sensed').get() as { n: number }).n;
  return { db, memory, rows };
}

it('forgets what was not used for the longest time, on disk too, and counts it', () => {
  const { memory, rows } = remembered({ most: 100 });
  memory.set('totals', 'used', 1);
  for (let n = 0; n < 10_000; n += 1) {
    memory.set('level', `shelf-${n}`, n);
    if (n % 20 === 0) expect(memory.get('totals', 'used')).toBe(1);
    if (n % 100 === 0) memory.flush();
  }
  for (let n = 0; n < 30; n += 1) memory.flush();
  expect(rows()).toBeLessThanOrEqual(101);
  expect(memory.forgotten).toBeGreaterThan(9800);
  expect(memory.get('level', 'shelf-9999')).toBe(9999);
  expect(memory.get('level', 'shelf-0')).toBeUndefined();
});

it('keeps what it is told to keep, and takes back what is set again while it leaves', () => {
  const { db, memory } = remembered({ most: 10, keeps: (_kind, key) => key === 'A1-3' });
  memory.set('level', 'A1-3', 'kept');
  memory.set('level', 'B', 'first');
  memory.flush();
  for (let n = 0; n < 1000; n += 1) memory.set('level', `shelf-${n}`, n);
  expect(memory.get('level', 'A1-3')).toBe('kept');
  expect(memory.get('level', 'B')).toBeUndefined();
  memory.set('level', 'B', 'again');
  for (let n = 0; n < 10; n += 1) memory.flush();
  const later = new Remembered(db);
  later.load();
  expect(later.get('level', 'B')).toBe('again');
  expect(later.get('level', 'A1-3')).toBe('kept');
});

it('loses nothing over a restart while there is room', () => {
  const { db, memory } = remembered({});
  for (let n = 0; n < 1000; n += 1) memory.set('level', `shelf-${n}`, { count: n });
  memory.flush();
  const later = new Remembered(db);
  later.load();
  for (let n = 0; n < 1000; n += 1) expect(later.get('level', `shelf-${n}`)).toEqual({ count: n });
  expect(later.forgotten).toBe(0);
});

it('deletes what is null, in memory and on disk, however it was before', () => {
  const { db, memory, rows } = remembered({});
  for (const key of ['flushed', 'set again', 'stays']) memory.set('zone', key, 'dairy');
  memory.flush();
  memory.set('zone', 'fresh', 'dairy');
  for (const key of ['flushed', 'fresh', 'set again', 'never was']) memory.set('zone', key, null);
  memory.set('zone', 'set again', 'bakery');
  expect(memory.get('zone', 'flushed')).toBeUndefined();
  memory.flush();
  expect([rows(), memory.get('zone', 'set again')]).toEqual([2, 'bakery']);
  // As it was kept once.
  db.exec("INSERT INTO sensed (kind, key, value) VALUES ('zone', 'old', 'null')");
  const later = new Remembered(db);
  later.load();
  expect([later.get('zone', 'old'), later.get('zone', 'stays')]).toEqual([undefined, 'dairy']);
  later.flush();
  expect(rows()).toBe(2);
});
