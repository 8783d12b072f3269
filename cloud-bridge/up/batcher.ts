/**
 * What goes up next. Older incarnations are finished before newer ones, urgent streams go before the others, and what
 * is taken is encoded and compressed here, before any transaction begins. Nothing is read inside a read transaction,
 * and the work is cut into slices, so that answers from the brokers are not kept waiting meanwhile.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { CLOUDEVENT_CONTENT_TYPE, cloudEventText } from '../../edge/contracts/envelope.ts';
import { SENDING_ORDER, STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import type { JournalReader } from '../../edge/journal/reader.ts';
import type { ClosedIncarnation } from './checkpoint.ts';
import { halts } from './halt.ts';
import { type PackedPart, RecordPacker } from './packed-records.ts';

/** The part of the journal's reader that sending needs. */
export type JournalSource = Pick<JournalReader, 'hub' | 'incarnations' | 'heads' | 'rows'>;

/** How far this hub has come: everything before, and this much of this incarnation. */
export interface Reach {
  readonly incarnation: string | null;
  readonly vector: Vector;
  readonly closed: readonly ClosedIncarnation[];
}

/** Stream sequences of one stream in a batch, both inclusive. */
export interface SentRange {
  readonly stream: Stream;
  readonly from: number;
  readonly to: number;
}

export interface Batch {
  readonly incarnation: string;
  readonly from: Vector;
  readonly to: Vector;
  readonly closed: readonly ClosedIncarnation[];
  readonly ranges: readonly SentRange[];
  readonly parts: readonly PackedPart[];
  readonly events: number;
  /** As CloudEvents, before compression. */
  readonly bytes: number;
}

export interface BatchLimits {
  readonly events: number;
  readonly bytes: number;
}

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

/** How many rows of each stream of an incarnation lie after `vector`; what is gone by age waits no more. */
function waitingIn(journal: JournalSource, incarnation: string, vector: Vector): Vector {
  const heads = journal.heads(incarnation);
  const waiting: Partial<Record<Stream, number>> = {};
  for (const stream of STREAMS) {
    if (at(heads, stream) <= at(vector, stream)) continue;
    const [first] = journal.rows(stream, incarnation, at(vector, stream), 1);
    if (first) waiting[stream] = Math.max(1, at(heads, stream) - first.streamSequence + 1);
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
  const { incarnation } = start;
  const packing: Promise<PackedPart>[] = [];
  const ranges: SentRange[] = [];
  const to: Partial<Record<Stream, number>> = { ...start.vector };
  let events = 0;
  let bytes = 0;
  for (const stream of SENDING_ORDER) {
    const first = at(start.vector, stream);
    let last = first;
    let oldest: number | undefined;
    let packer: RecordPacker | undefined;
    while (events < limits.events && bytes < limits.bytes) {
      const rows = journal.rows(stream, incarnation, last, Math.min(SLICE, limits.events - events));
      for (const row of rows) {
        // The first rows of a stream may be gone by age, from a time without a cloud. Later nothing may be missing.
        if (row.streamSequence !== last + 1 && last > 0) throw halts.journalGap(stream, last, row.streamSequence);
        const text = cloudEventText(journal.hub, row);
        packer ??= new RecordPacker(topicOf(stream), journal.hub, CLOUDEVENT_CONTENT_TYPE);
        if (!packer.add(text)) {
          packing.push(packer.pack());
          packer = new RecordPacker(topicOf(stream), journal.hub, CLOUDEVENT_CONTENT_TYPE);
          packer.add(text);
        }
        oldest ??= row.streamSequence;
        last = row.streamSequence;
        events += 1;
        bytes += text.length;
      }
      if (rows.length === 0) break;
      await breathe();
    }
    if (packer) packing.push(packer.pack());
    if (oldest === undefined) continue;
    to[stream] = last;
    ranges.push({ stream, from: oldest, to: last });
  }
  if (events === 0) return undefined;
  const parts = await Promise.all(packing);
  const { vector: from, closed } = start;
  return { incarnation, from, to, closed, ranges, parts, events, bytes };
}
