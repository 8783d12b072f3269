/**
 * Salvage: a damaged journal is set aside, and what can be read of it becomes a new one.
 *
 * Events keep their identity, so what was not sent yet goes up as it was. What was lost of it becomes drops, which head
 * office is told of; what was lost of the acknowledged is only counted. Then a new incarnation opens: nobody can be
 * sure which identities were given out last. State is read table by table; what rules and staff knew of open alerts is
 * put together again from the alerts' own events.
 *
 * The new database is complete and synced before it takes the old one's place (exchange.ts); until then a crash leaves
 * the damaged one and the note that it is damaged, and the next start begins again.
 */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { alertSchema, hasEnded } from '../contracts/alerts.ts';
import { HubError, messageOf } from '../contracts/errors.ts';
import { isEventType, streamOf } from '../contracts/events.ts';
import { JOURNAL_STREAMS, type JournalStream, STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import { type Database, PAGE_BYTES } from './database.ts';
import { hasNoRoom, isFull } from './disk-faults.ts';
import { Drops } from './drops.ts';
import { belongLikeFolder, syncPath } from './durable-file.ts';
import { ElapsedClock } from './elapsed-clock.ts';
import { EventLog } from './event-log.ts';
import { asideName, dropUnfinished, exchange, newJournalFile } from './exchange.ts';
import { releaseBallast } from './full-disk.ts';
import { type Identity, identityOf, keepIdentity, readIdentity } from './identity-file.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { ordinalOf, positionOf, streamSequenceOf } from './positions.ts';
import { endOf, headsOf, isSound, passedPositions, writeRecords } from './salvage-records.ts';
import { type Records, SalvageSource } from './salvage-source.ts';
import { forgetDamaged } from './set-aside.ts';

export interface SalvageReport {
  /** What made the hub look: an error of SQLite, or what the check found. */
  readonly cause: string;
  /** Where the damaged file is now. */
  readonly aside: string;
  readonly reason: 'salvage' | 'lost';
  readonly incarnation: string;
  /** Events that could be read, by stream. */
  readonly saved: Vector;
  /** Events that head office did not have and that are gone, by stream; each range is a drop. */
  readonly lost: Vector;
  /** Tables of which something could not be read. */
  readonly state: readonly string[];
}

/** In the table `meta`: a salvage that staff have not been told of yet. */
export const SALVAGED_KEY = 'salvaged';
/** There, too: the newest one that they have been told of. */
export const LAST_SALVAGE_KEY = 'last_salvage';

const REASON = 'damage';
/** Not copied row by row: they are filled from what is known of them, or are of no use without the rest. */
const OWN_TABLES = new Set(['incarnations', 'event_types', 'head', 'replication', ...JOURNAL_STREAMS.map(tableOf)]);

function tableOf(stream: JournalStream): string {
  return `events_${stream}`;
}

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
      ...thriftily(dataDir, (isThrifty) => attempt(found, (into) => new Salvage(into, dataDir, hub, isThrifty).fill())),
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

type Filled = Pick<SalvageReport, 'saved' | 'lost' | 'state'>;

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

class Salvage {
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
      const lost = this.#noteLosses(records, heads, sequence);
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

  /** What head office did not have and is not here becomes drops. */
  #noteLosses(records: Records, heads: Partial<Record<JournalStream, number>>, sequence: number): Vector {
    const { chain, replication } = records;
    const drops = new Drops(this.#db);
    const acked = chain.findIndex((link) => link.incarnation === replication?.incarnation);
    const ackedVector = replication ? (JSON.parse(replication.acked) as Vector) : {};
    const lost: Partial<Record<Stream, number>> = {};
    for (let ordinal = Math.max(1, acked + 1); ordinal <= chain.length; ordinal += 1) {
      const end = endOf(chain, ordinal - 1) ?? heads;
      for (const stream of STREAMS) {
        const from = ordinal === acked + 1 ? at(ackedVector, stream) : 0;
        for (const gap of this.#gaps(stream, ordinal, from, at(end, stream), sequence, replication === null)) {
          for (const range of without(gap, drops.within(stream, ordinal, gap.from - 1, gap.to))) {
            drops.note({
              stream,
              ordinal,
              ...range,
              firstSequence: gap.firstSequence,
              lastSequence: gap.lastSequence,
              reason: REASON,
            });
            lost[stream] = (lost[stream] ?? 0) + range.to - range.from + 1;
          }
        }
      }
    }
    // A drop whose event was lost on its way is told again.
    this.#db
      .prepare(
        'UPDATE drops SET position = NULL WHERE position > ? AND position NOT IN (SELECT position FROM events_devices)',
      )
      .run(positionOf(Math.max(0, acked + 1), at(ackedVector, 'devices')));
    return lost;
  }

  /** Missing stream sequences in (from, to]. Without a cloud the beginning of a stream leaves by age, and is not missing. */
  #gaps(stream: Stream, ordinal: number, from: number, to: number, sequence: number, byAge: boolean): Gap[] {
    const gaps: Gap[] = [];
    const rows = this.#db
      .prepare(
        `SELECT position, sequence FROM ${tableOf(stream)} WHERE position > ? AND position <= ? ORDER BY position`,
      )
      .iterate(positionOf(ordinal, from), positionOf(ordinal, to)) as IterableIterator<{
      position: number;
      sequence: number;
    }>;
    let next = from + 1;
    let before = 0;
    for (const row of rows) {
      const here = streamSequenceOf(row.position);
      if (here > next && !(byAge && next === 1)) {
        gaps.push({ from: next, to: here - 1, firstSequence: before + 1, lastSequence: row.sequence - 1 });
      }
      next = here + 1;
      before = row.sequence;
    }
    if (next <= to) gaps.push({ from: next, to, firstSequence: before + 1, lastSequence: sequence });
    return gaps;
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

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** What of a range no other range covers; the others are in order. */
function without(range: Gap, others: readonly { from: number; to: number }[]): { from: number; to: number }[] {
  const left: { from: number; to: number }[] = [];
  let from = range.from;
  for (const other of others) {
    if (other.from > from) left.push({ from, to: other.from - 1 });
    from = Math.max(from, other.to + 1);
  }
  if (from <= range.to) left.push({ from, to: range.to });
  return left;
}
