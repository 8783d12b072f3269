/**
 * `restore`: a backup becomes the journal. The copy is checked and gets its new incarnation before it takes the
 * journal's place; what was there is set aside, never deleted.
 *
 * Why a new incarnation: after the backup was made the hub went on giving out identities, and head office may hold
 * them. Every row in the backup keeps its identity: what head office has of them counts as acknowledged, the others go
 * up as they are; everything that is journaled from now on is of the new incarnation. The incarnations that the present
 * journal had opened meanwhile are taken over into the chain, so that head office's position is one this journal knows.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import SQLite from 'better-sqlite3';
import { HubError, messageOf } from '../contracts/errors.ts';
import { writeWords } from '../contracts/file-words.ts';
import { STREAMS } from '../contracts/streams.ts';
import { at, merge, type Vector } from '../contracts/vector.ts';
import { contentOf, faultsOf } from './backup.ts';
import { checkpoint, type Database, JOURNAL_FILE, lockDataDir } from './database.ts';
import { belongLikeFolder, syncPath } from './durable-file.ts';
import { ElapsedClock } from './elapsed-clock.ts';
import { EventLog } from './event-log.ts';
import { asideName, dropUnfinished, exchange, finishExchange, newJournalFile } from './exchange.ts';
import {
  type ChainLink,
  type Identity,
  identityOf,
  keepIdentity,
  missingLinks,
  readIdentity,
} from './identity-file.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { DAMAGE_NOTE } from './salvage.ts';
import { readWal } from './wal-file.ts';

export interface RestoreReport {
  readonly hub: string;
  readonly file: string;
  readonly events: number;
  /** The last commit in the backup, epoch ms. */
  readonly asOf: number;
  /** The new incarnation. */
  readonly incarnation: string;
  /** Where the journal that was there is now; absent when there was none. */
  readonly aside?: string;
  /** What belongs to it because its log could not be brought in: keep these files with it. */
  readonly sideFiles?: readonly string[];
  /** Events that head office had not acknowledged and that only the journal set aside holds; absent when it cannot be read. */
  readonly leftBehind?: number;
}

/** What the journal that is replaced says of itself, as far as it can be read. */
interface Present {
  readonly identity: Identity;
  readonly acked: { readonly incarnation: string; readonly acked: string } | undefined;
  readonly heads: Vector;
}

/**
 * Throws JOURNAL_LOCKED (the edge runs), BACKUP_UNUSABLE, JOURNAL_OTHER_HUB, JOURNAL_NEWER, BACKUP_FAILED. Epoch ms.
 */
