/**
 * `shoppers.db`: the one place where a pseudonym that devices say meets the keyed one that is journaled. It is apart
 * from journal.db because that is copied: into backups, before migrations, when it is damaged. Who is erased here is
 * erased in all those copies, for what they hold under a keyed pseudonym leads to nobody any more.
 *
 * It also holds the latest word on consent, which no restored backup may take back. The journal follows: both are
 * written for one commit of the writer, this one first, and what a crash between the two left out is journaled at the
 * next start (`generation` tells whether there is anything).
 */
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SQLite, { type Database, type Statement } from 'better-sqlite3';
import { isDamage } from '../contracts/errors.ts';
import { crockfordOfBytes } from '../contracts/ids.ts';

export const SHOPPERS_FILE = 'shoppers.db';

const KEYED_LENGTH = 26;
const KEY_BYTES = 32;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS shoppers (
  keyed TEXT PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, key BLOB NOT NULL, granted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO meta (id, generation) VALUES (1, 0);
`;

export interface KnownShopper {
  /** Keyed pseudonym. */
  readonly shopper: string;
  readonly granted: boolean;
}

export class ShopperKeys {
  readonly #db: Database;
  readonly #byName: Statement;
  readonly #byKeyed: Statement;
  readonly #insert: Statement;
  readonly #grant: Statement;
  readonly #delete: Statement;
  readonly #all: Statement;
  #generation = 0;
  /** It could not be read, and began anew: nobody's consent is known any more. */
  readonly lost: boolean;

  /** Throws SQLite's errors, except damage: a damaged file is removed, which forgets everybody. */
  constructor(dataDir: string) {
    const file = join(dataDir, SHOPPERS_FILE);
    let db: Database;
    let lost = false;
    try {
      db = opened(file);
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
      db = opened(file);
      lost = true;
    }
    this.lost = lost;
    this.#db = db;
    this.#byName = db.prepare('SELECT keyed, granted FROM shoppers WHERE pseudonym = ?');
    this.#byKeyed = db.prepare('SELECT pseudonym, granted FROM shoppers WHERE keyed = ?');
    this.#insert = db.prepare('INSERT INTO shoppers (keyed, pseudonym, key, granted) VALUES (?, ?, ?, ?)');
    this.#grant = db.prepare('UPDATE shoppers SET granted = ? WHERE keyed = ?');
    this.#delete = db.prepare('DELETE FROM shoppers WHERE keyed = ?');
    this.#all = db.prepare('SELECT keyed, granted FROM shoppers');
    this.#generation = this.#readGeneration();
  }

  /** By the pseudonym that a device said. */
  find(pseudonym: string): KnownShopper | undefined {
    const row = this.#byName.get(pseudonym) as { keyed: string; granted: number } | undefined;
    return row && { shopper: row.keyed, granted: row.granted === 1 };
  }

  /** Whether a keyed pseudonym's person has granted consent. */
  consented(shopper: string): boolean {
    return (this.#byKeyed.get(shopper) as { granted: number } | undefined)?.granted === 1;
  }

  /** The pseudonym that devices know; nothing once it is erased. */
  pseudonymOf(shopper: string): string | undefined {
    return (this.#byKeyed.get(shopper) as { pseudonym: string } | undefined)?.pseudonym;
  }

  /** Consent was granted or withdrawn; a withdrawal of somebody unknown leaves nothing. Pending until `flush`. */
  tell(pseudonym: string, granted: boolean): KnownShopper | undefined {
    const known = this.find(pseudonym);
    if (known?.granted === granted || (!known && !granted)) return known;
    this.#begin();
    if (known) {
      this.#grant.run(granted ? 1 : 0, known.shopper);
      return { shopper: known.shopper, granted };
    }
    const key = randomBytes(KEY_BYTES);
    const digest = createHmac('sha256', key).update(pseudonym).digest();
    const shopper = crockfordOfBytes(digest, KEYED_LENGTH);
    this.#insert.run(shopper, pseudonym, key, 1);
    return { shopper, granted };
  }

  /** Everybody known. */
  all(): KnownShopper[] {
    return (this.#all.all() as { keyed: string; granted: number }[]).map(({ keyed, granted }) => ({
      shopper: keyed,
      granted: granted === 1,
    }));
  }

  /** Counts the commits: a journal that has not seen this number has something to catch up with. */
  get generation(): number {
    return this.#generation;
  }

  /** Commits what is pending: just before the journal's own commit. Throws SQLite's errors. */
  flush(): void {
    if (this.#db.inTransaction) this.#db.exec('COMMIT');
  }

  /** Forgets what is pending. */
  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#generation = this.#readGeneration();
  }

  /** Destroys keys and pseudonyms, and leaves no copy in the file or its log. After the journal's commit. */
  destroy(shoppers: readonly string[]): void {
    if (shoppers.length === 0) return;
    this.#begin();
    for (const shopper of shoppers) this.#delete.run(shopper);
    this.#db.exec('COMMIT');
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#db.close();
  }

  #begin(): void {
    if (this.#db.inTransaction) return;
    this.#db.exec('BEGIN IMMEDIATE; UPDATE meta SET generation = generation + 1');
    this.#generation += 1;
  }

  #readGeneration(): number {
    return (this.#db.prepare('SELECT generation FROM meta').get() as { generation: number }).generation;
  }
}

function opened(file: string): Database {
  const db = new SQLite(file);
  try {
    // Its log takes the same rights.
    chmodSync(file, 0o600);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // What is deleted is overwritten: a key must not lie on in a free page.
    db.pragma('secure_delete = ON');
    db.exec(SCHEMA);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
