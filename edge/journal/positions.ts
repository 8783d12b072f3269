/**
 * A position is the rowid of an event in its stream's table: incarnation ordinal x 2^40 + stream sequence. It grows
 * with time, so a stream's rows lie in order, and a range within one incarnation is a range of rowids.
 */
const STREAM_SEQUENCES = 2 ** 40;

export const MAX_ORDINAL = 2 ** 13 - 1;

export function positionOf(ordinal: number, streamSequence: number): number {
  return ordinal * STREAM_SEQUENCES + streamSequence;
}

export function ordinalOf(position: number): number {
  return Math.floor(position / STREAM_SEQUENCES);
}

export function streamSequenceOf(position: number): number {
  return position % STREAM_SEQUENCES;
}
