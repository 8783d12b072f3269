/** Files and folders that are on disk when the call returns: temporary name, synced, renamed, and the folder synced. */
import { chownSync, closeSync, fsyncSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Throws the system's errors. */
export function writeDurably(path: string, text: string, mode = 0o640): void {
  const temporary = `${path}.new`;
  const descriptor = openSync(temporary, 'w', mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  belongLikeFolder(temporary);
  renameSync(temporary, path);
  syncPath(dirname(path));
}

/** What root creates in the edge's folder must belong to the edge, or the edge could not write it. */
export function belongLikeFolder(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}
