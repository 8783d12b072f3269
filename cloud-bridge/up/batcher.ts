/**
 * What goes up next. Older incarnations are finished before newer ones, urgent streams go before the others, and what
 * is taken is encoded and compressed here, before any transaction begins. Nothing is read inside a read transaction,
 * and the work is cut into slices, so that answers from the brokers are not kept waiting meanwhile.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { ReserveAnswer } from '../../edge/contracts/edge-socket.ts';
import { CLOUDEVENT_CONTENT_TYPE, cloudEventText } from '../../edge/contracts/envelope.ts';
import { SENDING_ORDER, STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import type { JournalReader } from '../../edge/journal/reader.ts';
import { countOf, missingFrom } from '../hq/ranges.ts';
import type { ClosedIncarnation, SentRange } from './checkpoint.ts';
import { halts } from './halt.ts';
import { type PackedPart, RecordPacker } from './packed-records.ts';

/** The part of the journal's reader that sending needs. */
export type JournalSource = Pick<JournalReader, 'hub' | 'incarnations' | 'heads' | 'rows' | 'dropped'>;

/** How far this hub has come: everything before, and this much of this incarnation. */
export interface Reach {
  readonly incarnation: string | null;
  readonly vector: Vector;
  readonly closed: readonly ClosedIncarnation[];
}

export interface Batch {
  readonly incarnation: string;
  readonly from: Vector;
  readonly to: Vector;
  readonly closed: readonly ClosedIncarnation[];
  /** What it holds of each stream, from the first to the last event. */
  readonly ranges: readonly SentRange[];
  /** What of that was dropped on purpose. */
  readonly skipped: readonly SentRange[];
  readonly parts: readonly PackedPart[];
  readonly events: number;
  /** As CloudEvents, before compression. */
  readonly bytes: number;
  /** Most bytes of one send, where a topic takes less than usual. */
  readonly partBytes?: number | undefined;
}

export interface BatchLimits {
  readonly events: number;
  readonly bytes: number;
  /** Most bytes of one send; a single event may have more. */
  readonly partBytes?: number;
  /** The line is slower than this box compresses. */
  readonly isThinLine?: boolean;
}

