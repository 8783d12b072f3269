/** Why a file cannot be read or written, as an operator reads it: no names of system calls. */
import { messageOf } from './errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ELOOP: 'its links lead round in a circle',
  EIO: 'the disk does not give it back',
};

/** The words for an error of `node:fs`, of one that reads. */
export function fileWords(error: unknown): string {
  const { code = 'no code' } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? `it cannot be read (${code})`;
}

/** Whether another user, or this one with more rights, may well read it. */
export function isForbidden(error: unknown): boolean {
  return /^E(ACCES|PERM)$/.test((error as NodeJS.ErrnoException).code ?? '');
}

const WRITING: Readonly<Record<string, string>> = {
  ENOENT: 'the folder that it belongs into is not there, and cannot be made',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'that file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
};

/** The words for an error of `node:fs` while something is written or made; of any other error its own message. */
export function writeWords(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return WRITING[code] ?? messageOf(error);
}
