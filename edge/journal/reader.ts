/**
 * Reading journal.db, for the bridge, the command line and the staff page. Every statement is short and finished
 * at once (`all`, at most 2,000 rows), and so is every transaction: a reader that stays inside one makes the WAL grow
 * without end.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import { type Alert, alertSchema } from '../contracts/alerts.ts';
import type { JournalRow } from '../contracts/envelope.ts';
import { parseEventId } from '../contracts/ids.ts';
import type { OffersReport } from '../contracts/offers.ts';
import { JOURNAL_STREAMS, type JournalStream, LOCAL_STREAM, STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import { JOURNAL_FILE, openForReading } from './database.ts';
import { ItemsReader } from './items-reader.ts';
import { type OffersQuestion, OffersReader } from './offers-reader.ts';
import { MAX_ORDINAL, ordinalOf, positionOf, streamSequenceOf } from './positions.ts';
import { unpackFlags } from './row-flags.ts';
import { LAST_SALVAGE_KEY } from './salvage.ts';

const MAX_ROWS = 2000;
/** Rows looked at to tell the size of a stream's rows, and what each takes besides its texts. */
const SAMPLE = 100;
const ROW_BYTES = 40;
const DAY_MS = 86_400_000;

export interface Incarnation {
  readonly ordinal: number;
  readonly incarnation: string;
  readonly previous: string | null;
  readonly created: number;
  /** Why it was opened: `new database`, `restore`, `salvage` ... */
  readonly reason: string;
  /** The last stream sequences of `previous` when this one was opened. */
  readonly lastKnown: Vector;
}

