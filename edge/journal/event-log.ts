/**
 * Append: the only way an event comes to be. It assigns the sequence (order inside the box) and the stream sequence
 * (order head office can prove), and writes the row into its stream's table. Called inside the writer's transaction.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { JournalRow } from '../contracts/envelope.ts';
import { type EventType, streamOf } from '../contracts/events.ts';
import { newIncarnation, sequenceText } from '../contracts/ids.ts';
import { JOURNAL_STREAMS, type JournalStream, STREAMS } from '../contracts/streams.ts';
import type { Vector } from '../contracts/vector.ts';
import type { Now } from './elapsed-clock.ts';
import { positionOf } from './positions.ts';
import { packFlags } from './row-flags.ts';

/** What is given to `append`; the rest of a row is assigned by it. */
export interface NewEvent extends Omit<JournalRow, 'stream' | 'incarnation' | 'sequence' | 'streamSequence' | 'type'> {
  readonly type: EventType;
}

export interface Appended {
  readonly sequence: number;
  readonly streamSequence: number;
}

type Heads = Record<JournalStream, number>;

const UNKNOWN = { sequence: 0, elapsed: undefined, wall: 0 };
/** The saved clock may be this old while nothing is appended. */
const CLOCK_SAVED_MS = 5_000;
/** The wall clock was set when it moved so much more or less than the elapsed one. */
const STEP_MS = 1_000;

export class EventLog {
  readonly #db: Database;
  readonly #inserts: ReadonlyMap<JournalStream, Statement>;
  readonly #saveHead: Statement;
  #types = new Map<string, number>();
  #ordinal = 0;
  #incarnation = '';
  #sequence = 0;
  #heads: Heads = emptyHeads();
  /** What the last flush wrote; the clock of before is unknown after a (re)read. */
  #saved: { sequence: number; elapsed: number | undefined; wall: number } = UNKNOWN;
  /** Appended since the last flush, by type; the writer reports it to the metrics after the commit. */
  appended = new Map<EventType, { count: number; bytes: number }>();

