/**
 * What goes when the disk budget is used up: first what head office has acknowledged (and the local stream, which
 * nobody waits for), then the oldest of the least valuable. Never a row that the bridge has reserved, and never an event
 * that tells of a drop or of an incarnation: without those, head office could not tell a drop from a loss.
 *
 * Rows leave in chunks from the left edge of their stream's tree, so whole pages come free and little is written.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { EventType } from '../contracts/events.ts';
import { JOURNAL_STREAMS, type JournalStream, LOCAL_STREAM, STREAMS, type Stream } from '../contracts/streams.ts';
import { type DroppedRows, Drops } from './drops.ts';
import { MAX_ORDINAL, ordinalOf, positionOf, streamSequenceOf } from './positions.ts';

/** Least valuable first; within a group the oldest of all. */
const GROUPS: readonly (readonly Stream[])[] = [
  ['traffic'],
  ['shelves'],
  ['items'],
  ['offers', 'stock', 'devices'],
  ['sales', 'alerts', 'climate', 'shoppers'],
];

const NEVER: readonly EventType[] = ['retail.devices.dropped.v1', 'retail.devices.incarnation.v1'];
const REASON = 'the disk budget was used up';

/** Rows looked at to tell the size of a stream's rows, and what each takes besides its texts. */
const SAMPLE = 50;
const ROW_BYTES = 40;

type Positions = Partial<Record<Stream, number>>;

export interface Held {
  /** Up to these positions head office has everything. */
  readonly acked: Positions | undefined;
  /** Up to these the bridge may be sending. */
  readonly reserved: Positions | undefined;
}

export interface Evicted {
  /** Rows that left unacknowledged, by stream. */
  readonly dropped: Readonly<Partial<Record<Stream, number>>>;
  /** False when nothing may go any more. */
  readonly any: boolean;
}

interface Row {
  readonly position: number;
  readonly sequence: number;
}

class StreamRows {
  readonly stream: JournalStream;
  readonly #first: Statement;
  readonly #last: Statement;
  readonly #count: Statement;
  readonly #all: Statement;
  readonly #delete: Statement;
  readonly #size: Statement;

  constructor(db: Database, stream: JournalStream) {
    this.stream = stream;
    const table = `events_${stream}`;
    const types = NEVER.map((type) => `'${type}'`).join(', ');
    const kept = stream === 'devices' ? `AND type NOT IN (SELECT code FROM event_types WHERE type IN (${types}))` : '';
    const range = `FROM ${table} WHERE position BETWEEN ? AND ? ${kept}`;
    this.#first = db.prepare(`SELECT position, sequence ${range} ORDER BY position LIMIT 1`);
    this.#last = db.prepare(`SELECT position, sequence ${range} ORDER BY position DESC LIMIT 1`);
    this.#count = db.prepare(`SELECT count(*) AS rows ${range}`);
    this.#all = db.prepare(`SELECT position, sequence ${range} ORDER BY position`);
    this.#delete = db.prepare(`DELETE FROM ${table} WHERE position BETWEEN ? AND ?`);
    this.#size = db.prepare(
      `SELECT avg(octet_length(data) + octet_length(subject) + octet_length(source)) AS bytes
       FROM (SELECT data, subject, source FROM ${table} WHERE position >= ? ORDER BY position LIMIT ${SAMPLE})`,
    );
  }

  /** The oldest row after a position that may go at all. */
  firstAfter(position: number): Row | undefined {
    return this.#first.get(position + 1, positionOf(MAX_ORDINAL, 0)) as Row | undefined;
  }

  /** How many bytes a row takes, by the average of some. */
  rowBytes(from: number): number {
    const { bytes } = this.#size.get(from) as { bytes: number | null };
    return Math.round(bytes ?? 0) + ROW_BYTES;
  }

  delete(from: number, to: number): number {
    return this.#delete.run(from, to).changes;
  }

  /** Rows that may go, as runs without a hole, each with its first and last row. */
  runs(from: number, to: number): (readonly [Row, Row])[] {
    const first = this.#first.get(from, to) as Row | undefined;
    const last = this.#last.get(from, to) as Row | undefined;
    if (!first || !last) return [];
    const { rows } = this.#count.get(from, to) as { rows: number };
    if (rows === last.position - first.position + 1) return [[first, last]];
    const runs: [Row, Row][] = [];
    for (const row of this.#all.all(from, to) as Row[]) {
      const run = runs.at(-1);
      if (run && run[1].position === row.position - 1) run[1] = row;
      else runs.push([row, row]);
    }
    return runs;
  }
}

