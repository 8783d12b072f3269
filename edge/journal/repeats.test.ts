import type SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../writer.fixture.ts';
import { openForWriting } from './database.ts';
import { Repeats } from './repeats.ts';

function open(folder: string, maxIds: number): { repeats: Repeats; db: SQLite.Database } {
  const db = openForWriting(folder);
  const repeats = new Repeats(db, maxIds);
  repeats.load();
  return { repeats, db };
}

describe('the memory of ids', () => {
  it('tells new, repeat and conflicting, across restarts', () => {
    const folder = temporaryFolder();
    const first = open(folder, 1000);
    expect(first.repeats.see('a', 'x', 0)).toBe('new');
    expect(first.repeats.see('a', 'x', 0)).toBe('repeat');
    first.repeats.flush(0);
    first.db.close();
    const { repeats, db } = open(folder, 1000);
    expect(repeats.see('a', 'x', 10)).toBe('repeat');
    expect(repeats.see('a', 'y', 10)).toBe('conflicting');
    expect(repeats.look('b', 'x', 10)).toBe('new');
    expect(repeats.look('b', 'x', 10)).toBe('new');
    db.close();
  });

  it('forgets ids of a transaction that was rolled back', () => {
    const { repeats, db } = open(temporaryFolder(), 1000);
    db.exec('BEGIN');
    repeats.see('a', 'x', 0);
    repeats.flush(0);
    db.exec('ROLLBACK');
    repeats.load();
    expect(repeats.see('a', 'x', 0)).toBe('new');
    db.close();
  });

  it('agrees with a plain list about which of many ids are the newest, while it grows, wraps and reloads', () => {
    const folder = temporaryFolder();
    const max = 6000; // beyond the first capacity, so that it grows once
    let { repeats, db } = open(folder, max);
    const order: string[] = [];
    const known = new Set<string>();
    let random = 7;
    for (let i = 0; i < 40_000; i += 1) {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      const id = random % 3 === 0 && order.length > 0 ? (order[random % order.length] ?? '') : `id-${i}`;
      const expected = known.has(id) ? 'repeat' : 'new';
      expect(repeats.see(id, 'x', i), `${i}: ${id}`).toBe(expected);
      if (expected === 'new') {
        order.push(id);
        known.add(id);
        if (order.length > max) known.delete(order.shift() ?? '');
      }
      if (i % 50 === 49) repeats.flush(i);
      if (i % 13_000 === 12_999) {
        repeats.flush(i);
        db.close();
        ({ repeats, db } = open(folder, max));
      }
    }
    expect(repeats.size).toBe(max);
    const stored = db.prepare('SELECT sum(length(entries)) / 20 AS ids FROM repeats').get() as { ids: number };
    expect(stored.ids).toBeLessThan(max + 200);
    db.close();
  });

  it('does not take an id for younger than it is because another one came later, across a restart', () => {
    const folder = temporaryFolder();
    const day = 86_400_000;
    const first = open(folder, 1000);
    first.repeats.see('a', 'x', 0);
    first.repeats.flush(0);
    first.repeats.see('b', 'x', 6 * day);
    first.repeats.flush(6 * day);
    first.db.close();
    const { repeats, db } = open(folder, 1000);
    expect(repeats.see('a', 'y', 9 * day)).toBe('new');
    repeats.flush(9 * day);
    db.close();
    const again = open(folder, 1000);
    expect(again.repeats.size).toBe(2);
    expect(again.repeats.see('a', 'y', 9 * day)).toBe('repeat');
    again.db.close();
  });

  it('forgets what is older than seven days, in memory and on disk', () => {
    const { repeats, db } = open(temporaryFolder(), 1000);
    const week = 7 * 86_400_000;
    repeats.see('a', 'x', 0);
    repeats.flush(0);
    expect(repeats.look('a', 'x', week)).toBe('repeat');
    expect(repeats.see('a', 'x', week + 1000)).toBe('new');
    repeats.flush(2 * week + 5000);
    repeats.see('b', 'x', 4 * week);
    repeats.flush(4 * week);
    expect(db.prepare('SELECT count(*) AS rows FROM repeats').get()).toEqual({ rows: 1 });
    db.close();
  });
});
