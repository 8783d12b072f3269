/**
 * What can be read of a damaged journal, copied into a new database. Events keep their identity, so what was not sent yet
 * goes up as it was. State is read table by table; what rules and staff knew of open alerts is put together again from
 * the alerts' own events.
 */
import SQLite from 'better-sqlite3';
import { alertSchema, hasEnded } from '../contracts/alerts.ts';
import { HubError } from '../contracts/errors.ts';
import { isEventType, streamOf } from '../contracts/events.ts';
import { JOURNAL_STREAMS, type JournalStream, STREAMS } from '../contracts/streams.ts';

import { at, type Vector } from '../contracts/vector.ts';
import type { Database } from './database.ts';
import { isFull } from './disk-faults.ts';
import { Drops } from './drops.ts';
import { SCHEMA_VERSION } from './migrations.ts';
import { ordinalOf, streamSequenceOf } from './positions.ts';
import { noteLosses } from './salvage-losses.ts';
import { endOf, headsOf, isSound, passedPositions, tableOf, writeRecords } from './salvage-records.ts';
import { type Records, SalvageSource } from './salvage-source.ts';

export interface Filled {
  /** Events that could be read, by stream. */
  readonly saved: Vector;
  /** Events that head office did not have and that are gone, by stream; each range is a drop. */
  readonly lost: Vector;
  /** Tables of which something could not be read. */
  readonly state: readonly string[];
}

/** Not copied row by row: they are filled from what is known of them, or are of no use without the rest. */
const OWN_TABLES = new Set(['incarnations', 'event_types', 'head', 'replication', ...JOURNAL_STREAMS.map(tableOf)]);

export class SalvageCopy {
  readonly #db: Database;
  readonly #source: SalvageSource;
  readonly #hub: string;
  readonly #isThrifty: boolean;

  /** `isThrifty`: leaves out what head office has. */
  constructor(db: Database, dataDir: string, hub: string, isThrifty: boolean) {
    this.#db = db;
    this.#hub = hub;
    this.#isThrifty = isThrifty;
    this.#source = new SalvageSource(dataDir);
  }

