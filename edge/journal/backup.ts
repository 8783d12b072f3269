/**
 * `backup`: a consistent copy of the journal, with the edge running or stopped. The copy is read in one snapshot over a
 * connection of its own, in steps with pauses, so that the hub keeps its disk; it is synced as it grows, checked, and
 * only then gets its name. A snapshot keeps the write-ahead log from being taken over: when that grows, there are no
 * more pauses, and a hub too busy for that is told so.
 */
import { chmodSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import { damaged, HubError, isDamage, messageOf } from '../contracts/errors.ts';
import { writeWords } from '../contracts/file-words.ts';
import { JOURNAL_STREAMS, LOCAL_STREAM } from '../contracts/streams.ts';
import { type Database, JOURNAL_FILE } from './database.ts';
import { syncPath } from './durable-file.ts';
import { SCHEMA_VERSION } from './migrations.ts';

export interface BackupReport {
  readonly file: string;
  readonly hub: string;
  readonly incarnation: string;
  readonly bytes: number;
  /** Events of all streams that head office receives. */
  readonly events: number;
  /** When the last commit in it was made, epoch ms. */
  readonly asOf: number;
}

const STEP_PAGES = 256;
const PAUSE_MS = 10;
/** Synced this often, pages: the last sync must not find a gigabyte to write. */
const SYNC_PAGES = 4096;
const HURRY_WAL_BYTES = 64 * 1024 * 1024;
const MOST_WAL_BYTES = 512 * 1024 * 1024;

/** Throws JOURNAL_UNREADABLE, JOURNAL_NEWER, JOURNAL_DAMAGED, BACKUP_EXISTS, BACKUP_FAILED. */
export async function backUp(dataDir: string, target: string, force: boolean): Promise<BackupReport> {
  const file = resolve(target);
  refuseUnfitName(dataDir, file, force);
  const temporary = `${file}.part`;
  try {
    await copyJournal(dataDir, temporary);
    const found = inspect(temporary);
    chmodSync(temporary, 0o600);
    syncPath(temporary);
    if (!force && existsSync(file)) throw exists(file);
    renameSync(temporary, file);
    syncPath(dirname(file));
    return { file, ...found, bytes: statSync(file).size };
  } catch (error) {
    if (error instanceof HubError) throw error;
    if (isDamage(error)) throw damaged(error);
    throw new HubError('BACKUP_FAILED', `${file} could not be written: ${writeWords(error)}`, { cause: error });
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(temporary + suffix, { force: true });
  }
}

function refuseUnfitName(dataDir: string, file: string, force: boolean): void {
  const folder = statSync(dirname(file), { throwIfNoEntry: false });
  if (!folder?.isDirectory()) throw new HubError('BACKUP_FAILED', `there is no folder ${dirname(file)}`);
  const own = statSync(dataDir, { throwIfNoEntry: false });
  const inDataDir = own?.ino === folder.ino && own.dev === folder.dev;
  if (
    inDataDir &&
    /^((journal|shoppers)\.db(-wal|-shm|\.new.*)?|identity\.key|ballast|edge\..*|incarnations\.json.*)$/.test(
      basename(file),
    )
  )
    throw new HubError('BACKUP_FAILED', `${file} is the hub's own file: a backup needs another name`);
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new HubError('BACKUP_FAILED', `${file} is a folder: name a file in it`);
  if (there && !force) throw exists(file);
}

function exists(file: string): HubError {
  return new HubError('BACKUP_EXISTS', `${file} is there already`);
}

async function copyJournal(dataDir: string, temporary: string): Promise<void> {
  const journal = join(dataDir, JOURNAL_FILE);
  let db: Database | undefined;
  try {
    db = new SQLite(journal, { readonly: true, fileMustExist: true, timeout: 2000 });
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > SCHEMA_VERSION) {
      throw new HubError('JOURNAL_NEWER', `${journal} has schema ${version}, this version knows ${SCHEMA_VERSION}`);
    }
    db.exec('BEGIN');
    db.prepare('SELECT count(*) FROM sqlite_master').get();
  } catch (error) {
    db?.close();
    if (error instanceof HubError) throw error;
    if (isDamage(error)) throw damaged(error);
    throw new HubError('JOURNAL_UNREADABLE', `cannot read ${journal}: ${messageOf(error)}`, { cause: error });
  }
  try {
    await copyInSteps(db, `${journal}-wal`, temporary);
  } finally {
    db.close();
  }
}

async function copyInSteps(db: Database, wal: string, temporary: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(temporary + suffix, { force: true });
  const rest = new Int32Array(new SharedArrayBuffer(4));
  let synced = 0;
  await db.backup(temporary, {
    progress: ({ totalPages, remainingPages }) => {
      const grown = statSync(wal, { throwIfNoEntry: false })?.size ?? 0;
      if (grown > MOST_WAL_BYTES) {
        throw new HubError('BACKUP_FAILED', 'the hub writes faster than the copy is made: try again in a calmer hour');
      }
      const copied = totalPages - remainingPages;
      if (copied - synced >= SYNC_PAGES) {
        syncPath(temporary);
        synced = copied;
      }
      // Nothing else runs in this process: waiting here is the pause between two steps.
      if (copied > 0 && grown < HURRY_WAL_BYTES) Atomics.wait(rest, 0, 0, PAUSE_MS);
      return STEP_PAGES;
    },
  });
  await pause(0);
}

/** Checks a copy and says what is in it. It becomes one file without side files. Throws JOURNAL_DAMAGED. */
function inspect(file: string): Omit<BackupReport, 'file' | 'bytes'> {
  const db = new SQLite(file);
  try {
    db.pragma('journal_mode = DELETE');
    const faults = faultsOf(db);
    if (faults.length > 0) throw damaged(new Error(faults[0]));
    return contentOf(db);
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw damaged(error);
  } finally {
    db.close();
  }
}

/** What `PRAGMA quick_check` finds wrong: nothing when the database is sound. Throws SQLite's errors. */
export function faultsOf(db: Database): string[] {
  const rows = db.pragma('quick_check(5)') as { quick_check: string }[];
  return rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
}

/** Throws SQLite's errors, and for a database that is no journal a BACKUP_UNUSABLE. */
export function contentOf(db: Database): Omit<BackupReport, 'file' | 'bytes'> {
  const hub = (db.prepare("SELECT value FROM meta WHERE key = 'hub'").get() as { value: string } | undefined)?.value;
  const last = db.prepare('SELECT incarnation FROM incarnations ORDER BY ordinal DESC LIMIT 1').get() as
    | { incarnation: string }
    | undefined;
  const head = db.prepare('SELECT wall FROM head').get() as { wall: number } | undefined;
  if (hub === undefined || !last || !head) throw new HubError('BACKUP_UNUSABLE', 'nothing was ever journaled in it');
  let events = 0;
  for (const stream of JOURNAL_STREAMS) {
    if (stream === LOCAL_STREAM) continue;
    events += (db.prepare(`SELECT count(*) AS count FROM events_${stream}`).get() as { count: number }).count;
  }
  return { hub, incarnation: last.incarnation, events, asOf: head.wall };
}