export interface DeadLetter {
  readonly id: string;
  readonly device: string;
  readonly kind: string;
  readonly reason: string;
  readonly pointers: readonly string[];
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

export interface KeptLetter extends DeadLetter {
  readonly bytes: Uint8Array | null;
  /** Of a frame that came on one. */
  readonly topic: string | null;
}

export interface Buffer {
  /** Events that head office has not acknowledged. */
  readonly events: number;
  /** Bytes they take, extrapolated from the oldest of each stream. */
  readonly bytes: number;
  readonly oldestReceived: number | undefined;
  readonly byStream: Vector;
}

/** As SQLite gives it, without names: this is the bridge's hot path. */
type RawRow = [
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

const COLUMNS = 'position, sequence, type, received, time, flags, source, subject, data';

export class JournalReader {
  readonly hub: string;
  readonly #db: Database;
  readonly #dataDir: string;
  readonly #file: { readonly ino: number; readonly dev: number };
  readonly #statements = new Map<string, Statement>();
  #types = new Map<number, string>();
  readonly #offers = new OffersReader((sql) => this.#prepared(sql));
  readonly items = new ItemsReader((sql) => this.#prepared(sql));

  private constructor(db: Database, dataDir: string) {
    this.#db = db;
    this.#dataDir = dataDir;
    this.#file = statSync(join(dataDir, JOURNAL_FILE));
    const row = db.prepare("SELECT value FROM meta WHERE key = 'hub'").get() as { value: string } | undefined;
    this.hub = row?.value ?? '';
  }

  /** Opens `<dataDir>/journal.db` read-only. Throws JOURNAL_UNREADABLE, JOURNAL_NEWER, JOURNAL_DAMAGED. */
  static open(dataDir: string): JournalReader {
    const db = openForReading(dataDir);
    try {
      return new JournalReader(db, dataDir);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }

  /** A number that changes with every commit of the writer: a cheap poll. */
  version(): number {
    return Number(this.#db.pragma('data_version', { simple: true }));
  }

  /** Oldest first; the last one is the present. */
  incarnations(): readonly Incarnation[] {
    const rows = this.#prepared('SELECT * FROM incarnations ORDER BY ordinal').all() as {
      ordinal: number;
      incarnation: string;
      previous: string | null;
      created: number;
      reason: string;
      last_known: string;
    }[];
    return rows.map(({ last_known, ...row }) => ({ ...row, lastKnown: JSON.parse(last_known) as Vector }));
  }

  /** The last assigned stream sequence of each stream in an incarnation. */
  heads(incarnation: string): Vector {
    const chain = this.incarnations();
    const index = chain.findIndex((entry) => entry.incarnation === incarnation);
    if (index === -1) return {};
    const next = chain[index + 1];
    if (next) return next.lastKnown;
    const { local: _, ...heads } = JSON.parse(this.#head().streams) as Record<JournalStream, number>;
    return heads;
  }

  /** What the bridge was about to send when the edge last heard of it; nothing after an acknowledgement. */
  reserved(): { incarnation: string; vector: Vector } | undefined {
    const row = this.#prepared('SELECT reserved FROM replication').get() as { reserved: string | null } | undefined;
    if (!row?.reserved) return undefined;
    const { incarnation, to } = JSON.parse(row.reserved) as { incarnation: string; to: Vector };
    return { incarnation, vector: to };
  }

  /** Whether journal.db is another file by now: it was put back from a copy, and this reader still sees the old one. */
  isReplaced(): boolean {
    const now = statSync(join(this.#dataDir, JOURNAL_FILE), { throwIfNoEntry: false });
    return now === undefined || now.ino !== this.#file.ino || now.dev !== this.#file.dev;
  }

  /** What the edge was last told that head office has. */
  acked(): { incarnation: string; vector: Vector } | undefined {
    const row = this.#prepared('SELECT incarnation, acked FROM replication').get() as
      | { incarnation: string; acked: string }
      | undefined;
    return row && { incarnation: row.incarnation, vector: JSON.parse(row.acked) as Vector };
  }

  /** Rows of one stream and incarnation after a stream sequence, ascending, at most 2,000. */
  rows(stream: JournalStream, incarnation: string, after: number, limit: number): JournalRow[] {
    const ordinal = this.incarnations().find((entry) => entry.incarnation === incarnation)?.ordinal;
    if (ordinal === undefined) return [];
    const raw = this.#raw(
      `SELECT ${COLUMNS} FROM events_${stream}
       WHERE position > ? AND position < ? ORDER BY position LIMIT ?`,
    ).all(positionOf(ordinal, after), positionOf(ordinal + 1, 0), Math.min(limit, MAX_ROWS)) as RawRow[];
    return raw.map((row) => this.#toRow(stream, incarnation, row));
  }

  /** What of (after, to] of a stream was dropped on purpose, by stream sequence. */
  dropped(stream: Stream, incarnation: string, after: number, to: number): { from: number; to: number }[] {
    return this.#prepared(
      `SELECT max(d.first, $after + 1) AS "from", min(d.last, $to) AS "to" FROM drops d JOIN incarnations i USING (ordinal)
       WHERE d.stream = $stream AND i.incarnation = $incarnation AND d.last > $after AND d.first <= $to ORDER BY d.first`,
    ).all({ stream, incarnation, after, to }) as { from: number; to: number }[];
  }

  find(id: string): JournalRow | undefined {
    const parts = parseEventId(id);
    if (!parts || parts.hub !== this.hub) return undefined;
    const [row] = this.page({ from: parts.sequence, local: true, limit: 1 });
    return row?.sequence === parts.sequence && row.incarnation === parts.incarnation ? row : undefined;
  }

  /** Rows in order of sequence from `from` (inclusive) on; replicated streams only unless `local`. At most 2,000. */
  page(options: { from?: number; stream?: Stream; local?: boolean; limit: number }): JournalRow[] {
    return this.#snapshot(() => this.#page(options));
  }

  #page(options: { from?: number; stream?: Stream; local?: boolean; limit: number }): JournalRow[] {
    const limit = Math.min(options.limit, MAX_ROWS);
    const found = streamsOf(options).flatMap((stream) =>
      this.#select(stream, this.#positionOfSequence(stream, options.from ?? 0), limit),
    );
    return found.sort((a, b) => a.sequence - b.sequence).slice(0, limit);
  }

  /** The newest `count` rows, in order of sequence. */
  last(count: number, options: { stream?: Stream; local?: boolean } = {}): JournalRow[] {
    return this.#snapshot(() => this.#last(count, options));
  }

  #last(count: number, options: { stream?: Stream; local?: boolean }): JournalRow[] {
    const limit = Math.min(count, MAX_ROWS);
    const names = new Map(this.incarnations().map((entry) => [entry.ordinal, entry.incarnation]));
    const found = streamsOf(options).flatMap((stream) => {
      const raw = this.#raw(`SELECT ${COLUMNS} FROM events_${stream} ORDER BY position DESC LIMIT ?`).all(
        limit,
      ) as RawRow[];
      return raw.map((row) => this.#toRow(stream, names.get(ordinalOf(row[0])) ?? '', row));
    });
    return found.sort((a, b) => a.sequence - b.sequence).slice(-limit);
  }

  /** What the newest salvage said of itself (SalvageReport as JSON); undefined when there was none. */
  lastSalvage(): string | undefined {
    const row = this.#prepared('SELECT value FROM meta WHERE key = ?').get(LAST_SALVAGE_KEY) as
      | { value: string }
      | undefined;
    return row?.value;
  }

  /** Open alerts, with `all` those that ended in the last 24 h too; newest first. */
  alerts(all: boolean): Alert[] {
    const rows = this.#prepared(
      'SELECT id, rule, subject, state, severity, title, detail, raised, changed, events FROM alerts WHERE ended IS NULL OR (? AND ended > ?) ORDER BY raised DESC, id',
    ).all(all ? 1 : 0, Date.now() - DAY_MS) as Record<string, string>[];
    return rows.map((row) => alertSchema.parse({ ...row, events: JSON.parse(row.events ?? '[]') }));
  }

  offers(question: OffersQuestion): OffersReport {
    return this.#snapshot(() => this.#offers.report(question));
  }

  deadLetters(): DeadLetter[] {
    const rows = this.#prepared(
      'SELECT id, device, kind, reason, pointers, count, first, last FROM dead_letters ORDER BY last DESC, id LIMIT 2000',
    ).all() as (Omit<DeadLetter, 'pointers'> & { pointers: string })[];
    return rows.map((row) => ({ ...row, pointers: JSON.parse(row.pointers) as string[] }));
  }

  deadLetterTotals(): { letters: number; bytes: number } {
    return this.#prepared('SELECT count(*) AS letters, coalesce(sum(size), 0) AS bytes FROM dead_letters').get() as {
      letters: number;
      bytes: number;
    };
  }

  deadLetter(id: string): KeptLetter | undefined {
    const row = this.#prepared(
      'SELECT id, device, kind, reason, pointers, count, first, last, bytes, topic FROM dead_letters WHERE id = ?',
    ).get(id) as (Omit<KeptLetter, 'pointers'> & { pointers: string }) | undefined;
    return row && { ...row, pointers: JSON.parse(row.pointers) as string[] };
  }