  fill(): Filled {
    this.#source.open();
    try {
      const records = this.#source.records();
      if (records.hub !== undefined && records.hub !== this.#hub) {
        throw new HubError(
          'JOURNAL_OTHER_HUB',
          `this journal belongs to hub ${records.hub}, the configuration says ${this.#hub}`,
        );
      }
      const { version = 0 } = this.#source;
      if (this.#source.isOpen && version > SCHEMA_VERSION) {
        throw new HubError('JOURNAL_NEWER', `the journal has schema ${version}, this version knows ${SCHEMA_VERSION}`);
      }
      const state = this.#copyState();
      this.#source.close();
      const { heads, sequence } = this.#copyEvents(records);
      writeRecords(this.#db, records, heads, sequence);
      const lost = noteLosses(this.#db, records, heads, sequence);
      this.#rebuildAlerts();
      return { saved: this.#count(), lost, state };
    } finally {
      this.#source.close();
    }
  }

  /** All tables but the journal's own, as far as they can be read. Returns the names of those that could not be whole. */
  #copyState(): string[] {
    const damaged: string[] = [];
    const tables = this.#db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
    if (!this.#source.isOpen) {
      this.#source.repeats((row) => {
        this.#db
          .prepare('INSERT OR IGNORE INTO repeats (id, elapsed, entries) VALUES (?, ?, ?)')
          .run(row.id, row.elapsed, row.entries);
      });
      return ['alerts', 'rules', 'devices', 'items', 'dead letters', 'what was to go out'];
    }
    for (const table of tables) {
      if (OWN_TABLES.has(table) || table.startsWith('sqlite_')) continue;
      const there = new Set(this.#source.columns(table));
      const info = this.#db.prepare('SELECT name, pk FROM pragma_table_info(?)').all(table) as {
        name: string;
        pk: number;
      }[];
      const columns = info.map(({ name }) => name).filter((name) => there.has(name));
      const key = info.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
      if (columns.length === 0) continue;
      const insert = this.#db.prepare(
        `INSERT OR IGNORE INTO "${table}" (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      const fault = this.#source.copy(
        table,
        columns,
        key.map(({ name }) => name),
        (row) => {
          try {
            insert.run(row);
          } catch (error) {
            // A value that the table cannot hold is part of the damage.
            if (!(error instanceof SQLite.SqliteError) || isFull(error)) throw error;
          }
        },
      );
      if (fault !== undefined) damaged.push(table);
    }
    return damaged;
  }

  /** Returns the last stream sequences of the present incarnation and the last sequence. */
  #copyEvents(records: Records): { heads: Partial<Record<JournalStream, number>>; sequence: number } {
    const { chain, types, head } = records;
    const ends = chain.map((_, index) => endOf(chain, index));
    const inserts = new Map(
      JOURNAL_STREAMS.map((stream) => [
        stream,
        this.#db.prepare(`INSERT OR IGNORE INTO ${tableOf(stream)} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      ]),
    );
    const drops = new Drops(this.#db);
    const hasDrops = (this.#db.prepare('SELECT count(*) FROM drops').pluck().get() as number) > 0;
    const isPresent = records.headOrdinal === chain.length;
    const heads: Partial<Record<JournalStream, number>> = head && isPresent ? headsOf(head.streams) : {};
    let sequence = head?.sequence ?? 0;
    const known = new Map(
      [...types].flatMap(([code, type]) => (isEventType(type) ? [[code, streamOf(type)] as const] : [])),
    );
    const passed = this.#isThrifty ? passedPositions(records) : {};
    this.#source.events((event) => {
      const [position, own, code] = event;
      const stream = known.get(code);
      const ordinal = ordinalOf(position);
      const streamSequence = streamSequenceOf(position);
      if (stream === undefined || ordinal < 1 || ordinal > chain.length || streamSequence < 1 || !isSound(event))
        return;
      const end = ends[ordinal - 1];
      if (end && stream !== 'local') {
        if (streamSequence > at(end, stream)) return;
      } else if (!end) {
        heads[stream] = Math.max(heads[stream] ?? 0, streamSequence);
      }
      if (
        hasDrops &&
        stream !== 'local' &&
        drops.within(stream, ordinal, streamSequence - 1, streamSequence).length > 0
      )
        return;
      sequence = Math.max(sequence, own);
      if (position > (passed[stream] ?? 0)) inserts.get(stream)?.run(event);
    });
    return { heads, sequence };
  }

  /** The table of alerts from their events, where the events know more than the table. */
  #rebuildAlerts(): void {
    const put = this.#db.prepare(
      `INSERT INTO alerts (id, rule, subject, state, severity, title, detail, raised, changed, events, ended)
       VALUES ($id, $rule, $subject, $state, $severity, $title, $detail, $raised, $changed, $events, $ended)
       ON CONFLICT DO UPDATE SET state = excluded.state, changed = excluded.changed, events = excluded.events,
         ended = excluded.ended, title = excluded.title, detail = excluded.detail WHERE excluded.changed > alerts.changed`,
    );
    const rows = this.#db.prepare('SELECT data, received FROM events_alerts ORDER BY position').all() as {
      data: string;
      received: number;
    }[];
    for (const { data, received } of rows) {
      const alert = alertSchema.safeParse(JSON.parse(data)).data;
      if (!alert) continue;
      put.run({ ...alert, events: JSON.stringify(alert.events), ended: hasEnded(alert.state) ? received : null });
    }
  }

  #count(): Vector {
    const counts = STREAMS.map((stream) => {
      const count = this.#db
        .prepare(`SELECT count(*) FROM ${tableOf(stream)}`)
        .pluck()
        .get() as number;
      return [stream, count] as const;
    });
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }
}
