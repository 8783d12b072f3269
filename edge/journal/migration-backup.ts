/**
 * Before a migration the journal is kept as it was, beside itself: `journal.db.before-<new schema>`. It is a backup that
 * `restore` takes, with the older version or with this one. It stays until the next migration.
 */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { HubError, messageOf } from '../contracts/errors.ts';
import { belongLikeFolder, syncPath } from './durable-file.ts';
import { SCHEMA_VERSION } from './migrations.ts';

const NAME = /^journal\.db\.before-\d+(\.part(-journal)?)?$/;

/** For an open journal that an older version wrote; nothing for a new one. Throws NOT_STORED, and SQLite's errors for damage. */
export function backUpBeforeMigration(db: Database, dataDir: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version === 0 || version >= SCHEMA_VERSION) return;
  const name = `journal.db.before-${SCHEMA_VERSION}`;
  const part = join(dataDir, `${name}.part`);
  rmSync(part, { force: true });
  try {
    db.prepare('VACUUM INTO ?').run(part);
    belongLikeFolder(part);
    syncPath(part);
  } catch (error) {
    rmSync(part, { force: true });
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL') {
      const why = `no room for a copy of the journal before it is brought from schema ${version} to ${SCHEMA_VERSION}`;
      throw new HubError('NOT_STORED', `${why}: ${messageOf(error)}`, { cause: error });
    }
    throw error;
  }
  renameSync(part, join(dataDir, name));
  for (const other of readdirSync(dataDir)) {
    if (other !== name && NAME.test(other)) rmSync(join(dataDir, other), { force: true });
  }
  syncPath(dataDir);
}