  constructor(db: Database) {
    this.#db = db;
    this.#inserts = new Map(
      JOURNAL_STREAMS.map((stream) => [
        stream,
        db.prepare(
          `INSERT INTO events_${stream} (position, sequence, type, received, time, flags, source, subject, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ),
      ]),
    );
    this.#saveHead = db.prepare('UPDATE head SET sequence = ?, streams = ?, elapsed = ?, wall = ? WHERE id = 1');
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get ordinal(): number {
    return this.#ordinal;
  }

  /** Last stream sequences of this incarnation, the local stream too. */
  allHeads(): Readonly<Heads> {
    return this.#heads;
  }

  /** Last stream sequences of this incarnation, the local stream left out. */
  heads(): Vector {
    return vectorOf(this.#heads);
  }

  /** (Re)reads where the log stands: at start, and after a rollback. Returns the saved clock, if there is one. */
  load(): Now | undefined {
    this.appended = new Map();
    this.#saved = UNKNOWN;
    this.#types = new Map(
      (this.#db.prepare('SELECT code, type FROM event_types').all() as { code: number; type: string }[]).map((row) => [
        row.type,
        row.code,
      ]),
    );
    const last = this.#db
      .prepare('SELECT ordinal, incarnation FROM incarnations ORDER BY ordinal DESC LIMIT 1')
      .get() as { ordinal: number; incarnation: string } | undefined;
    const head = this.#db.prepare('SELECT sequence, streams, elapsed, wall FROM head').get() as
      | { sequence: number; streams: string; elapsed: number; wall: number }
      | undefined;
    if (!last || !head) return undefined;
    this.#ordinal = last.ordinal;
    this.#incarnation = last.incarnation;
    this.#sequence = head.sequence;
    this.#heads = { ...emptyHeads(), ...(JSON.parse(head.streams) as Heads) };
    return { elapsed: head.elapsed, wall: head.wall };
  }

  /**
   * Opens a new incarnation: stream sequences start again at 1, the sequence goes on. With `closing` the one before
   * ends at `lastKnown`, and `adoptRows` gives the rows after that identities in the new one; then comes the event that
   * names the incarnation before. Must run in a transaction.
   */
  openIncarnation(
    reason: string,
    now: Now,
    closing?: { readonly lastKnown: Vector; readonly adoptRows: (incarnation: string) => void },
  ): string {
    const previous = this.#incarnation === '' ? null : this.#incarnation;
    const lastKnown = closing?.lastKnown ?? vectorOf(this.#heads);
    const incarnation = newIncarnation(now.wall);
    this.#ordinal += 1;
    this.#db
      .prepare(
        'INSERT INTO incarnations (ordinal, incarnation, previous, created, reason, last_known) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(this.#ordinal, incarnation, previous, now.wall, reason, JSON.stringify(lastKnown));
    this.#db
      .prepare('INSERT INTO head (id, sequence, streams, elapsed, wall) VALUES (1, 0, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run('{}', now.elapsed, now.wall);
    this.#incarnation = incarnation;
    this.#heads = emptyHeads();
    closing?.adoptRows(incarnation);
    const lastknown = Object.fromEntries(
      STREAMS.flatMap((stream) => (lastKnown[stream] ? [[stream, sequenceText(lastKnown[stream])]] : [])),
    );
    this.append({
      type: 'retail.devices.incarnation.v1',
      source: 'journal',
      subject: incarnation,
      time: now.wall,
      received: now.wall,
      quality: 'ok',
      history: false,
      data: JSON.stringify({ previous, lastknown, reason }),
    });
    return incarnation;
  }

  append(event: NewEvent): Appended {
    const stream = streamOf(event.type);
    const streamSequence = this.#heads[stream] + 1;
    const sequence = this.#sequence + 1;
    this.#inserts
      .get(stream)
      ?.run(
        positionOf(this.#ordinal, streamSequence),
        sequence,
        this.#typeCode(event.type),
        event.received,
        event.time,
        packFlags(event.quality, event.history),
        event.source,
        event.subject,
        event.data,
      );
    this.#heads[stream] = streamSequence;
    this.#sequence = sequence;
    const counted = this.appended.get(event.type);
    if (counted) {
      counted.count += 1;
      counted.bytes += event.data.length;
    } else {
      this.appended.set(event.type, { count: 1, bytes: event.data.length });
    }
    return { sequence, streamSequence };
  }

  /** Gives rows of this incarnation another identity: they become the next stream sequences of a new one. */
  adopt(stream: JournalStream, count: number): { ordinal: number; first: number } {
    const first = this.#heads[stream] + 1;
    this.#heads[stream] += count;
    return { ordinal: this.#ordinal, first };
  }

  /**
   * Records where the log stands, with the clock. A commit without events leaves it out when the saved clock is of a
   * moment ago: a restart reckons on from there, and each page that a commit touches costs the disk.
   */
  flush(now: Now): void {
    const since = this.#saved.elapsed === undefined ? undefined : now.elapsed - this.#saved.elapsed;
    const stepped = Math.abs(now.wall - this.#saved.wall - (since ?? 0)) > STEP_MS;
    if (this.#sequence === this.#saved.sequence && since !== undefined && since < CLOCK_SAVED_MS && !stepped) return;
    this.#saved = { sequence: this.#sequence, elapsed: now.elapsed, wall: now.wall };
    this.#saveHead.run(this.#sequence, JSON.stringify(this.#heads), now.elapsed, now.wall);
  }

  #typeCode(type: string): number {
    const known = this.#types.get(type);
    if (known !== undefined) return known;
    const code = this.#types.size + 1;
    this.#db.prepare('INSERT INTO event_types (code, type) VALUES (?, ?)').run(code, type);
    this.#types.set(type, code);
    return code;
  }
}

function emptyHeads(): Heads {
  return Object.fromEntries(JOURNAL_STREAMS.map((stream) => [stream, 0])) as Heads;
}

function vectorOf(heads: Heads): Vector {
  return Object.fromEntries(STREAMS.filter((stream) => heads[stream] > 0).map((stream) => [stream, heads[stream]]));
}
