import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FileIntake } from '../contracts/files.ts';
import { openForWriting } from '../journal/database.ts';
import { Remembered } from '../journal/remembered.ts';
import { FileMemory } from './file-memory.ts';
import { matcher, shown } from './folder-list.ts';
import { Settling } from './settling.ts';

test('names match by their stars, and hidden ones only where they are meant', () => {
  const matches = (pattern: string, name: string) => matcher(pattern)(Buffer.from(name).toString('latin1'));
  expect(matches('*.csv', 'day 1.csv')).toBe(true);
  expect(matches('*.csv', 'day.csv.part')).toBe(false);
  expect(matches('*.csv', '.day.csv')).toBe(false);
  expect(matches('.*', '.day.csv')).toBe(true);
  expect(matches('bon-?.xml', 'bon-ü.xml')).toBe(true);
  expect(matches('a+b[1].csv', 'a+b[1].csv')).toBe(true);
  expect(matches('a+b[1].csv', 'aab1.csv')).toBe(false);
  expect(shown('b\xff')).toBe('b\ufffd');
});

test('a file rests when it looked the same twice, so long apart as it has to', () => {
  const settling = new Settling(1000);
  const file = (size: number) => ({ name: 'a', size, changed: '1' });
  expect([settling.hasSettled(file(1), 0), settling.hasSettled(file(1), 999)]).toEqual([false, false]);
  expect([settling.hasSettled(file(2), 1000), settling.hasSettled(file(2), 1999)]).toEqual([false, false]);
  expect(settling.restMs(1500)).toBe(500);
  expect(settling.hasSettled(file(2), 2000)).toBe(true);
  const atOnce = new Settling(0);
  expect([atOnce.hasSettled(file(1), 0), atOnce.hasSettled(file(1), 0)]).toEqual([false, true]);
});

test('a file that changes for more than ten minutes is told of', () => {
  const settling = new Settling(2000);
  for (let second = 0; second <= 700; second += 1)
    settling.hasSettled({ name: 'a', size: second, changed: '1' }, second * 1000);
  expect(settling.restless(700_500)).toBe('a');
  expect(settling.restless(702_500)).toBeUndefined();
});

test('what is remembered outlives a restart, is bounded by files that are gone, and never loses one that is there', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'store-hub-files-'));
  const db = openForWriting(dir);
  try {
    let remembered = new Remembered(db, { most: 10, keeps: (kind) => kind === 'position' });
    remembered.load();
    const files = {
      positionsOf: async (prefix: string) =>
        remembered
          .keys('position')
          .filter((source) => source.startsWith(prefix))
          .map((source) => ({ source, value: String(remembered.get('position', source)) })),
      forget: async (sources: readonly string[]) => {
        for (const source of sources) remembered.set('position', source, null);
      },
    } as unknown as FileIntake;
    const memory = new FileMemory(files, 'tills', 5);
    const state = (at: number) => ({ size: at, changed: `${at}`, digest: 'd', done: 'taken' as const });
    for (let at = 0; at < 40; at += 1) {
      const { source, value } = memory.position(`${at}.csv`, state(at));
      remembered.set('position', source, value);
      memory.committed(`${at}.csv`, state(at));
    }
    remembered.set('position', 'file/others/a.csv', '{}');
    remembered.flush();
    remembered = new Remembered(db, { most: 10, keeps: (kind) => kind === 'position' });
    remembered.load();
    const again = new FileMemory(files, 'tills', 5);
    await again.load();
    expect(again.size).toBe(40);
    expect(again.get('7.csv')).toEqual(state(7));
    const there = new Set(['0.csv', '1.csv']);
    await again.bound(() => there);
    expect(again.size).toBe(5);
    expect(['0.csv', '1.csv', '36.csv', '37.csv', '38.csv', '39.csv'].map((name) => again.get(name)?.size)).toEqual([
      0,
      1,
      undefined,
      37,
      38,
      39,
    ]);
    expect(remembered.keys('position')).toHaveLength(6);
  } finally {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