export class Eviction {
  readonly #db: Database;
  readonly #drops: Drops;
  readonly #streams: ReadonlyMap<JournalStream, StreamRows>;

  constructor(db: Database) {
    this.#db = db;
    this.#drops = new Drops(db);
    this.#streams = new Map(JOURNAL_STREAMS.map((stream) => [stream, new StreamRows(db, stream)]));
  }

  /** Frees about so many bytes. Must run in a transaction. */
  evict(bytes: number, { acked, reserved }: Held): Evicted {
    const before = this.#freeBytes();
    const missing = (): number => bytes - (this.#freeBytes() - before);
    let any = this.release(bytes, acked);
    const dropped: Partial<Record<Stream, number>> = {};
    for (const group of GROUPS) {
      while (missing() > 0) {
        const oldest = this.#oldestOf(group, { acked, reserved });
        if (!oldest) break;
        dropped[oldest.stream] = (dropped[oldest.stream] ?? 0) + this.#drop(oldest.stream, oldest.row, missing());
        any = true;
      }
    }
    return { dropped, any };
  }

  /** Frees about so many bytes of what nobody misses; whether there was any. Must run in a transaction. */
  release(bytes: number, acked: Positions | undefined): boolean {
    const before = this.#freeBytes();
    const missing = (): number => bytes - (this.#freeBytes() - before);
    let any = false;
    for (const stream of JOURNAL_STREAMS) {
      const end = stream === LOCAL_STREAM ? positionOf(MAX_ORDINAL, 0) : (acked?.[stream] ?? 0);
      while (missing() > 0 && this.#releaseRows(stream, end, missing())) any = true;
    }
    return any;
  }

  /** About how many bytes of what is held head office has acknowledged: they leave without a trace. */
  acknowledgedBytes(acked: Positions | undefined): number {
    let bytes = 0;
    for (const stream of STREAMS) {
      const end = acked?.[stream] ?? 0;
      const first = this.#rows(stream).firstAfter(0);
      if (!first || first.position > end) continue;
      const sameLife = ordinalOf(first.position) === ordinalOf(end);
      const rows = sameLife ? end - first.position + 1 : streamSequenceOf(end);
      bytes += rows * this.#rows(stream).rowBytes(first.position);
    }
    return bytes;
  }

  #releaseRows(stream: JournalStream, end: number, bytes: number): boolean {
    const rows = this.#rows(stream);
    const first = this.#oldest(stream);
    if (first === undefined || first > end) return false;
    const count = Math.ceil(bytes / rows.rowBytes(first));
    rows.delete(first, Math.min(end, first + count - 1));
    return true;
  }

  #drop(stream: Stream, first: Row, bytes: number): number {
    const rows = this.#rows(stream);
    const ordinal = ordinalOf(first.position);
    const count = Math.max(1, Math.ceil(bytes / rows.rowBytes(first.position)));
    const end = Math.min(first.position + count - 1, positionOf(ordinal + 1, 0) - 1);
    let dropped = 0;
    for (const [from, to] of rows.runs(first.position, end)) {
      dropped += rows.delete(from.position, to.position);
      const gone: DroppedRows = {
        stream,
        ordinal,
        from: streamSequenceOf(from.position),
        to: streamSequenceOf(to.position),
        firstSequence: from.sequence,
        lastSequence: to.sequence,
        reason: REASON,
      };
      this.#drops.note(gone);
    }
    return dropped;
  }

  #oldestOf(group: readonly Stream[], { acked, reserved }: Held): { stream: Stream; row: Row } | undefined {
    let oldest: { stream: Stream; row: Row } | undefined;
    for (const stream of group) {
      const row = this.#rows(stream).firstAfter(Math.max(acked?.[stream] ?? 0, reserved?.[stream] ?? 0));
      if (row && (!oldest || row.sequence < oldest.row.sequence)) oldest = { stream, row };
    }
    return oldest;
  }

  /** The oldest row of a stream, whatever it is. */
  #oldest(stream: JournalStream): number | undefined {
    const row = this.#db.prepare(`SELECT min(position) AS position FROM events_${stream}`).get() as {
      position: number | null;
    };
    return row.position ?? undefined;
  }

  #rows(stream: JournalStream): StreamRows {
    const rows = this.#streams.get(stream);
    if (!rows) throw new Error(`there is no stream ${stream}`);
    return rows;
  }

  #freeBytes(): number {
    const pragma = (name: string): number => Number(this.#db.pragma(name, { simple: true }));
    return (pragma('freelist_count') - pragma('page_count')) * pragma('page_size');
  }
}
