/**
 * The edge's side of replication: what head office has, what the bridge has reserved, and the identities of rows when
 * an operator opens a new incarnation for a restored or copied journal. All inside the writer's transaction.
 */
import type { Database } from 'better-sqlite3';
import type { AcknowledgeRequest, RefillRequest, ReserveRequest } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import { eventId } from '../contracts/ids.ts';
import { STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import type { Now } from './elapsed-clock.ts';
import type { EventLog } from './event-log.ts';
import { positionOf } from './positions.ts';

export class Replication {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Rows up to `to` are about to be sent: they stay until an acknowledgement or another reservation. */
  reserve(request: ReserveRequest): void {
    this.#knownIncarnation(request.incarnation);
    this.#db
      .prepare(
        `INSERT INTO replication (id, incarnation, acked, reserved) VALUES (1, ?, '{}', ?)
         ON CONFLICT DO UPDATE SET reserved = excluded.reserved`,
      )
      .run(request.incarnation, JSON.stringify({ incarnation: request.incarnation, to: request.to }));
  }

  acknowledge(request: AcknowledgeRequest): void {
    this.#knownIncarnation(request.incarnation);
    this.#setAcked(request.incarnation, request.acked, request.batch);
  }

  /** Head office fell back: what it lost counts as unacknowledged again. */
  refill(request: RefillRequest): void {
    this.#knownIncarnation(request.incarnation);
    this.#setAcked(request.incarnation, request.acked, null);
  }

  /** What head office has, by position: rows at or before are acknowledged. Nothing when it never had anything. */
  ackedPositions(): Partial<Record<Stream, number>> | undefined {
    const row = this.#db
      .prepare('SELECT r.acked, i.ordinal FROM replication r JOIN incarnations i ON i.incarnation = r.incarnation')
      .get() as { acked: string; ordinal: number } | undefined;
    if (!row) return undefined;
    const acked = JSON.parse(row.acked) as Vector;
    return Object.fromEntries(STREAMS.map((stream) => [stream, positionOf(row.ordinal, at(acked, stream))]));
  }

  /**
   * Rows up to `acked` count as acknowledged; all later ones get identities of a new incarnation, followed by
   * the event that names the old one. Ids inside the data of moved decisions follow their events. Returns the new incarnation.
   */
  newIncarnation(hub: string, log: EventLog, acked: Vector, reason: string, now: Now): string {
    const old = log.incarnation;
    const ordinal = this.#ordinalOf(old);
    const heads = log.heads();
    for (const stream of STREAMS) {
      if (at(acked, stream) > at(heads, stream)) {
        throw new HubError(
          'RESUME_REFUSED',
          `the journal has only ${at(heads, stream)} events of ${stream}, not ${at(acked, stream)}`,
        );
      }
    }
    const incarnation = log.openIncarnation(reason, now, {
      lastKnown: acked,
      adoptRows: (opened) => {
        const moved = new Map<string, string>();
        for (const stream of STREAMS) this.#moveRows(hub, log, stream, ordinal, at(acked, stream), old, opened, moved);
        for (const stream of STREAMS) this.#rewriteReferences(log, stream, moved);
      },
    });
    this.#setAcked(old, acked, null);
    return incarnation;
  }

  #moveRows(
    hub: string,
    log: EventLog,
    stream: Stream,
    ordinal: number,
    after: number,
    old: string,
    incarnation: string,
    moved: Map<string, string>,
  ): void {
    const rows = this.#db
      .prepare(`SELECT position, sequence FROM events_${stream} WHERE position > ? AND position < ? ORDER BY position`)
      .all(positionOf(ordinal, after), positionOf(ordinal + 1, 0)) as { position: number; sequence: number }[];
    if (rows.length === 0) return;
    const { ordinal: target, first } = log.adopt(stream, rows.length);
    const update = this.#db.prepare(`UPDATE events_${stream} SET position = ? WHERE position = ?`);
    rows.forEach((row, index) => {
      update.run(positionOf(target, first + index), row.position);
      moved.set(eventId(hub, old, row.sequence), eventId(hub, incarnation, row.sequence));
    });
  }

  #rewriteReferences(log: EventLog, stream: Stream, moved: Map<string, string>): void {
    const ordinal = this.#ordinalOf(log.incarnation);
    const rows = this.#db
      .prepare(`SELECT position, data FROM events_${stream} WHERE position > ? AND instr(data, '"events":[') > 0`)
      .all(positionOf(ordinal, 0)) as { position: number; data: string }[];
    const update = this.#db.prepare(`UPDATE events_${stream} SET data = ? WHERE position = ?`);
    for (const row of rows) {
      const data = JSON.parse(row.data) as { events?: string[] };
      if (!data.events?.some((id) => moved.has(id))) continue;
      update.run(JSON.stringify({ ...data, events: data.events.map((id) => moved.get(id) ?? id) }), row.position);
    }
  }

  #setAcked(incarnation: string, acked: Vector, batch: string | null): void {
    this.#db
      .prepare(
        `INSERT INTO replication (id, incarnation, acked, reserved, batch) VALUES (1, ?, ?, NULL, ?)
         ON CONFLICT DO UPDATE SET incarnation = excluded.incarnation, acked = excluded.acked, reserved = NULL, batch = excluded.batch`,
      )
      .run(incarnation, JSON.stringify(acked), batch);
  }

  #knownIncarnation(incarnation: string): void {
    if (this.#ordinalOf(incarnation) === 0)
      throw new HubError('RESUME_REFUSED', `the journal has no incarnation ${incarnation}`);
  }

  #ordinalOf(incarnation: string): number {
    const row = this.#db.prepare('SELECT ordinal FROM incarnations WHERE incarnation = ?').get(incarnation) as
      | { ordinal: number }
      | undefined;
    return row?.ordinal ?? 0;
  }
}
