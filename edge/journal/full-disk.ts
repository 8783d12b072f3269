/**
 * A disk that others have filled. The hub keeps a file of its own there, the ballast, as large as what the write-ahead
 * log may still have to bring into the database, and lets go of it when the disk is full: then the log can be brought
 * in and written anew in its own place. So what is small and matters still gets through (what head office acknowledges,
 * what staff do, due alerts), and once head office has taken something, new facts find room in the pages that become
 * free, although the disk is still full. Without it the hub could not even note that it may forget something.
 *
 * Facts are refused while there is no room for them; devices keep them.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { autocheckpoint, checkpoint, type Database, JOURNAL_FILE, openForWriting, walBytesOf } from './database.ts';
import { DISK_FULL, rmQuietly, whyNoWrites } from './disk-faults.ts';

const BALLAST_FILE = 'ballast';

/** The log is brought in after so many bytes then, and facts need as much of free pages. */
const SMALL_LOG = 1024 * 1024;
const LOOK_MS = 200;

export class FullDisk {
  readonly #db: Database;
  readonly #dataDir: string;
  readonly #wal: string;
  readonly #bytes: number;
  readonly #smallLog: number;
  readonly #freePages: Statement;
  readonly #pageBytes: number;
  #full = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #room = true;

  constructor(db: Database, dataDir: string, budget: number) {
    this.#db = db;
    this.#dataDir = dataDir;
    this.#wal = join(dataDir, `${JOURNAL_FILE}-wal`);
    this.#bytes = walBytesOf(budget);
    this.#smallLog = Math.min(SMALL_LOG, this.#bytes);
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck();
    this.#pageBytes = Number(db.pragma('page_size', { simple: true }));
  }

  /** Puts the ballast there when there is room for it twice. */
  start(): void {
    // A shorter one is what a crash or another budget has left.
    if (this.#ballastBytes() >= this.#bytes || this.#free() < 2 * this.#bytes) return;
    placeBallast(this.#dataDir, this.#bytes);
  }

  /** The disk is full, and the hub lives on what the ballast has left. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Free pages that facts need before they are taken: room for as much as the log may grow. */
  get wantsPages(): boolean {
    return this.#full && this.#freeBytes() < 2 * this.#smallLog;
  }

  /** A write found the disk full. Whether something could be done about it. Outside a transaction. */
  met(): boolean {
    const had = releaseBallast(this.#dataDir);
    const first = !this.#full;
    this.#full = true;
    this.#room = false;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    if (first) autocheckpoint(this.#db, this.#smallLog);
    try {
      checkpoint(this.#db, 'RESTART');
    } catch (error) {
      // The database itself cannot grow either: what is in the log stays there.
      if (whyNoWrites(this.#dataDir) === undefined) throw error;
    }
    return had || first;
  }

  /** Why facts cannot be stored now, if so. Sees by itself when there is room again. Monotonic ms. */
  refusal(now: number): string | undefined {
    if (!this.#full) return undefined;
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now);
    return this.#full && !this.#room ? DISK_FULL : undefined;
  }

  #look(now: number): void {
    this.#lookedAt = now;
    const free = this.#free();
    const log = statSync(this.#wal, { throwIfNoEntry: false })?.size ?? 0;
    this.#room = this.#freeBytes() >= this.#smallLog && free + log >= 2 * this.#smallLog;
    if (free < 2 * this.#bytes) return;
    placeBallast(this.#dataDir, this.#bytes);
    autocheckpoint(this.#db, this.#bytes);
    this.#full = false;
  }

  #freeBytes(): number {
    return Number(this.#freePages.get()) * this.#pageBytes;
  }

  #free(): number {
    return freeBytesOf(this.#dataDir);
  }

  #ballastBytes(): number {
    return statSync(join(this.#dataDir, BALLAST_FILE), { throwIfNoEntry: false })?.size ?? 0;
  }
}

/** Lets go of it: at a start on a full disk there is no other room. Whether there was one. */
export function releaseBallast(dataDir: string): boolean {
  const file = join(dataDir, BALLAST_FILE);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return false;
  rmSync(file, { force: true });
  return true;
}

/** Others may take the room meanwhile: then there is none. */
function placeBallast(dataDir: string, bytes: number): void {
  const file = join(dataDir, BALLAST_FILE);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'w', 0o640);
    // Not zeros by chance of a sparse file: the blocks must really be taken.
    const part = Buffer.alloc(64 * 1024, 0x5a);
    for (let written = 0; written < bytes; written += part.length) writeSync(descriptor, part);
    fsyncSync(descriptor);
  } catch {
    rmQuietly(file);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** What is left for us on the file system, bytes. */
function freeBytesOf(dataDir: string): number {
  const { bavail, bsize } = statfsSync(dataDir);
  return bavail * bsize;
}

/** Throws what opening the journal throws; on a full disk it is tried again without the ballast. */
export function openWithBallast(dataDir: string, diskBudget: number): Database {
  try {
    return openForWriting(dataDir, diskBudget);
  } catch (error) {
    if (whyNoWrites(dataDir) !== DISK_FULL || !releaseBallast(dataDir)) throw error;
    return openForWriting(dataDir, diskBudget);
  }
}
