/** What a disk that refuses means: it passes (full, read-only), or the process must end and the next one reads what is there. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HubError } from '../contracts/errors.ts';

export const DISK_FULL = 'the disk is full';
const READ_ONLY = 'the disk is read-only';

/** After these, pages may be lost that a later sync would call safe. */
const DISK_FAILED = /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|PROTOCOL)/;
/** But not after these, where the disk is full or read-only: nothing was written that could be lost. */
const MAY_PASS = /^SQLITE_(IOERR_(WRITE|SHMSIZE|SHMOPEN|SHMMAP|TRUNCATE)|CANTOPEN)/;
/** Where not even so much can be written, the disk is full. */
const PROBE_BYTES = 64 * 1024;
const WHY: Readonly<Record<string, string>> = {
  ENOSPC: DISK_FULL,
  EDQUOT: DISK_FULL,
  EROFS: READ_ONLY,
};

/**
 * Why nothing can be stored for now, when the error is one that passes: a full disk, a read-only mount. Throws what
 * must end the process; nothing for faults that are not the disk's.
 */
export function refusalOf(error: unknown, dataDir: string): string | undefined {
  // Found by who knows better what it means.
  if (error instanceof HubError) throw error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'SQLITE_FULL') return DISK_FULL;
  if (code.startsWith('SQLITE_READONLY')) return READ_ONLY;
  if (!DISK_FAILED.test(code)) return undefined;
  const why = MAY_PASS.test(code) ? whyNoWrites(dataDir) : undefined;
  if (why === undefined) throw error;
  return why;
}

/**
 * Why a write failed that SQLite says no more about, in words: the disk is full or read-only. Found by trying: after an
 * error a file system may be read-only and not say so anywhere else.
 */
export function whyNoWrites(dataDir: string): string | undefined {
  const file = join(dataDir, 'write-test');
  try {
    writeFileSync(file, Buffer.alloc(PROBE_BYTES, 0x5a));
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return WHY[code];
  } finally {
    rmQuietly(file);
  }
}

/** Removes a file, if the disk lets it. */
export function rmQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // On a read-only disk it was never there.
  }
}

/** Whether the disk is to blame for a failure: it had no room, or takes nothing more. */
export function hasNoRoom(error: unknown, dataDir: string): boolean {
  return isFull(error) || whyNoWrites(dataDir) !== undefined;
}

/** The error itself says so. */
export function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT';
}
