/**
 * What was dropped without head office having it: the least valuable rows when the disk budget was used up, or rows
 * that a damaged disk took. A drop is a row here, written in the transaction in which the events go, and widened while
 * it is open. When the bridge next reserves (without a cloud: at the next heartbeat) it becomes an event, which readers
 * at head office find instead of the missing ones, and does not change afterwards.
 *
 * A row stays until head office is past the range and has the event: until then the bridge needs it to tell a drop from
 * a gap.
 */
import type { Database, Statement } from 'better-sqlite3';
import { sequenceText } from '../contracts/ids.ts';
import { STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import { ordinalOf, positionOf } from './positions.ts';

/** Rows of one stream and incarnation that are gone. `from` and `to` are stream sequences, both inclusive. */
export interface DroppedRows {
  readonly stream: Stream;
  readonly ordinal: number;
  readonly from: number;
  readonly to: number;
  /** The sequences (order inside the box) of the first and the last of them. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** One sentence for whoever misses them. */
  readonly reason: string;
}

export interface DroppedRange {
  readonly stream: Stream;
  readonly from: number;
  readonly to: number;
}

interface OpenDrop {
  readonly id: number;
  readonly stream: Stream;
  readonly incarnation: string;
  readonly from: number;
  readonly to: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly reason: string;
}

/** The data of a `retail.devices.dropped.v1`. */
export interface DroppedData extends Record<string, unknown> {
  readonly stream: Stream;
  readonly incarnation: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly firstsequence: string;
  readonly lastsequence: string;
  readonly reason: string;
}

export class Drops {
  readonly #extend: Statement;
  readonly #insert: Statement;
  readonly #open: Statement;
  readonly #close: Statement;
  readonly #within: Statement;
  readonly #carried: Statement;
  readonly #lastEvent: Statement;
  readonly #forget: Statement;

  constructor(db: Database) {
    this.#extend = db.prepare(
      `UPDATE drops SET last = ?, last_sequence = ?
       WHERE position IS NULL AND stream = ? AND ordinal = ? AND last = ? AND reason = ?`,
    );
    this.#insert = db.prepare(
      `INSERT INTO drops (stream, ordinal, first, last, first_sequence, last_sequence, reason) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#open = db.prepare(
      `SELECT d.id, d.stream, i.incarnation, d.first AS "from", d.last AS "to", d.first_sequence AS firstSequence,
         d.last_sequence AS lastSequence, d.reason
       FROM drops d JOIN incarnations i USING (ordinal) WHERE d.position IS NULL ORDER BY d.ordinal, d.first_sequence`,
    );
    this.#close = db.prepare('UPDATE drops SET position = ? WHERE id = ?');
    this.#within = db.prepare(
      `SELECT stream, max(first, $after + 1) AS "from", min(last, $to) AS "to" FROM drops
       WHERE stream = $stream AND ordinal = $ordinal AND last > $after AND first <= $to ORDER BY first`,
    );
    this.#carried = db.prepare(
      `SELECT stream, first AS "from", last AS "to" FROM drops
       WHERE stream = $stream AND ordinal = $ordinal AND last <= $after AND position >= $next ORDER BY first`,
    );
    this.#lastEvent = db.prepare(
      'SELECT max(position) AS position FROM drops WHERE ordinal <= $ordinal AND position > $after AND position < $next',
    );
    this.#forget = db.prepare(
      `DELETE FROM drops WHERE position <= $event AND stream = $stream AND (ordinal < $ordinal OR (ordinal = $ordinal AND last <= $last))`,
    );
  }

  /** Rows are going: in the transaction that deletes them. Continues the open drop that ends right before, or opens one. */
  note(rows: DroppedRows): void {
    const { stream, ordinal, from, to, firstSequence, lastSequence, reason } = rows;
    const { changes } = this.#extend.run(to, lastSequence, stream, ordinal, from - 1, reason);
    if (changes === 0) this.#insert.run(stream, ordinal, from, to, firstSequence, lastSequence, reason);
  }

  /** Makes every open drop an event: `journal` appends it and returns its position. */
  journalOpen(journal: (data: DroppedData) => number): void {
    for (const drop of this.#open.all() as OpenDrop[]) {
      const position = journal({
        stream: drop.stream,
        incarnation: drop.incarnation,
        from: sequenceText(drop.from),
        to: sequenceText(drop.to),
        count: drop.to - drop.from + 1,
        firstsequence: sequenceText(drop.firstSequence),
        lastsequence: sequenceText(drop.lastSequence),
        reason: drop.reason,
      });
      this.#close.run(position, drop.id);
    }
  }

  /**
   * What of an incarnation's (from, to] was dropped, and what before that has its event only in a later incarnation,
   * which head office does not have yet. `events`: up to which stream sequence of `devices` the events lie that tell of
   * it, and of anything in older incarnations; 0 when that is not after `from`.
   */
  between(ordinal: number, from: Vector, to: Vector): { dropped: DroppedRange[]; events: number } {
    const next = positionOf(ordinal + 1, 0);
    const dropped = STREAMS.flatMap((stream) => {
      const range = { stream, ordinal, after: at(from, stream), to: at(to, stream) };
      const carried = this.#carried.all({ stream, ordinal, after: range.after, next }) as DroppedRange[];
      return [...carried, ...this.within(stream, ordinal, range.after, range.to)];
    });
    const after = positionOf(ordinal, at(from, 'devices'));
    const last = (this.#lastEvent.get({ ordinal, after, next }) as { position: number | null }).position;
    const isTold = dropped.length > 0 || ordinal > 1;
    return { dropped, events: last === null || !isTold ? 0 : last - positionOf(ordinal, 0) };
  }

  /** What of (after, to] of one stream and incarnation was dropped. */
  within(stream: Stream, ordinal: number, after: number, to: number): DroppedRange[] {
    return this.#within.all({ stream, ordinal, after, to }) as DroppedRange[];
  }

  /** Forgets what head office is past: `passed` by stream, as positions, and events up to `event`. */
  forget(passed: Readonly<Partial<Record<string, number>>>, event: number): void {
    for (const stream of STREAMS) {
      const position = passed[stream];
      if (position === undefined) continue;
      const ordinal = ordinalOf(position);
      this.#forget.run({ event, stream, ordinal, last: position - positionOf(ordinal, 0) });
    }
  }
}
