/** The checkpoint record as head office's side reads it: `retail.checkpoints`, key = hub id, value JSON. */
import { z } from 'zod';
import { messageOf } from '../../edge/contracts/errors.ts';
import { STREAMS, type Stream } from '../../edge/contracts/streams.ts';
import { standing, type Vector } from '../../edge/contracts/vector.ts';
import type { Range } from './ranges.ts';

const sequence = z.union([z.string().regex(/^\d{1,16}$/), z.number().int().min(0)]).transform((value) => Number(value));

const position = z.object({
  last: sequence,
  dropped: z.array(z.object({ from: sequence, to: sequence })).default([]),
});

const streams = z.partialRecord(z.enum(STREAMS), position);

const checkpointSchema = z.object({
  hub: z.string(),
  incarnation: z.string(),
  batch: z.string(),
  time: z.string(),
  streams,
  closed: z.array(z.object({ incarnation: z.string(), streams })).default([]),
});

/** One incarnation's part of a checkpoint: the last stream sequences, and what was dropped on purpose. */
export interface Positions {
  readonly incarnation: string;
  readonly last: Vector;
  readonly dropped: ReadonlyMap<Stream, readonly Range[]>;
}

/** A checkpoint, newest incarnation last in `chain`. */
export interface Checkpoint {
  readonly hub: string;
  readonly batch: string;
  readonly chain: readonly Positions[];
}

function positionsOf(incarnation: string, parsed: z.infer<typeof streams>): Positions {
  const last: Partial<Record<Stream, number>> = {};
  const dropped = new Map<Stream, readonly Range[]>();
  for (const stream of STREAMS) {
    const entry = parsed[stream];
    if (entry === undefined) continue;
    last[stream] = entry.last;
    if (entry.dropped.length > 0) dropped.set(stream, entry.dropped);
  }
  return { incarnation, last, dropped };
}

/** Reads a checkpoint's JSON; a sentence when it is not one. */
export function parseCheckpoint(text: string): Checkpoint | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `is not JSON (${messageOf(error)})`;
  }
  const parsed = checkpointSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `is not a checkpoint (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''})`;
  }
  const { hub, batch, incarnation, streams: current, closed } = parsed.data;
  const chain = [
    ...closed.map((older) => positionsOf(older.incarnation, older.streams)),
    positionsOf(incarnation, current),
  ];
  return { hub, batch, chain };
}

export function newestOf(checkpoint: Checkpoint): Positions {
  const newest = checkpoint.chain.at(-1);
  if (newest === undefined) throw new Error('a checkpoint without an incarnation');
  return newest;
}

/**
 * Whether `a` was written after `b` for the same hub. A hub that moved to another partition leaves its old checkpoint
 * behind, so a hub may have several; clocks step, positions do not.
 */
export function isLater(a: Checkpoint, b: Checkpoint): boolean {
  const newestOfB = newestOf(b);
  const same = a.chain.find(({ incarnation }) => incarnation === newestOfB.incarnation);
  if (same === undefined) return !b.chain.some(({ incarnation }) => incarnation === newestOf(a).incarnation);
  return a.chain.length > b.chain.length || standing(same.last, newestOfB.last) === 'ahead';
}