export async function restore(dataDir: string, hub: string, source: string, now: number): Promise<RestoreReport> {
  const file = resolve(source);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new HubError('BACKUP_UNUSABLE', `there is no file ${file}`);
  }
  const unlock = lockDataDir(dataDir);
  try {
    belongLikeFolder(join(dataDir, 'edge.lock'));
    finishExchange(dataDir);
    dropUnfinished(dataDir);
    await copyBackup(dataDir, file);
    const { identity, ...content } = prepare(dataDir, hub, file, now);
    const made = newJournalFile(dataDir);
    belongLikeFolder(made);
    syncPath(made);
    const there = statSync(join(dataDir, JOURNAL_FILE), { throwIfNoEntry: false }) !== undefined;
    if (there) bringLogIn(dataDir);
    const aside = join(dataDir, asideName(dataDir, 'replaced', now));
    exchange(dataDir, basename(aside), DAMAGE_NOTE);
    // Not before: an incarnation that never came to be must not be remembered as one.
    if (identity) keepIdentity(dataDir, identity);
    if (!there) return { file, ...content };
    const hasLog = (statSync(`${aside}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const sideFiles = ['-wal', '-shm'].map((suffix) => aside + suffix).filter((path) => existsSync(path));
    return { file, ...content, aside, ...(hasLog && { sideFiles }) };
  } catch (error) {
    dropUnfinished(dataDir);
    if (error instanceof HubError) throw error;
    throw new HubError('BACKUP_FAILED', `${file} could not be restored: ${writeWords(error)}`, { cause: error });
  } finally {
    unlock();
  }
}

/** What is set aside should be one file. A damaged journal stays as it is: SQLite would forget what it cannot read. */
function bringLogIn(dataDir: string): void {
  const journal = join(dataDir, JOURNAL_FILE);
  if (existsSync(join(dataDir, DAMAGE_NOTE)) || readWal(`${journal}-wal`)?.damage !== undefined) return;
  let db: Database | undefined;
  try {
    db = new SQLite(journal, { fileMustExist: true });
    checkpoint(db, 'TRUNCATE');
  } catch (error) {
    // Restoring is what mends it: the report names what is to be kept.
    if (!(error instanceof SQLite.SqliteError)) throw error;
  } finally {
    db?.close();
  }
}

async function copyBackup(dataDir: string, file: string): Promise<void> {
  const sideFiles = ['-wal', '-shm'].map((suffix) => file + suffix);
  const strangers = sideFiles.filter((path) => !statSync(path, { throwIfNoEntry: false }));
  let db: Database | undefined;
  try {
    db = new SQLite(file, { readonly: true, fileMustExist: true });
    db.prepare('SELECT count(*) FROM sqlite_master').get();
  } catch (error) {
    db?.close();
    throw new HubError('BACKUP_UNUSABLE', `${file} cannot be read as a database: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    await db.backup(newJournalFile(dataDir), { progress: () => 4096 });
  } finally {
    db.close();
    for (const path of strangers) rmSync(path, { force: true });
  }
}

/** The copy is checked, brought up to date, and given its incarnation. */
function prepare(
  dataDir: string,
  hub: string,
  file: string,
  now: number,
): Omit<RestoreReport, 'file' | 'aside'> & { identity: Identity | undefined } {
  const db = new SQLite(newJournalFile(dataDir));
  try {
    db.pragma('journal_mode = DELETE');
    db.pragma('synchronous = FULL');
    const { events, asOf } = soundContent(db, hub, file);
    migrate(db);
    const present = readPresent(dataDir, hub);
    const leftBehind = present && countLeftBehind(db, present);
    const incarnation = db.transaction(() => openRestored(db, present, now)).immediate();
    db.pragma('journal_mode = WAL');
    const identity = identityOf(db);
    return { identity, hub, events, asOf, incarnation, ...(leftBehind === undefined ? {} : { leftBehind }) };
  } finally {
    db.close();
  }
}

function soundContent(db: Database, hub: string, file: string): { events: number; asOf: number } {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_VERSION) {
    throw new HubError('JOURNAL_NEWER', `${file} has schema ${version}, this version knows ${SCHEMA_VERSION}`);
  }
  let content: ReturnType<typeof contentOf>;
  try {
    const [fault] = faultsOf(db);
    if (fault !== undefined) throw new HubError('BACKUP_UNUSABLE', `${file} is damaged: ${fault}`);
    content = contentOf(db);
  } catch (error) {
    if (error instanceof HubError) throw error;
    const what = codeOf(error).startsWith('SQLITE_CORRUPT') ? 'is damaged' : 'is no journal of a store hub';
    throw new HubError('BACKUP_UNUSABLE', `${file} ${what}: ${messageOf(error)}`, { cause: error });
  }
  if (content.hub !== hub) {
    throw new HubError(
      'JOURNAL_OTHER_HUB',
      `${file} is a backup of hub ${content.hub}, the configuration says ${hub}: nothing was changed`,
    );
  }
  return content;
}

/** The journal that is there, or, when it cannot be read, what was kept beside it. */
function readPresent(dataDir: string, hub: string): Partial<Present> | undefined {
  let db: Database | undefined;
  try {
    db = new SQLite(join(dataDir, JOURNAL_FILE), { readonly: true, fileMustExist: true });
    const identity = identityOf(db);
    if (!identity || identity.hub !== hub) return undefined;
    const acked = db.prepare('SELECT incarnation, acked FROM replication').get() as Present['acked'];
    const head = db.prepare('SELECT streams FROM head').get() as { streams: string };
    return { identity, acked, heads: JSON.parse(head.streams) as Vector };
  } catch {
    const identity = readIdentity(dataDir);
    return identity?.hub === hub ? { identity } : undefined;
  } finally {
    db?.close();
  }
}

/**
 * Extends the chain by what the present journal opened since, then opens the new incarnation. What the present journal
 * knew of head office's position is taken over: restored rows that are there already do not wait again.
 */
