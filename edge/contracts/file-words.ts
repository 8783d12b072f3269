/** Why a file cannot be read or written, as an operator reads it: no names of system calls. */

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
