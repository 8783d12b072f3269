/**
 * What can still be read of a damaged journal: its events and its own small records from the pages themselves, the
 * rest by SQLite, table by table, from both ends. Nothing here changes the damaged files.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { isEventType } from '../contracts/events.ts';
import { type Database, JOURNAL_FILE, PAGE_BYTES } from './database.ts';
import { type ChainLink, readIdentity } from './identity-file.ts';
import { type NewerPages, type ScannedRow, scanRows } from './page-scan.ts';
import { readWal } from './wal-file.ts';

export interface HeadRow {
  readonly sequence: number;
  readonly streams: string;
  readonly elapsed: number;
  readonly wall: number;
}

export interface ReplicationRow {
  readonly incarnation: string;
  readonly acked: string;
}

export interface RepeatsRow {
  readonly id: number;
  readonly elapsed: number;
  readonly entries: Buffer;
}

/** An event as its row has it; the stream follows from the type. */
export type EventValues = readonly [
  position: number,
  sequence: number,
  type: number,
  received: number,
  time: number,
  flags: number,
  source: string,
  subject: string,
  data: string,
];

/** The journal's own records, from wherever they could be had. */
export interface Records {
  readonly hub: string | undefined;
  /** Empty when nobody knows the incarnations any more. */
  readonly chain: readonly ChainLink[];
  readonly types: ReadonlyMap<number, string>;
  readonly head: HeadRow | undefined;
  /** Which of the chain the head is of, from 1: it may have been read from an older state than the chain. */
  readonly headOrdinal: number;
  /** Null: nothing was ever acknowledged. Undefined: nobody knows. */
  readonly replication: ReplicationRow | null | undefined;
}

export class SalvageSource {
  readonly #dataDir: string;
  readonly #file: string;
  readonly #pages: { readonly size: number; readonly newer: NewerPages };
  #db: Database | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#file = join(dataDir, JOURNAL_FILE);
    const log = `${this.#file}-wal`;
    const wal = readWal(log);
    this.#pages = {
      size: pageSizeOf(this.#file) ?? wal?.pageSize ?? PAGE_BYTES,
      newer: { file: log, places: wal?.pages ?? new Map() },
    };
  }

  /** Every event row that can be made out, some of them more than once. */
  events(take: (event: EventValues) => void): void {
    this.#scan((row) => {
      const event = eventOf(row);
      if (event) take(event);
    });
  }

  /** Opens the file for `records` and `copy`, as far as SQLite still takes it. After `events`: it holds locks. */
  open(): void {
    // SQLite deletes the write-ahead log of an empty file.
    if ((statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
    try {
      const db = new SQLite(this.#file, { readonly: true, fileMustExist: true });
      // A file that was cut short is read as far as it goes.
      db.unsafeMode(true);
      db.pragma('writable_schema = ON');
      this.#db = db;
    } catch {
      this.#db = undefined;
    }
  }

  close(): void {
    this.#db?.close();
  }

  /** From SQLite where that still works, else from the copy beside the journal, else from the pages. */
  records(): Records {
    const kept = readIdentity(this.#dataDir);
    const raw = new RawRecords();
    const own = {
      hub: this.#first<{ value: string }>("SELECT value FROM meta WHERE key = 'hub'")?.value,
      chain: this.#all<ChainLink>(
        'SELECT incarnation, previous, created, reason, last_known FROM incarnations ORDER BY ordinal',
      ),
      types: this.#all<{ code: number; type: string }>('SELECT code, type FROM event_types'),
      head: this.#first<HeadRow>('SELECT sequence, streams, elapsed, wall FROM head WHERE id = 1'),
      replication: this.#all<ReplicationRow>('SELECT incarnation, acked FROM replication'),
    };
    if (!own.chain || !own.types || !own.head || !own.replication) this.#scan((row) => raw.take(row));
    const chains = [own.chain ?? [], kept?.chain ?? [], raw.chain()];
    const chain = chains.reduce((longest, one) => (one.length > longest.length ? one : longest), []);
    const types = new Map(
      [...raw.types, ...(kept?.types ?? []), ...(own.types ?? [])].map(({ code, type }) => [code, type]),
    );
    return {
      hub: own.hub ?? kept?.hub,
      chain,
      types,
      head: own.head ?? raw.head,
      headOrdinal: (own.head ? own.chain : raw.chain())?.length || chain.length,
      replication: own.replication ? (own.replication[0] ?? null) : raw.replication,
    };
  }

  /** What is remembered of ids, from the pages: for a journal that SQLite does not open. */
  repeats(take: (row: RepeatsRow) => void): void {
    this.#scan(({ rowid, values }) => {
      const [id, elapsed, entries, ...more] = values;
      if (id !== null || typeof elapsed !== 'number' || !Buffer.isBuffer(entries) || more.length > 0) return;
      if (entries.length > 0 && entries.length % 20 === 0) take({ id: rowid, elapsed, entries });
    });
  }

  /** The schema's number, where it can be read. */
  get version(): number | undefined {
    return this.#first<{ user_version: number }>('SELECT user_version FROM pragma_user_version')?.user_version;
  }

  /** Whether SQLite still reads the schema. */
  get isOpen(): boolean {
    return (this.#all("SELECT name FROM sqlite_master WHERE name = 'meta'") ?? []).length > 0;
  }

  /**
   * Gives every row of a table, in some order and some of them twice, with these columns. Says what kept it from
   * reading all of it; undefined when nothing did.
   */
  copy(
    table: string,
    columns: readonly string[],
    key: readonly string[],
    take: (row: unknown[]) => void,
  ): string | undefined {
    const names = columns.map((column) => `"${column}"`).join(', ');
    const forward = this.#each(`SELECT ${names} FROM "${table}"`, take);
    if (forward === undefined) return undefined;
    const order = key.map((column) => `"${column}" DESC`).join(', ');
    this.#each(`SELECT ${names} FROM "${table}" ORDER BY ${order}`, take);
    return forward;
  }

  /** The columns that a table has there; empty when it cannot be told. */
  columns(table: string): string[] {
    return this.#all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)?.map(({ name }) => name) ?? [];
  }

  #each(sql: string, take: (row: unknown[]) => void): string | undefined {
    try {
      if (!this.#db) return 'the database cannot be opened';
      for (const row of this.#db.prepare(sql).raw(true).iterate()) take(row as unknown[]);
      return undefined;
    } catch (error) {
      if (error instanceof SQLite.SqliteError) return error.message;
      throw error;
    }
  }

  #all<T>(sql: string): T[] | undefined {
    try {
      return this.#db?.prepare(sql).all() as T[] | undefined;
    } catch {
      return undefined;
    }
  }

  #first<T>(sql: string): T | undefined {
    return this.#all<T>(sql)?.[0];
  }

  #scan(take: (row: ScannedRow) => void): void {
    scanRows(this.#file, this.#pages.size, this.#pages.newer, take);
  }
}

