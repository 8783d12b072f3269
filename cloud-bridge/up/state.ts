/**
 * The bridge's own small state, `<bridge.data_dir>/bridge.db`: one row, written whole in one synced transaction.
 * It is open exclusively while a bridge (or an operator's resume) works with it; a halted bridge lets go of it.
 */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { z } from 'zod';
import { vectorSchema } from '../../edge/contracts/edge-socket.ts';
import { HubError } from '../../edge/contracts/errors.ts';
import { makeFolder } from '../../edge/ops/folder.ts';

const STATE_FILE = 'bridge.db';
const SCHEMA_VERSION = 1;

const positionSchema = z.object({
  incarnation: z.string(),
  acked: vectorSchema,
  batch: z.string(),
  /** Offset of the checkpoint that says so, in the hub's partition of `retail.checkpoints`. */
  checkpointOffset: z.number().int().min(0),
});

const inDoubtSchema = z.object({
  incarnation: z.string(),
  from: vectorSchema,
  to: vectorSchema,
  batch: z.string(),
});

const haltSchema = z.object({
  /** What an operator reads: what happened, what it means, what to do. */
  reason: z.string(),
  code: z.string(),
  /** Wall clock, epoch ms. */
  at: z.number(),
});

const stateSchema = z.object({
  /** Hub and partition that this state belongs to, recorded with the first attempt to send. */
  hub: z.string().nullable(),
  partition: z.number().int().nullable(),
  /** What head office has, as far as is known here. */
  position: positionSchema.nullable(),
  /** Incarnations before the position's that are complete at head office, oldest first. */
  closed: z.array(z.object({ incarnation: z.string(), vector: vectorSchema })),
  /** A batch that was being sent: head office has all of it or nothing. */
  inDoubt: inDoubtSchema.nullable(),
  /** The last position that the edge confirmed it knows. */
  told: z.object({ incarnation: z.string(), acked: vectorSchema }).nullable(),
  halt: haltSchema.nullable(),
  /** The last bridge stopped in an orderly way. */
  stoppedCleanly: z.boolean(),
});

export type BridgeState = z.infer<typeof stateSchema>;
export type Position = z.infer<typeof positionSchema>;
export type Halted = z.infer<typeof haltSchema>;

export const FRESH_STATE: BridgeState = {
  hub: null,
  partition: null,
  position: null,
  closed: [],
  inDoubt: null,
  told: null,
  halt: null,
  stoppedCleanly: true,
};

export class StateFile {
  readonly #db: SQLite.Database;
  readonly #write: SQLite.Statement<[string]>;
  #state: BridgeState;

  private constructor(db: SQLite.Database, state: BridgeState) {
    this.#db = db;
    this.#state = state;
    this.#write = db.prepare('UPDATE bridge SET state = ? WHERE id = 1');
  }

  /**
   * Opens and locks it; creates it when there is none. Throws BRIDGE_LOCKED, JOURNAL_NEWER (from a newer version),
   * JOURNAL_NOT_FULL_SYNC.
   */
  static open(dataDir: string): StateFile {
    makeFolder(dataDir, 'bridge.data_dir');
    const file = join(dataDir, STATE_FILE);
    // A halted bridge looks into it for a moment now and then.
    const db = new SQLite(file, { timeout: 500 });
    try {
      db.pragma('locking_mode = EXCLUSIVE');
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      if (db.pragma('synchronous', { simple: true }) !== 2) {
        throw new HubError('JOURNAL_NOT_FULL_SYNC', `SQLite did not take synchronous=FULL for ${file}`);
      }
      // The first write takes the exclusive lock, and the locking mode keeps it until close.
      db.exec('BEGIN EXCLUSIVE');
      createTable(db, file);
      const state = readState(db, file);
      db.exec('COMMIT');
      return new StateFile(db, state);
    } catch (error) {
      db.close();
      if (isBusy(error)) throw new HubError('BRIDGE_LOCKED', `${file} is in use`, { cause: error });
      throw error;
    }
  }

  /** What is recorded, without a lock; undefined while somebody works with it or when there is none. */
  static peek(dataDir: string): BridgeState | undefined {
    const file = join(dataDir, STATE_FILE);
    let db: SQLite.Database | undefined;
    try {
      db = new SQLite(file, { readonly: true, fileMustExist: true, timeout: 0 });
      return readState(db, file);
    } catch (error) {
      if (isBusy(error) || isMissing(error)) return undefined;
      throw error;
    } finally {
      db?.close();
    }
  }

  get state(): BridgeState {
    return this.#state;
  }

  /** Changes some fields, durably: when this returns, it is synced. */
  save(change: Partial<BridgeState>): void {
    const next = { ...this.#state, ...change };
    this.#write.run(JSON.stringify(next));
    this.#state = next;
  }

  /** Lets go of the lock. */
  close(): void {
    this.#db.close();
  }
}

function createTable(db: SQLite.Database, file: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_VERSION) {
    throw new HubError('JOURNAL_NEWER', `${file} has schema ${version}, this version knows ${SCHEMA_VERSION}`);
  }
  if (version === SCHEMA_VERSION) return;
  db.exec('CREATE TABLE bridge (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT');
  db.prepare('INSERT INTO bridge (id, state) VALUES (1, ?)').run(JSON.stringify(FRESH_STATE));
  db.pragma(`user_version = ${SCHEMA_VERSION}`);
}

function readState(db: SQLite.Database, file: string): BridgeState {
  const row = db.prepare('SELECT state FROM bridge WHERE id = 1').get() as { state: string } | undefined;
  const parsed = stateSchema.safeParse(row && JSON.parse(row.state));
  if (!parsed.success) throw new Error(`${file} holds no valid state`, { cause: parsed.error });
  return parsed.data;
}

function codeOf(error: unknown): string {
  return error instanceof SQLite.SqliteError ? error.code : '';
}

function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY') || codeOf(error).startsWith('SQLITE_LOCKED');
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_CANTOPEN';
}
