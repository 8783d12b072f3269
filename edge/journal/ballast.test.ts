/** The ballast when its place is in disorder. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../writer.fixture.ts';
import { openForWriting, walBytesOf } from './database.ts';
import { FullDisk } from './full-disk.ts';

const BUDGET = 16 * 2 ** 20;

describe('the ballast', () => {
  test('that a crash left half written is completed at the next start', () => {
    const data = temporaryFolder();
    writeFileSync(join(data, 'ballast'), Buffer.alloc(1000, 1));
    const db = openForWriting(data, BUDGET);
    new FullDisk(db, data, BUDGET).start();
    expect(statSync(join(data, 'ballast')).size).toBe(walBytesOf(BUDGET));
    db.close();
  });

  test('that cannot be put there costs nothing else', () => {
    const data = temporaryFolder();
    mkdirSync(join(data, 'ballast/in the way'), { recursive: true });
    const db = openForWriting(data, BUDGET);
    expect(() => new FullDisk(db, data, BUDGET).start()).not.toThrow();
    db.close();
  });
});