/** As the file's own header has it, where that can be read: a restored journal may have another one than a new one. */
function pageSizeOf(file: string): number | undefined {
  const head = Buffer.alloc(18);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    readSync(descriptor, head, 0, head.length, 0);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  const size = head.readUInt16BE(16);
  const isSound = head.toString('latin1', 0, 16) === 'SQLite format 3\0' && size >= 512 && (size & (size - 1)) === 0;
  return isSound ? size : undefined;
}

function eventOf({ rowid, values }: ScannedRow): EventValues | undefined {
  if (values.length !== 9 || values[0] !== null) return undefined;
  const numbers = values.slice(1, 6);
  const texts = values.slice(6);
  if (!numbers.every((value) => typeof value === 'number') || !texts.every((value) => typeof value === 'string'))
    return undefined;
  const [sequence, type, received, time, flags] = numbers as [number, number, number, number, number];
  const [source, subject, data] = texts as [string, string, string];
  return [rowid, sequence, type, received, time, flags, source, subject, data];
}

const INCARNATION = /^[0-9a-hjkmnp-tv-z]{13}$/;

/** The small tables, told by the shape of their rows. Old versions of a row may lie in freed pages: the furthest counts. */
class RawRecords {
  readonly types: { code: number; type: string }[] = [];
  head: HeadRow | undefined;
  replication: ReplicationRow | undefined;
  readonly #links = new Map<number, ChainLink>();

  take({ rowid, values }: ScannedRow): void {
    const [id, second, third, fourth, fifth, sixth] = values;
    if (id !== null) return;
    if (values.length === 2 && typeof second === 'string' && isEventType(second)) {
      this.types.push({ code: rowid, type: second });
    } else if (values.length === 5 && rowid === 1 && typeof second === 'number' && typeof third === 'string') {
      if (typeof fourth === 'number' && typeof fifth === 'number' && second >= (this.head?.sequence ?? 0)) {
        this.head = { sequence: second, streams: third, elapsed: fourth, wall: fifth };
      }
    } else if (values.length === 5 && rowid === 1 && typeof second === 'string' && INCARNATION.test(second)) {
      if (typeof third === 'string' && third.length >= (this.replication?.acked.length ?? 0))
        this.replication = { incarnation: second, acked: third };
    } else if (values.length === 6 && typeof second === 'string' && INCARNATION.test(second)) {
      const isLink = typeof fourth === 'number' && typeof fifth === 'string' && typeof sixth === 'string';
      if (isLink && (third === null || typeof third === 'string'))
        this.#links.set(rowid, {
          incarnation: second,
          previous: third,
          created: fourth,
          reason: fifth,
          last_known: sixth,
        });
    }
  }

  /** As far as it has no hole. */
  chain(): ChainLink[] {
    const chain: ChainLink[] = [];
    for (let link = this.#links.get(1); link; link = this.#links.get(chain.length + 1)) chain.push(link);
    return chain;
  }
}
