/** Head office's records of this hub beside the journal's rows, byte for byte, as far as the journal still holds them. */
import { cloudEventText, type JournalRow } from '../../edge/contracts/envelope.ts';
import { STREAMS, type Stream } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import type { JournalReader } from '../../edge/journal/reader.ts';
import type { EventIdentity } from '../hq/event-record.ts';
import { joined, missingFrom, type Range, Runs } from '../hq/ranges.ts';

/** A record at head office that the journal lacks, or holds with other content. */
export interface Strange {
  readonly incarnation: string;
  readonly stream: Stream;
  readonly streamSequence: number;
  readonly why: 'lacking' | 'other-content' | 'unreadable';
}

export interface ComparisonOptions {
  readonly journal: Pick<JournalReader, 'rows' | 'dropped'>;
  readonly hub: string;
  /** The journal's, oldest first. */
  readonly incarnations: readonly string[];
  readonly heads: ReadonlyMap<string, Vector>;
  /** What head office has confirmed, as the journal knows. */
  readonly acked: { readonly incarnation: string; readonly vector: Vector } | undefined;
  /** How far a closed incarnation may go on at head office beyond the journal's own rows. */
  readonly explained: (incarnation: string, stream: Stream) => number;
}

/** A record beside its row; without a row there may be nothing to compare it with, and nothing wrong. */
type Verdict = 'equal' | 'not-comparable' | Strange['why'];

function keyOf(incarnation: string, stream: Stream): string {
  return `${incarnation}/${stream}`;
}

const PAGE = 500;
const SHOWN = 5;

/** What one pass over one partition found. */
interface Pass {
  readonly stream: Stream;
  readonly seen: Map<string, number>;
  /** By incarnation, the stream sequences whose records were compared and are the journal's rows. */
  readonly equal: Map<string, Runs>;
  readonly strange: Strange[];
  strangeCount: number;
  /** By incarnation, the first stream sequence that is not the journal's. */
  readonly mismatch: Map<string, number>;
  first: EventIdentity | undefined;
}

