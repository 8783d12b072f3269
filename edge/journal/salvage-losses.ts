/**
 * What of a damaged journal head office will never get: ranges of a stream that it did not have and that could not be
 * read. They become drops, which it is told of; what was lost of the acknowledged is only counted.
 */
import { type JournalStream, STREAMS, type Stream } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import type { Database } from './database.ts';
import { Drops } from './drops.ts';
import { positionOf, streamSequenceOf } from './positions.ts';
import { endOf, tableOf } from './salvage-records.ts';
import type { Records } from './salvage-source.ts';

const REASON = 'damage';

interface Span {
  readonly stream: Stream;
  readonly ordinal: number;
  readonly from: number;
  readonly to: number;
  /** The last of the journal. */
  readonly sequence: number;
  /** Without a cloud the beginning of a stream leaves by age, and is not missing. */
  readonly byAge: boolean;
}

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** What head office did not have and is not here becomes drops. */
export function noteLosses(
  db: Database,
  records: Records,
  heads: Partial<Record<JournalStream, number>>,
  sequence: number,
): Vector {
  const { chain, replication } = records;
  const drops = new Drops(db);
  const acked = chain.findIndex((link) => link.incarnation === replication?.incarnation);
  const ackedVector = replication ? (JSON.parse(replication.acked) as Vector) : {};
  const lost: Partial<Record<Stream, number>> = {};
  for (let ordinal = Math.max(1, acked + 1); ordinal <= chain.length; ordinal += 1) {
    const end = endOf(chain, ordinal - 1) ?? heads;
    for (const stream of STREAMS) {
      const from = ordinal === acked + 1 ? at(ackedVector, stream) : 0;
      const span = { stream, ordinal, from, to: at(end, stream), sequence, byAge: replication === null };
      for (const gap of gapsOf(db, span)) {
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
  db.prepare(
    'UPDATE drops SET position = NULL WHERE position > ? AND position NOT IN (SELECT position FROM events_devices)',
  ).run(positionOf(Math.max(0, acked + 1), at(ackedVector, 'devices')));
  return lost;
}

/** Missing stream sequences in (from, to]. */
function gapsOf(db: Database, { stream, ordinal, from, to, sequence, byAge }: Span): Gap[] {
  const gaps: Gap[] = [];
  const rows = db
    .prepare(`SELECT position, sequence FROM ${tableOf(stream)} WHERE position > ? AND position <= ? ORDER BY position`)
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