function openRestored(db: Database, present: Partial<Present> | undefined, now: number): string {
  const log = new EventLog(db);
  const saved = log.load();
  const clock = new ElapsedClock({ wall: () => now, monotonic: () => 0 }, saved).now();
  const own = identityOf(db)?.chain ?? [];
  const taken = missingLinks(own, present?.identity?.chain ?? []);
  const restoredHeads = log.heads();
  if (taken.length > 0) addLinks(db, own.length, taken, restoredHeads);
  log.load();
  const lastKnown = taken.length > 0 ? (present?.heads ?? {}) : restoredHeads;
  const incarnation = log.openIncarnation('restore', clock, {
    lastKnown: replicated(lastKnown),
    adoptRows: () => undefined,
  });
  log.flush(clock);
  takeOverAcked(db, present?.acked);
  db.prepare('UPDATE replication SET reserved = NULL').run();
  // Clients went on since the backup: an old handshake would swallow a new publish, old messages would come twice.
  db.exec('DELETE FROM handshakes; DELETE FROM queued');
  return incarnation;
}

/** The later of what the backup and the present journal were told; head office only ever moves forward. */
function takeOverAcked(db: Database, acked: Present['acked']): void {
  const ordinalOf = (incarnation: string | undefined): number =>
    (db
      .prepare('SELECT ordinal FROM incarnations WHERE incarnation = ?')
      .pluck()
      .get(incarnation ?? '') as number) ?? 0;
  const own = db.prepare('SELECT incarnation, acked FROM replication').get() as Present['acked'];
  if (!acked || ordinalOf(acked.incarnation) < ordinalOf(own?.incarnation)) return;
  const same = own?.incarnation === acked.incarnation;
  const vector = same
    ? merge(JSON.parse(own.acked) as Vector, JSON.parse(acked.acked) as Vector, 'max')
    : (JSON.parse(acked.acked) as Vector);
  db.prepare(
    `INSERT INTO replication (id, incarnation, acked) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET incarnation = excluded.incarnation, acked = excluded.acked`,
  ).run(acked.incarnation, JSON.stringify(vector));
}

/** Incarnations without rows here. The first of them ended the one that the backup was made in: at the backup's heads. */
function addLinks(db: Database, ordinal: number, links: readonly ChainLink[], heads: Vector): void {
  const insert = db.prepare(
    'INSERT INTO incarnations (ordinal, incarnation, previous, created, reason, last_known) VALUES (?, ?, ?, ?, ?, ?)',
  );
  for (const [index, { incarnation, previous, created, reason, last_known }] of links.entries()) {
    const ended = index === 0 ? JSON.stringify(heads) : last_known;
    insert.run(ordinal + index + 1, incarnation, previous, created, reason, ended);
  }
}

function replicated(heads: Vector): Vector {
  return Object.fromEntries(
    STREAMS.filter((stream) => at(heads, stream) > 0).map((stream) => [stream, at(heads, stream)]),
  );
}

/** Events of the journal that is set aside which neither head office acknowledged nor the backup holds. */
function countLeftBehind(db: Database, present: Partial<Present>): number | undefined {
  const { identity, heads, acked } = present;
  const own = identityOf(db)?.chain ?? [];
  if (!identity || !heads) return undefined;
  const restored = new EventLog(db);
  restored.load();
  let left = 0;
  for (const [index, { incarnation }] of identity.chain.entries()) {
    const next = identity.chain[index + 1];
    const end = next ? (JSON.parse(next.last_known) as Vector) : heads;
    const ackedIndex = identity.chain.findIndex((link) => link.incarnation === acked?.incarnation);
    const sent = ackedIndex > index ? end : ackedIndex === index ? (JSON.parse(acked?.acked ?? '{}') as Vector) : {};
    const position = own.findIndex((link) => link.incarnation === incarnation);
    const last = own.at(-1)?.incarnation === incarnation;
    const held = last ? restored.heads() : position === -1 ? {} : end;
    for (const stream of STREAMS) left += Math.max(0, at(end, stream) - Math.max(at(sent, stream), at(held, stream)));
  }
  return left;
}

function codeOf(error: unknown): string {
  return error instanceof SQLite.SqliteError ? error.code : '';
}
