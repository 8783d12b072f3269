/**
 * Makes a folder with its parents. Step by step instead of by mkdir's own `recursive`, which never returns on some
 * file systems that refuse new entries, such as /proc.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { HubError } from '../contracts/errors.ts';
import { writeWords } from '../contracts/file-words.ts';

/** @param key the configuration's key that names it. Throws CONFIG_INVALID. */
export function makeFolder(path: string, key: string): void {
  try {
    make(path);
  } catch (error) {
    throw new HubError('CONFIG_INVALID', `${key}: cannot use the folder ${path}: ${writeWords(error)}`, {
      cause: error,
    });
  }
}

function make(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) make(parent);
  mkdirSync(path);
}
