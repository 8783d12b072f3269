/**
 * `shoppers.db`: the one place where a pseudonym that devices say meets the keyed one that is journaled. It is apart
 * from journal.db because that is copied: into backups, before migrations, when it is damaged. Who is erased here is
 * erased in all those copies, for what they hold under a keyed pseudonym leads to nobody any more.
 *
 * It also holds the latest word on consent, which no restored backup may take back. The journal follows: both are
 * written for one commit of the writer, this one first, and what a crash between the two left out is journaled at the
 * next start (`generation` tells whether there is anything).
 *
 * Who withdrew stays here for a while, for the refunds of what they bought with offers (`ended` is when that was dated).
 * Of who is erased the keyed pseudonym alone stays, so that a restored journal can be told again.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import SQLite, { type Database, type Statement } from 'better-sqlite3';
import { HubError, isDamage } from '../contracts/errors.ts';
import { crockfordOfBytes } from '../contracts/ids.ts';

export const SHOPPERS_FILE = 'shoppers.db';

const KEYED_LENGTH = 26;
const KEY_BYTES = 32;
/** Nobody else reads the file; who does all the same is waited for so long. */
const READER_MS = 250;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS shoppers (
  keyed TEXT PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, key BLOB NOT NULL, granted INTEGER NOT NULL, ended INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (keyed TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO meta (id, generation) VALUES (1, 0);
`;

/** Elapsed ms; null: not dated yet, or there is consent. */
const ENDED = 'ALTER TABLE shoppers ADD COLUMN ended INTEGER';
const WITHDRAWN = 'CREATE INDEX IF NOT EXISTS withdrawn ON shoppers (ended) WHERE granted = 0';

export interface KnownShopper {
  /** Keyed pseudonym. */
  readonly shopper: string;
  readonly granted: boolean;
}

export class ShopperKeys {
  readonly #file: string;
  readonly #db: Database;
  readonly #byName: Statement;
  readonly #byKeyed: Statement;
  readonly #insert: Statement;
  readonly #grant: Statement;
  readonly #undated: Statement;
  readonly #date: Statement;
  readonly #dated: Statement;
  readonly #delete: Statement;
  readonly #noteErased: Statement;
  readonly #all: Statement;
  readonly #allErased: Statement;
  readonly #lists: Readonly<Record<'granted' | 'withdrawn' | 'erased', Statement>>;
  #generation = 0;
  /** The log may still hold what was deleted. */
  #unwiped: boolean;
  /** It could not be read, and began anew: nobody's consent is known any more. */
  readonly lost: boolean;

  /** Throws SQLite's errors, except damage: a damaged file is removed, which forgets everybody. */
  constructor(dataDir: string) {
    this.#file = join(dataDir, SHOPPERS_FILE);
    let db: Database;
    let lost = false;
    // What a crash has left in the log may hold what was deleted before it.
    this.#unwiped = sizeOf(`${this.#file}-wal`) > 0;
    try {
      db = opened(this.#file);
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const suffix of ['', '-wal', '-shm']) rmSync(this.#file + suffix, { force: true });
      db = opened(this.#file);
      lost = true;
    }
    this.lost = lost;
    this.#db = db;
    this.#byName = db.prepare('SELECT keyed, granted FROM shoppers WHERE pseudonym = ?');
    this.#byKeyed = db.prepare('SELECT pseudonym, granted FROM shoppers WHERE keyed = ?');
    this.#insert = db.prepare('INSERT INTO shoppers (keyed, pseudonym, key, granted) VALUES (?, ?, ?, ?)');
    this.#grant = db.prepare('UPDATE shoppers SET granted = ?, ended = NULL WHERE keyed = ?');
    this.#undated = db.prepare(
      'SELECT keyed FROM shoppers WHERE granted = 0 AND ended IS NULL UNION ALL SELECT keyed FROM shoppers WHERE granted = 0 AND ended > ? LIMIT ?',
    );
    this.#date = db.prepare('UPDATE shoppers SET ended = ? WHERE keyed = ?');
    this.#dated = db.prepare('SELECT keyed FROM shoppers WHERE granted = 0 AND ended <= ? ORDER BY ended LIMIT ?');
    this.#delete = db.prepare('DELETE FROM shoppers WHERE keyed = ?');
    this.#noteErased = db.prepare('INSERT OR IGNORE INTO erased (keyed) VALUES (?)');
    this.#all = db.prepare('SELECT keyed, granted FROM shoppers');
    this.#allErased = db.prepare('SELECT keyed FROM erased').pluck();
    const list = (table: string): Statement =>
      db.prepare(`SELECT coalesce(group_concat(keyed, ''), '') FROM (SELECT keyed FROM ${table} ORDER BY keyed)`);
    this.#lists = {
      granted: list('shoppers WHERE granted = 1'),
      withdrawn: list('shoppers WHERE granted = 0'),
      erased: list('erased'),
    };
    this.#generation = this.#readGeneration();
  }

  /** By the pseudonym that a device said. */
  find(pseudonym: string): KnownShopper | undefined {
    const row = sound(() => this.#byName.get(pseudonym)) as { keyed: string; granted: number } | undefined;
    return row && { shopper: row.keyed, granted: row.granted === 1 };
  }

  /** Whether a keyed pseudonym leads to anybody. */
  knows(shopper: string): boolean {
    return this.#of(shopper) !== undefined;
  }

  /** Whether a keyed pseudonym's person has granted consent. */
  consented(shopper: string): boolean {
    return this.#of(shopper)?.granted === 1;
  }

  /** The pseudonym that devices know; nothing once it is erased. */
  pseudonymOf(shopper: string): string | undefined {
    return this.#of(shopper)?.pseudonym;
  }

  /** Consent was granted or withdrawn; a withdrawal of somebody unknown leaves nothing. Pending until `flush`. */
  tell(pseudonym: string, granted: boolean): KnownShopper | undefined {
    const known = this.find(pseudonym);
    if (known?.granted === granted || (!known && !granted)) return known;
    if (known) {
      this.set(known.shopper, granted);
      return { shopper: known.shopper, granted };
    }
    const key = randomBytes(KEY_BYTES);
    const digest = createHmac('sha256', key).update(pseudonym).digest();
    const shopper = crockfordOfBytes(digest, KEYED_LENGTH);
    this.#change(() => this.#insert.run(shopper, pseudonym, key, 1));
    return { shopper, granted };
  }

  /** The same by the keyed pseudonym of somebody known. Pending until `flush`. */
  set(shopper: string, granted: boolean): void {
    this.#change(() => this.#grant.run(granted ? 1 : 0, shopper));
  }

  /** Deletes key and pseudonym. Pending until `flush`; `wipe` takes the last copy out of the log. */
  erase(shopper: string): void {
    this.#change(() => {
      this.#delete.run(shopper);
      this.#noteErased.run(shopper);
    });
    this.#unwiped = true;
  }

  /**
   * Dates the ends of consent that are not dated yet, at most so many. A date after now is of another journal's clock,
   * and counts from now. Elapsed ms. Pending until `flush`.
   */
  dateEnds(elapsed: number, most: number): void {
    const undated = sound(() => this.#undated.pluck().all(elapsed, most)) as string[];
    for (const shopper of undated) this.#change(() => this.#date.run(elapsed, shopper));
  }

  /** Whose consent has ended before a moment (elapsed ms), at most so many. */
  endedBefore(elapsed: number, most: number): string[] {
    return sound(() => this.#dated.pluck().all(elapsed, most)) as string[];
  }

  /** Everybody known. */
  all(): KnownShopper[] {
    return (sound(() => this.#all.all()) as { keyed: string; granted: number }[]).map(({ keyed, granted }) => ({
      shopper: keyed,
      granted: granted === 1,
    }));
  }

  /** Keyed pseudonyms of some, in their order, as one text: cheap to compare where there are many. */
  list(which: 'granted' | 'withdrawn' | 'erased'): string {
    return sound(() => this.#lists[which].pluck().get()) as string;
  }

  /** Keyed pseudonyms of everybody who was erased. */
  erased(): string[] {
    return sound(() => this.#allErased.all()) as string[];
  }

  /** Counts the commits: a journal that has not seen this number has something to catch up with. */
  get generation(): number {
    return this.#generation;
  }

  /** Something is said that is not on disk yet. */
  get isPending(): boolean {
    return this.#db.inTransaction;
  }

  /** Commits what is pending: just before the journal's own commit. Throws SQLite's errors. */
  flush(): void {
    if (this.#db.inTransaction) sound(() => this.#db.exec('COMMIT'));
  }

  /** Forgets what is pending. */
  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#generation = this.#readGeneration();
  }

  /** The log may still hold what was deleted: `wipe`. */
  get isUnwiped(): boolean {
    return this.#unwiped;
  }

  /** Leaves no copy of what was deleted, neither in the file nor in its log. Throws when that cannot be done now. */
  wipe(): void {
    if (!this.#unwiped) return;
    const [done] = sound(() => this.#db.pragma('wal_checkpoint(TRUNCATE)')) as { busy: number }[];
    if (done?.busy !== 0 || sizeOf(`${this.#file}-wal`) > 0) throw new Error(`somebody else reads ${SHOPPERS_FILE}`);
    this.#unwiped = false;
  }

  close(): void {
    this.#db.close();
  }

  #of(shopper: string): { pseudonym: string; granted: number } | undefined {
    return sound(() => this.#byKeyed.get(shopper)) as { pseudonym: string; granted: number } | undefined;
  }

  #change(write: () => unknown): void {
    sound(() => {
      if (!this.#db.inTransaction) {
        this.#db.exec('BEGIN IMMEDIATE; UPDATE meta SET generation = generation + 1');
        this.#generation += 1;
      }
      write();
    });
  }

  #readGeneration(): number {
    return sound(() => this.#db.prepare('SELECT generation FROM meta').pluck().get()) as number;
  }
}

/** Damage found on use is not the journal's: the next start begins this file anew. */
function sound<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new HubError('SHOPPERS_DAMAGED', `${SHOPPERS_FILE} is damaged`, { cause: error });
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function opened(file: string): Database {
  // From the first moment on nobody else may read it; its log takes the same rights.
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const db = new SQLite(file, { timeout: READER_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // What is deleted is overwritten: a key must not lie on in a free page.
    db.pragma('secure_delete = ON');
    const fault = db.pragma('quick_check(1)', { simple: true });
    if (fault !== 'ok') throw Object.assign(new Error(String(fault)), { code: 'SQLITE_CORRUPT' });
    db.exec(SCHEMA);
    const columns = db.pragma('table_info(shoppers)') as { name: string }[];
    if (!columns.some(({ name }) => name === 'ended')) db.exec(ENDED);
    db.exec(WITHDRAWN);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