export class JournalComparison {
  readonly #options: ComparisonOptions;
  readonly #seen = new Map<string, Map<Stream, number>>();
  /** By incarnation and stream, as `keyOf` has it. */
  readonly #mismatch = new Map<string, number>();
  readonly #equal = new Map<string, Range[]>();
  #pass: Pass | undefined;
  #page: { stream: Stream; incarnation: string; rows: JournalRow[] } | undefined;
  readonly strange: Strange[] = [];
  strangeCount = 0;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** Begins (again) with one partition of a stream; what the pass before found is forgotten unless kept. */
  begin(stream: Stream): void {
    this.#pass = {
      stream,
      seen: new Map(),
      equal: new Map(),
      strange: [],
      strangeCount: 0,
      mismatch: new Map(),
      first: undefined,
    };
  }

  record(event: EventIdentity | string, value: string): void {
    const pass = this.#pass;
    if (pass === undefined) throw new Error('no pass was begun');
    if (typeof event === 'string') {
      this.#note(pass, { incarnation: 'unknown', stream: pass.stream, streamSequence: 0, why: 'unreadable' });
      return;
    }
    pass.first ??= event;
    const { incarnation, streamSequence } = event;
    pass.seen.set(incarnation, Math.max(pass.seen.get(incarnation) ?? 0, streamSequence));
    const why = this.#judge(pass.stream, incarnation, streamSequence, value);
    if (why === 'equal') {
      const runs = pass.equal.get(incarnation) ?? new Runs();
      pass.equal.set(incarnation, runs);
      runs.add(streamSequence);
    }
    if (why === 'equal' || why === 'not-comparable') return;
    this.#note(pass, { incarnation, stream: pass.stream, streamSequence, why });
    const first = pass.mismatch.get(incarnation) ?? Number.POSITIVE_INFINITY;
    pass.mismatch.set(incarnation, Math.min(first, streamSequence));
  }

  /** Whether the pass began before everything that the journal holds of this stream. */
  reachesFarEnough(): boolean {
    const first = this.#pass?.first;
    const stream = this.#pass?.stream;
    if (first === undefined || stream === undefined) return false;
    const held = this.#options.incarnations.find((incarnation) => this.#firstHeld(incarnation, stream) !== undefined);
    if (held === undefined) return true;
    if (first.incarnation === held) return first.streamSequence < (this.#firstHeld(held, stream) ?? 0);
    const index = this.#options.incarnations.indexOf(first.incarnation);
    return index === -1 ? first.incarnation < held : index < this.#options.incarnations.indexOf(held);
  }

  /** What the pass found counts. */
  keep(): void {
    const pass = this.#pass;
    if (pass === undefined) return;
    for (const [incarnation, last] of pass.seen) {
      const streams = this.#seen.get(incarnation) ?? new Map<Stream, number>();
      streams.set(pass.stream, Math.max(streams.get(pass.stream) ?? 0, last));
      this.#seen.set(incarnation, streams);
    }
    for (const [incarnation, first] of pass.mismatch) {
      const key = keyOf(incarnation, pass.stream);
      this.#mismatch.set(key, Math.min(first, this.#mismatch.get(key) ?? Number.POSITIVE_INFINITY));
    }
    for (const [incarnation, { ranges }] of pass.equal) {
      const key = keyOf(incarnation, pass.stream);
      this.#equal.set(key, joined([...(this.#equal.get(key) ?? []), ...ranges]));
    }
    this.strange.push(...pass.strange.slice(0, SHOWN - this.strange.length));
    this.strangeCount += pass.strangeCount;
    this.#pass = undefined;
  }

  incarnationsSeen(): string[] {
    return [...this.#seen.keys()];
  }

  lastSeen(incarnation: string, stream: Stream): number {
    return this.#seen.get(incarnation)?.get(stream) ?? 0;
  }

  /**
   * How far head office's records of an incarnation of the journal are the journal's rows. What is acknowledged counts without
   * its record, which retention may have deleted; beyond that only a record that was compared counts, up to the first
   * row without one: no record is no proof that head office ever had that row.
   */
  equal(incarnation: string, real: Vector): Vector {
    const equal: Partial<Record<Stream, number>> = {};
    const heads = this.#options.heads.get(incarnation) ?? {};
    for (const stream of STREAMS) {
      const before = (this.#mismatch.get(keyOf(incarnation, stream)) ?? Number.POSITIVE_INFINITY) - 1;
      const last = Math.min(before, at(real, stream), at(heads, stream), this.#provenTo(incarnation, stream));
      if (last > 0) equal[stream] = last;
    }
    return equal;
  }

  /** The part of a range that the journal has pruned; rows leave it oldest first. What was dropped was never sent. */
  lacks(incarnation: string, stream: Stream, range: Range): Range | undefined {
    const gone = { from: range.from, to: Math.min(range.to, this.#firstFrom(incarnation, stream, range) - 1) };
    if (gone.to < gone.from) return undefined;
    return missingFrom(gone, this.#options.journal.dropped(stream, incarnation, gone.from - 1, gone.to))[0];
  }

  /** Whether the journal has a row in a range. */
  holds(incarnation: string, stream: Stream, range: Range): boolean {
    return range.from <= range.to && this.#firstFrom(incarnation, stream, range) <= range.to;
  }

  #firstFrom(incarnation: string, stream: Stream, { from }: Range): number {
    const [row] = this.#options.journal.rows(stream, incarnation, from - 1, 1);
    return row?.streamSequence ?? Number.POSITIVE_INFINITY;
  }

  #provenTo(incarnation: string, stream: Stream): number {
    const { acked, journal } = this.#options;
    let proven = acked?.incarnation === incarnation ? at(acked.vector, stream) : 0;
    for (const { from, to } of this.#equal.get(keyOf(incarnation, stream)) ?? []) {
      if (to <= proven) continue;
      // Sequences that were dropped on purpose have no row: nothing of them can be lost.
      const next = journal.rows(stream, incarnation, proven, 1)[0]?.streamSequence;
      if (next === undefined || next < from) break;
      proven = to;
    }
    return proven;
  }

  #judge(stream: Stream, incarnation: string, streamSequence: number, value: string): Verdict {
    const heads = this.#options.heads.get(incarnation);
    if (heads === undefined) {
      return streamSequence <= this.#options.explained(incarnation, stream) ? 'not-comparable' : 'lacking';
    }
    const row = this.#row(stream, incarnation, streamSequence);
    if (row !== undefined) return cloudEventText(this.#options.hub, row) === value ? 'equal' : 'other-content';
    const isPresent = incarnation === this.#options.incarnations.at(-1);
    const known = isPresent
      ? at(heads, stream)
      : Math.max(at(heads, stream), this.#options.explained(incarnation, stream));
    // Pruned rows were acknowledged once: what they held cannot be compared, and need not be.
    return streamSequence <= known ? 'not-comparable' : 'lacking';
  }

  #note(pass: Pass, strange: Strange): void {
    pass.strangeCount += 1;
    if (pass.strange.length < SHOWN) pass.strange.push(strange);
  }

  #firstHeld(incarnation: string, stream: Stream): number | undefined {
    return this.#options.journal.rows(stream, incarnation, 0, 1)[0]?.streamSequence;
  }

  #row(stream: Stream, incarnation: string, streamSequence: number): JournalRow | undefined {
    const page = this.#page;
    const first = page?.rows[0];
    const last = page?.rows.at(-1);
    const fits =
      page?.stream === stream &&
      page.incarnation === incarnation &&
      first !== undefined &&
      last !== undefined &&
      first.streamSequence <= streamSequence &&
      streamSequence <= last.streamSequence;
    const rows = fits ? page.rows : this.#options.journal.rows(stream, incarnation, streamSequence - 1, PAGE);
    this.#page = { stream, incarnation, rows };
    const guess = rows[streamSequence - (rows[0]?.streamSequence ?? 0)];
    if (guess?.streamSequence === streamSequence) return guess;
    return rows.find((row) => row.streamSequence === streamSequence);
  }
}
