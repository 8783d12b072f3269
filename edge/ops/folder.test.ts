import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from './folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-hub-'));

test('a folder is made with its parents, and may be there already', () => {
  const path = join(folder, 'a/b/c');
  makeFolder(path, 'data_dir');
  makeFolder(path, 'data_dir');
  expect(statSync(path).isDirectory()).toBe(true);
});

test('a file in its place, or above it, and a place that takes no folders are errors that name the key', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'sub'), '/proc/store-hub']) {
    expect(() => makeFolder(path, 'data_dir')).toThrow(
      new RegExp(`^data_dir: cannot use the folder ${path}: (?!.*\\bE[A-Z]{3,}\\b)`),
    );
  }
});
