/**
 * Salvage: a damaged journal is set aside, and what can be read of it becomes a new one.
 *
 * What can be read is copied (salvage-copy.ts), and what head office will never get is noted (salvage-losses.ts). Then
 * a new incarnation opens: nobody can be sure which identities were given out last.
 *
 * The new database is complete and synced before it takes the old one's place (exchange.ts); until then a crash leaves
 * the damaged one and the note that it is damaged, and the next start begins again.
 */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { HubError, messageOf } from '../contracts/errors.ts';
import { type Database, PAGE_BYTES } from './database.ts';
import { hasNoRoom } from './disk-faults.ts';
import { belongLikeFolder, syncPath } from './durable-file.ts';
import { ElapsedClock } from './elapsed-clock.ts';
import { EventLog } from './event-log.ts';
import { asideName, dropUnfinished, exchange, newJournalFile } from './exchange.ts';
import { releaseBallast } from './full-disk.ts';
import { type Identity, identityOf, keepIdentity, readIdentity } from './identity-file.ts';
import { migrate } from './migrations.ts';
import { type Filled, SalvageCopy } from './salvage-copy.ts';
import { writeRecords } from './salvage-records.ts';
import { forgetDamaged } from './set-aside.ts';

export interface SalvageReport extends Filled {
  /** What made the hub look: an error of SQLite, or what the check found. */
  readonly cause: string;
  /** Where the damaged file is now. */
  readonly aside: string;
  readonly reason: 'salvage' | 'lost';
  readonly incarnation: string;
}

/** In the table `meta`: a salvage that staff have not been told of yet. */
export const SALVAGED_KEY = 'salvaged';
/** There, too: the newest one that they have been told of. */
export const LAST_SALVAGE_KEY = 'last_salvage';

/**
 * Epoch ms. Throws JOURNAL_OTHER_HUB, and NOT_STORED when there is no room for the new database, not even without what
 * head office has. When what is there cannot be salvaged for any other reason, the journal begins empty.
 */
export function salvage(dataDir: string, hub: string, cause: string, now: number): SalvageReport {
  const aside = asideName(dataDir, 'damaged', now);
  const found = { cause, aside: join(dataDir, aside) };
  const attempt = (of: typeof found, fill: (into: Database) => Filled): Built => build(dataDir, hub, now, of, fill);
  let report: SalvageReport & Pick<Built, 'identity'>;
  try {
    report = {
      ...found,
      ...thriftily(dataDir, (isThrifty) =>
        attempt(found, (into) => new SalvageCopy(into, dataDir, hub, isThrifty).fill()),
      ),
    };
  } catch (error) {
    if (error instanceof HubError) throw error;
    if (hasNoRoom(error, dataDir)) {
      dropUnfinished(dataDir);
      throw new HubError('NOT_STORED', `the journal is damaged (${cause}), and there is no room to salvage it`, {
        cause: error,
      });
    }
    const again = { ...found, cause: `${cause}; it could not be salvaged: ${messageOf(error)}` };
    report = { ...again, ...attempt(again, (into) => beginEmpty(into, dataDir, hub)) };
  }
  exchange(dataDir, aside, DAMAGE_NOTE);
  const { identity, ...said } = report;
  // Not before: an incarnation that never came to be must not be remembered as one.
  if (identity) keepIdentity(dataDir, identity);
  forgetDamaged(dataDir, KEPT_DAMAGED, aside);
  return said;
}

/** Without room for everything: without the damaged journals of earlier times, and without what head office has. */
function thriftily(dataDir: string, attempt: (isThrifty: boolean) => Built): Built {
  try {
    return attempt(false);
  } catch (error) {
    if (error instanceof HubError || !hasNoRoom(error, dataDir)) throw error;
  }
  forgetDamaged(dataDir, 0);
  releaseBallast(dataDir);
  return attempt(true);
}

/** The file that says that the journal is damaged, until it is mended. */
export const DAMAGE_NOTE = 'journal.damaged';

/** Damaged journals that stay beside the salvaged one. */
const KEPT_DAMAGED = 2;

type Built = Omit<SalvageReport, 'cause' | 'aside'> & { readonly identity: Identity | undefined };

function build(
  dataDir: string,
  hub: string,
  now: number,
  found: Pick<SalvageReport, 'cause' | 'aside'>,
  fill: (into: Database) => Filled,
): Built {
  dropUnfinished(dataDir);
  const file = newJournalFile(dataDir);
  const db = new SQLite(file);
  try {
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    // Rows come in the order of the damaged file's pages, not in their own.
    db.pragma('cache_size = -65536');
    migrate(db);
    const done = db.transaction(() => finish(db, hub, now, found, fill(db))).immediate();
    db.pragma('journal_mode = WAL');
    const identity = identityOf(db);
    db.close();
    belongLikeFolder(file);
    syncPath(file);
    return { ...done, identity };
  } finally {
    db.close();
  }
}

/** Opens the new incarnation over what was filled in, and leaves word for staff. */
function finish(
  db: Database,
  hub: string,
  now: number,
  found: Pick<SalvageReport, 'cause' | 'aside'>,
  filled: Filled,
): Omit<SalvageReport, 'cause' | 'aside'> {
  const log = new EventLog(db);
  const clock = new ElapsedClock({ wall: () => now, monotonic: () => 0 }, log.load()).now();
  const reason = Object.keys(filled.saved).length > 0 ? 'salvage' : 'lost';
  const incarnation = log.openIncarnation(reason, clock);
  log.flush(clock);
  const set = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  set.run('hub', hub);
  const report = { ...filled, reason, incarnation } as const;
  set.run(SALVAGED_KEY, JSON.stringify({ ...found, ...report }));
  return report;
}

/** Nothing of the old journal but its name: head office must recognise the one before. */
function beginEmpty(db: Database, dataDir: string, hub: string): Filled {
  const identity = readIdentity(dataDir);
  if (identity?.hub === hub)
    writeRecords(db, { ...identity, types: new Map(), head: undefined, headOrdinal: 0, replication: undefined }, {}, 0);
  return { saved: {}, lost: {}, state: ['everything'] };
}
