/**
 * The edge's side of replication: what head office has, what the bridge has reserved, and the identities of rows when
 * an operator opens a new incarnation for a restored or copied journal. All inside the writer's transaction.
 */
import type { Database } from 'better-sqlite3';
import type { AcknowledgeRequest, RefillRequest, ReserveAnswer, ReserveRequest } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import { eventId, isHubsOwn } from '../contracts/ids.ts';
import { STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import { type DroppedData, Drops } from './drops.ts';
import type { Now } from './elapsed-clock.ts';
import type { EventLog } from './event-log.ts';
import { positionOf } from './positions.ts';

export class Replication {
  readonly #db: Database;
  readonly drops: Drops;

  constructor(db: Database) {
    this.#db = db;
    this.drops = new Drops(db);
  }

  /**
   * Rows up to `to` are about to be sent: they stay until an acknowledgement or another reservation. What was dropped
   * becomes events (`journal` appends one and returns its position), and the answer names what of it lies in between.
   */
  reserve(request: ReserveRequest, log: EventLog, journal: (data: DroppedData) => number): ReserveAnswer {
    this.#within(request.incarnation, request.to, log);
    this.drops.journalOpen(journal);
    this.#db
      .prepare(
        `INSERT INTO replication (id, incarnation, acked, reserved) VALUES (1, ?, '{}', ?)
         ON CONFLICT DO UPDATE SET reserved = excluded.reserved`,
      )
      .run(request.incarnation, JSON.stringify({ incarnation: request.incarnation, to: request.to }));
    return this.drops.between(this.#ordinalOf(request.incarnation), request.from, request.to);
  }

  acknowledge(request: AcknowledgeRequest, log: EventLog): void {
    // Of an incarnation that the hub's own restore or salvage closed, head office may have more than is left here.
    if (!this.#closedByTheHub(request.incarnation)) this.#within(request.incarnation, request.acked, log);
    this.#setAcked(request.incarnation, request.acked, request.batch);
  }

  /** Head office fell back: what it lost counts as unacknowledged again. */
  refill(request: RefillRequest, log: EventLog): void {
    this.#within(request.incarnation, request.acked, log);
    this.#setAcked(request.incarnation, request.acked, null);
  }

  /** What head office has, by position: rows at or before are acknowledged. Nothing when it never had anything. */
  ackedPositions(): Partial<Record<Stream, number>> | undefined {
    const row = this.#db
      .prepare('SELECT r.acked, i.ordinal FROM replication r JOIN incarnations i ON i.incarnation = r.incarnation')
      .get() as { acked: string; ordinal: number } | undefined;
    if (!row) return undefined;
    return positionsOf(row.ordinal, JSON.parse(row.acked) as Vector);
  }

  /** Up to where rows are reserved, by position; nothing when none are. */
  reservedPositions(): Partial<Record<Stream, number>> | undefined {
    const row = this.#db.prepare('SELECT reserved FROM replication').get() as { reserved: string | null } | undefined;
    if (!row?.reserved) return undefined;
    const { incarnation, to } = JSON.parse(row.reserved) as { incarnation: string; to: Vector };
    return positionsOf(this.#ordinalOf(incarnation), to);
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
        this.#rewriteReferences(hub, log, old, moved);
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
    const follow = this.#db.prepare('UPDATE drops SET position = ? WHERE position = ?');
    rows.forEach((row, index) => {
      update.run(positionOf(target, first + index), row.position);
      if (stream === 'devices') follow.run(positionOf(target, first + index), row.position);
      moved.set(eventId(hub, old, row.sequence), eventId(hub, incarnation, row.sequence));
    });
  }

  /** Ids that moved also stand in the data of decisions, in alerts, in rules' states and in what is still to go out. */
  #rewriteReferences(hub: string, log: EventLog, old: string, moved: Map<string, string>): void {
    const ordinal = this.#ordinalOf(log.incarnation);
    const prefix = `${hub}/${old}/`;
    const idLength = prefix.length + 16;
    const follow = (text: string): string => {
      let followed = text;
      for (let at = text.indexOf(prefix); at !== -1; at = text.indexOf(prefix, at + idLength)) {
        const id = text.slice(at, at + idLength);
        followed = followed.replaceAll(id, moved.get(id) ?? id);
      }
      return followed;
    };
    const rewrite = (table: string, key: string, column: string, where = '1'): void => {
      const rows = this.#db
        .prepare(`SELECT ${key} AS key, ${column} AS text FROM ${table} WHERE ${where} AND instr(${column}, ?) > 0`)
        .all(prefix) as { key: number | string; text: string }[];
      const update = this.#db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`);
      for (const { key: id, text } of rows) update.run(follow(text), id);
    };
    for (const stream of STREAMS) {
      rewrite(`events_${stream}`, 'position', 'data', `position > ${positionOf(ordinal, 0)}`);
    }
    rewrite('alerts', 'id', 'events');
    rewrite('outbox', 'id', 'payload');
    const states = this.#db
      .prepare('SELECT rule, key, state FROM rule_states WHERE instr(state, ?) > 0')
      .all(prefix) as { rule: string; key: string; state: string }[];
    const update = this.#db.prepare('UPDATE rule_states SET state = ? WHERE rule = ? AND key = ?');
    for (const { rule, key, state } of states) update.run(follow(state), rule, key);
  }

  #setAcked(incarnation: string, acked: Vector, batch: string | null): void {
    this.#db
      .prepare(
        `INSERT INTO replication (id, incarnation, acked, reserved, batch) VALUES (1, ?, ?, NULL, ?)
         ON CONFLICT DO UPDATE SET incarnation = excluded.incarnation, acked = excluded.acked, reserved = NULL, batch = excluded.batch`,
      )
      .run(incarnation, JSON.stringify(acked), batch);
  }

  /** Nobody has or sends what was never journaled here. Throws RESUME_REFUSED. */
  #within(incarnation: string, vector: Vector, log: EventLog): void {
    const ordinal = this.#ordinalOf(incarnation);
    if (ordinal === 0) throw new HubError('RESUME_REFUSED', `the journal has no incarnation ${incarnation}`);
    const next = this.#db.prepare('SELECT last_known FROM incarnations WHERE ordinal = ?').get(ordinal + 1) as
      | { last_known: string }
      | undefined;
    const heads = next ? (JSON.parse(next.last_known) as Vector) : log.heads();
    for (const stream of STREAMS) {
      if (at(vector, stream) <= at(heads, stream)) continue;
      const has = `the journal has ${at(heads, stream)} events of ${stream}`;
      throw new HubError('RESUME_REFUSED', `${has}, not ${at(vector, stream)}: it is older than what was sent`);
    }
  }

  #closedByTheHub(incarnation: string): boolean {
    const ordinal = this.#ordinalOf(incarnation);
    const later = this.#db
      .prepare('SELECT reason FROM incarnations WHERE ordinal > ?')
      .pluck()
      .all(ordinal) as string[];
    return ordinal > 0 && later.some(isHubsOwn);
  }

  #ordinalOf(incarnation: string): number {
    const row = this.#db.prepare('SELECT ordinal FROM incarnations WHERE incarnation = ?').get(incarnation) as
      | { ordinal: number }
      | undefined;
    return row?.ordinal ?? 0;
  }
}

function positionsOf(ordinal: number, vector: Vector): Partial<Record<Stream, number>> {
  return Object.fromEntries(STREAMS.map((stream) => [stream, positionOf(ordinal, at(vector, stream))]));
}