  /** What waits for head office. Counts come from positions, not from rows: cheap at any depth. */
  buffer(): Buffer {
    return this.#snapshot(() => this.#buffer());
  }

  #buffer(): Buffer {
    const chain = this.incarnations();
    const acked = this.acked();
    const ackedOrdinal = chain.find((entry) => entry.incarnation === acked?.incarnation)?.ordinal ?? 0;
    const byStream: Partial<Record<Stream, number>> = {};
    let events = 0;
    let bytes = 0;
    let oldestReceived: number | undefined;
    for (const stream of STREAMS) {
      const after = positionOf(ackedOrdinal, acked ? at(acked.vector, stream) : 0);
      const first = this.#prepared(
        `SELECT position, received FROM events_${stream} WHERE position > ? ORDER BY position LIMIT 1`,
      ).get(after) as { position: number; received: number } | undefined;
      if (!first) continue; // all acknowledged, or gone by age in a time without a cloud
      let waiting = 1 - streamSequenceOf(first.position);
      for (const entry of chain) {
        if (entry.ordinal >= ordinalOf(first.position)) waiting += at(this.heads(entry.incarnation), stream);
      }
      waiting -= this.#droppedAfter(stream, first.position);
      byStream[stream] = waiting;
      events += waiting;
      bytes += waiting * this.#bytesOfRow(stream, first.position);
      if (oldestReceived === undefined || first.received < oldestReceived) oldestReceived = first.received;
    }
    return { events, bytes, oldestReceived, byStream };
  }

  /** How many rows of a stream after `position` were dropped. */
  #droppedAfter(stream: Stream, position: number): number {
    const ordinal = ordinalOf(position);
    const { rows } = this.#prepared(
      `SELECT coalesce(sum(last - first + 1), 0) AS rows FROM drops
       WHERE stream = $stream AND (ordinal > $ordinal OR (ordinal = $ordinal AND first > $after))`,
    ).get({ stream, ordinal, after: streamSequenceOf(position) }) as { rows: number };
    return rows;
  }

  /** What a row of a stream takes, by the average of some from `position` on. */
  #bytesOfRow(stream: Stream, position: number): number {
    const { bytes } = this.#prepared(
      `SELECT avg(octet_length(data) + octet_length(subject) + octet_length(source)) AS bytes
       FROM (SELECT data, subject, source FROM events_${stream} WHERE position >= ? ORDER BY position LIMIT ${SAMPLE})`,
    ).get(position) as { bytes: number | null };
    return Math.round(bytes ?? 0) + ROW_BYTES;
  }

  /** Bytes of used pages. */
  usedBytes(): number {
    const pages =
      Number(this.#db.pragma('page_count', { simple: true })) -
      Number(this.#db.pragma('freelist_count', { simple: true }));
    return pages * Number(this.#db.pragma('page_size', { simple: true }));
  }

  #head(): { sequence: number; streams: string } {
    return this.#prepared('SELECT sequence, streams FROM head').get() as { sequence: number; streams: string };
  }

  #select(stream: JournalStream, from: number, limit: number): JournalRow[] {
    const names = new Map(this.incarnations().map((entry) => [entry.ordinal, entry.incarnation]));
    const raw = this.#raw(`SELECT ${COLUMNS} FROM events_${stream} WHERE position >= ? ORDER BY position LIMIT ?`).all(
      from,
      limit,
    ) as RawRow[];
    return raw.map((row) => this.#toRow(stream, names.get(ordinalOf(row[0])) ?? '', row));
  }

  /** The first position of a stream whose sequence is at least `sequence`: both grow together, so it is a bisection. */
  #positionOfSequence(stream: JournalStream, sequence: number): number {
    if (sequence <= 1) return 0;
    const next = this.#prepared(
      `SELECT position, sequence FROM events_${stream} WHERE position >= ? ORDER BY position LIMIT 1`,
    );
    let low = 0;
    let high = positionOf(MAX_ORDINAL, 0);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = next.get(middle) as { position: number; sequence: number } | undefined;
      if (row === undefined || row.sequence >= sequence) high = middle;
      else low = row.position + 1;
    }
    return low;
  }

  /** Several statements that must see the same commit; it is over within milliseconds. */
  #snapshot<T>(read: () => T): T {
    return this.#db.transaction(read).deferred();
  }

  #raw(sql: string): Statement {
    return this.#prepared(sql).raw(true);
  }

  #toRow(stream: JournalStream, incarnation: string, row: RawRow): JournalRow {
    const [position, sequence, type, received, time, flags, source, subject, data] = row;
    const { quality, history } = unpackFlags(flags);
    return {
      stream,
      incarnation,
      sequence,
      streamSequence: streamSequenceOf(position),
      type: this.#types.get(type) ?? this.#readType(type),
      source,
      subject,
      time,
      received,
      quality,
      history,
      data,
    };
  }

  #readType(code: number): string {
    const rows = this.#prepared('SELECT code, type FROM event_types').all() as { code: number; type: string }[];
    this.#types = new Map(rows.map((row) => [row.code, row.type]));
    return this.#types.get(code) ?? 'unknown';
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function streamsOf(options: { stream?: Stream; local?: boolean }): readonly JournalStream[] {
  if (options.stream) return [options.stream];
  return options.local ? JOURNAL_STREAMS : JOURNAL_STREAMS.filter((stream) => stream !== LOCAL_STREAM);
}