const UNLIMITED: BatchLimits = { events: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** Rows of one statement: a few milliseconds. */
const SLICE = 500;

/** Where sending goes on after `reach`: the same incarnation, or the next one when that is complete. */
function nextReach(journal: JournalSource, reach: Reach): Reach | undefined {
  const chain = journal.incarnations();
  let current = reach;
  const known = chain.findIndex((entry) => entry.incarnation === reach.incarnation);
  for (const { incarnation } of chain.slice(Math.max(0, known))) {
    if (incarnation !== current.incarnation) current = follow(current, incarnation);
    if (total(waitingIn(journal, incarnation, current.vector)) > 0) return current;
  }
  return undefined;
}

function follow(reach: Reach, incarnation: string): Reach {
  const finished = reach.incarnation === null ? [] : [{ incarnation: reach.incarnation, vector: reach.vector }];
  return { incarnation, vector: {}, closed: [...reach.closed, ...finished] };
}

/** How many rows of each stream of an incarnation lie after `vector`; what is gone waits no more. */
function waitingIn(journal: JournalSource, incarnation: string, vector: Vector): Vector {
  const heads = journal.heads(incarnation);
  const waiting: Partial<Record<Stream, number>> = {};
  for (const stream of STREAMS) {
    if (at(heads, stream) <= at(vector, stream)) continue;
    const [first] = journal.rows(stream, incarnation, at(vector, stream), 1);
    if (!first) continue;
    const dropped = journal.dropped(stream, incarnation, first.streamSequence, at(heads, stream));
    waiting[stream] = Math.max(1, at(heads, stream) - first.streamSequence + 1 - countOf(dropped));
  }
  return waiting;
}

/** How many events of each stream head office does not have. */
export function lagOf(journal: JournalSource, reach: Reach): Vector {
  const lag: Partial<Record<Stream, number>> = {};
  const chain = journal.incarnations();
  const known = chain.findIndex((entry) => entry.incarnation === reach.incarnation);
  for (const { incarnation } of chain.slice(Math.max(0, known))) {
    const waiting = waitingIn(journal, incarnation, incarnation === reach.incarnation ? reach.vector : {});
    for (const stream of STREAMS) {
      if (at(waiting, stream) > 0) lag[stream] = (lag[stream] ?? 0) + at(waiting, stream);
    }
  }
  return lag;
}

export function total(vector: Vector): number {
  return STREAMS.reduce((sum, stream) => sum + at(vector, stream), 0);
}

/** The next batch after `reach`, ready to send; undefined when head office has everything. Throws Halt (journal-gap). */
export async function gather(journal: JournalSource, reach: Reach, limits: BatchLimits): Promise<Batch | undefined> {
  const start = nextReach(journal, reach);
  if (!start || start.incarnation === null) return undefined;
  const { incarnation, vector, closed } = start;
  const batch = await collect(journal, { incarnation, from: vector, closed }, limits);
  return batch.events === 0 ? undefined : batch;
}

/** The same batch with exactly the rows up to `to` that are still there, whatever their number. Throws Halt (journal-gap). */
export async function gatherAgain(journal: JournalSource, batch: Batch, to: Vector): Promise<Batch> {
  const { incarnation, from, closed, partBytes } = batch;
  const limits = { ...UNLIMITED, ...(partBytes === undefined ? {} : { partBytes }) };
  return collect(journal, { incarnation, from, closed }, limits, to);
}

/**
 * Whether the batch is what a reservation makes of it: nothing that was gathered has been dropped meanwhile, and the
 * events that tell of drops are in it.
 */
export function holds(batch: Batch, answer: ReserveAnswer): boolean {
  if (answer.events > at(batch.to, 'devices')) return false;
  return answer.dropped.every(({ stream, from, to }) => {
    const range = { from: Math.max(from, at(batch.from, stream) + 1), to };
    const skipped = batch.skipped.filter((one) => one.stream === stream);
    return range.to < range.from || missingFrom(range, skipped).length === 0;
  });
}

async function collect(
  journal: JournalSource,
  start: Pick<Batch, 'incarnation' | 'from' | 'closed'>,
  limits: BatchLimits,
  bound?: Vector,
): Promise<Batch> {
  const { incarnation } = start;
  const packing: Promise<PackedPart>[] = [];
  const ranges: SentRange[] = [];
  const skipped: SentRange[] = [];
  const to: Partial<Record<Stream, number>> = { ...start.from };
  let events = 0;
  let bytes = 0;
  for (const stream of SENDING_ORDER) {
    const end = bound === undefined ? Number.POSITIVE_INFINITY : at(bound, stream);
    let last = at(start.from, stream);
    let oldest: number | undefined;
    let packer: RecordPacker | undefined;
    while (last < end && events < limits.events && bytes < limits.bytes) {
      const rows = journal.rows(stream, incarnation, last, Math.min(SLICE, limits.events - events));
      const wanted = rows.filter((row) => row.streamSequence <= end);
      for (const row of wanted) {
        if (bytes >= limits.bytes) break;
        if (row.streamSequence !== last + 1)
          skipped.push(...explained(journal, stream, incarnation, last, row.streamSequence));
        const text = cloudEventText(journal.hub, row);
        packer ??= new RecordPacker(topicOf(stream), journal.hub, CLOUDEVENT_CONTENT_TYPE, limits.partBytes);
        if (!packer.add(text)) {
          packing.push(packer.pack(limits.isThinLine));
          packer = new RecordPacker(topicOf(stream), journal.hub, CLOUDEVENT_CONTENT_TYPE, limits.partBytes);
          packer.add(text);
        }
        oldest ??= row.streamSequence;
        last = row.streamSequence;
        events += 1;
        bytes += text.length;
      }
      if (wanted.length < rows.length || rows.length === 0) break;
      await breathe();
    }
    if (packer) packing.push(packer.pack(limits.isThinLine));
    if (oldest !== undefined) {
      to[stream] = last;
      ranges.push({ stream, from: oldest, to: last });
    }
    if (bound !== undefined && last < end) {
      skipped.push(...explained(journal, stream, incarnation, last, end + 1));
      to[stream] = end;
    }
  }
  return {
    ...start,
    to,
    ranges,
    skipped,
    parts: await Promise.all(packing),
    events,
    bytes,
    partBytes: limits.partBytes,
  };
}

/**
 * What is missing between two stream sequences was dropped on purpose; or it is the beginning of a stream, gone by age
 * in a time without a cloud. Throws Halt (journal-gap) for anything else.
 */
function explained(
  journal: JournalSource,
  stream: Stream,
  incarnation: string,
  after: number,
  before: number,
): SentRange[] {
  const whole = { from: after + 1, to: before - 1 };
  const dropped = journal.dropped(stream, incarnation, after, whole.to);
  const [missing] = missingFrom(whole, dropped);
  if (missing !== undefined && after > 0) throw halts.journalGap(stream, missing.from - 1, missing.to + 1);
  return dropped.map((range) => ({ stream, ...range }));
}
