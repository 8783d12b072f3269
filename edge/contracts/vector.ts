/**
 * Positions. Streams go up by priority, so one number cannot say what head office has: a position is a vector,
 * for each stream the last stream sequence. Only streams with something in them are named; an absent one is 0.
 */
import { STREAMS, type Stream } from './streams.ts';

export type Vector = Readonly<Partial<Record<Stream, number>>>;

/** How `a` stands to `b`. `mixed` means ahead in one stream and behind in another: no history explains that. */
export type Standing = 'equal' | 'ahead' | 'behind' | 'mixed';

export function at(vector: Vector, stream: Stream): number {
  return vector[stream] ?? 0;
}

export function standing(a: Vector, b: Vector): Standing {
  let ahead = false;
  let behind = false;
  for (const stream of STREAMS) {
    const difference = at(a, stream) - at(b, stream);
    if (difference > 0) ahead = true;
    if (difference < 0) behind = true;
  }
  if (ahead && behind) return 'mixed';
  if (ahead) return 'ahead';
  return behind ? 'behind' : 'equal';
}

/** For each stream the greater (`max`) or the smaller (`min`) of the two. */
export function merge(a: Vector, b: Vector, pick: 'max' | 'min'): Vector {
  const merged: Partial<Record<Stream, number>> = {};
  for (const stream of STREAMS) {
    const value = Math[pick](at(a, stream), at(b, stream));
    if (value > 0) merged[stream] = value;
  }
  return merged;
}
