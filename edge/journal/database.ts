/**
 * Opening journal.db. The writer opens it for the edge's one worker thread; everybody else reads.
 *
 * better-sqlite3 is built so that a re-opened WAL database runs at synchronous=NORMAL, which keeps acknowledged
 * facts only until the next power cut. So FULL is set and asserted at each open.
 */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { damaged, HubError, isDamage } from '../contracts/errors.ts';
import { makeFolder } from '../ops/folder.ts';
import { backUpBeforeMigration } from './migration-backup.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';

export type Database = SQLite.Database;

export const JOURNAL_FILE = 'journal.db';

/** Half the stock size: a commit of one event touches a few pages, and each goes to the disk whole. */
export const PAGE_BYTES = 2048;
const BUSY_WAIT_MS = 5000;
const CHECKPOINT_WAIT_MS = 50;
/** Checkpoint after 16 MiB of WAL: fewer page writes than the stock 4 MB, still small to replay at start. */
const WAL_CHECKPOINT_BYTES = 16 * 1024 * 1024;

/** After how many bytes the write-ahead log is brought into the database, by the disk budget. */
export function walBytesOf(diskBudget: number): number {
  return Math.min(WAL_CHECKPOINT_BYTES, Math.floor(diskBudget / 8));
}

/** Brings the log into the database after so many bytes. */
export function autocheckpoint(db: Database, bytes: number): void {
  db.pragma(`wal_autocheckpoint = ${Math.max(16, Math.floor(bytes / PAGE_BYTES))}`);
}

/**
 * Brings the log into the database, if no reader is in the way for long. TRUNCATE gives its room back, RESTART keeps it
 * for what is written next. Outside a transaction.
 */
export function checkpoint(db: Database, mode: 'TRUNCATE' | 'RESTART'): void {
  db.pragma(`busy_timeout = ${CHECKPOINT_WAIT_MS}`);
  try {
    db.pragma(`wal_checkpoint(${mode})`);
  } finally {
    db.pragma(`busy_timeout = ${BUSY_WAIT_MS}`);
  }
}

/**
 * Opens for writing, brings the schema up to date. The write-ahead log counts in the disk budget (bytes), so a small
 * budget keeps it short. Throws JOURNAL_NEWER, JOURNAL_NOT_FULL_SYNC.
 */
export function openForWriting(dataDir: string, diskBudget = Number.POSITIVE_INFINITY): Database {
  makeFolder(dataDir, 'data_dir');
  const db = new SQLite(join(dataDir, JOURNAL_FILE), { timeout: BUSY_WAIT_MS });
  try {
    // These two only take effect before the first table.
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    if (db.pragma('synchronous', { simple: true }) !== 2) {
      throw new HubError('JOURNAL_NOT_FULL_SYNC', 'SQLite did not take synchronous=FULL');
    }
    autocheckpoint(db, walBytesOf(diskBudget));
    db.pragma(`journal_size_limit = ${2 * walBytesOf(diskBudget)}`);
    db.pragma('cache_size = -16384');
    backUpBeforeMigration(db, dataDir);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens for reading only; throws JOURNAL_UNREADABLE, JOURNAL_NEWER or JOURNAL_DAMAGED. */
export function openForReading(dataDir: string): Database {
  const file = join(dataDir, JOURNAL_FILE);
  let db: Database;
  try {
    db = new SQLite(file, { readonly: true, fileMustExist: true, timeout: 2000 });
  } catch (error) {
    if (isDamage(error)) throw damaged(error);
    throw new HubError('JOURNAL_UNREADABLE', `cannot read ${file}`, { cause: error });
  }
  try {
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > SCHEMA_VERSION)
      throw new HubError('JOURNAL_NEWER', `${file} has schema ${version}, this version knows ${SCHEMA_VERSION}`);
    if (version < SCHEMA_VERSION)
      throw new HubError('JOURNAL_UNREADABLE', `${file} has schema ${version}, this version reads ${SCHEMA_VERSION}`);
    return db;
  } catch (error) {
    db.close();
    if (error instanceof HubError) throw error;
    if (isDamage(error)) throw damaged(error);
    throw new HubError('JOURNAL_UNREADABLE', `cannot read ${file}`, { cause: error });
  }
}

/**
 * One edge per data folder: a lock that the kernel releases however the process ends.
 * Returns the function that gives it back; throws JOURNAL_LOCKED.
 */
export function lockDataDir(dataDir: string): () => void {
  makeFolder(dataDir, 'data_dir');
  const lock = new SQLite(join(dataDir, 'edge.lock'), { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new HubError('JOURNAL_LOCKED', `${dataDir} is in use`, { cause: error });
  }
  return () => lock.close();
}
