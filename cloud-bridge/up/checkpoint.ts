/** The value of a hub's record in `retail.checkpoints`: how far it has come, committed together with the events. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sequenceText } from '../../edge/contracts/ids.ts';
import { STREAMS, type Stream } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';

const sequence = z.string().regex(/^\d{16}$/);

const streamsSchema = z.partialRecord(
  z.enum(STREAMS),
  z.object({
    last: sequence,
    dropped: z.array(z.object({ from: sequence, to: sequence })).default([]),
  }),
);

export const checkpointSchema = z.object({
  hub: z.string(),
  incarnation: z.string(),
  batch: z.string(),
  time: z.string(),
  streams: streamsSchema,
  closed: z.array(z.object({ incarnation: z.string(), streams: streamsSchema })).default([]),
});

export type Checkpoint = z.infer<typeof checkpointSchema>;
type CheckpointStreams = z.infer<typeof streamsSchema>;

/** An incarnation that is complete at head office: nothing of it comes any more. */
export interface ClosedIncarnation {
  readonly incarnation: string;
  readonly vector: Vector;
}

/** Stream sequences of one stream, both inclusive. */
export interface SentRange {
  readonly stream: Stream;
  readonly from: number;
  readonly to: number;
}

/** 128 random bits, drawn for each attempt: two writers with equal positions are told apart by it. */
export function newBatchId(): string {
  return randomBytes(16).toString('hex');
}

export function vectorOf(streams: CheckpointStreams): Vector {
  const vector: Partial<Record<Stream, number>> = {};
  for (const stream of STREAMS) {
    const last = Number(streams[stream]?.last ?? 0);
    if (last > 0) vector[stream] = last;
  }
  return vector;
}

function streamsOf(vector: Vector, dropped: readonly SentRange[] = []): CheckpointStreams {
  const streams: CheckpointStreams = {};
  for (const stream of STREAMS) {
    if (at(vector, stream) === 0) continue;
    const ranges = dropped.filter((range) => range.stream === stream);
    streams[stream] = {
      last: sequenceText(at(vector, stream)),
      dropped: ranges.map(({ from, to }) => ({ from: sequenceText(from), to: sequenceText(to) })),
    };
  }
  return streams;
}

export interface CheckpointContent {
  readonly hub: string;
  readonly incarnation: string;
  readonly batch: string;
  /** Wall clock, epoch ms. */
  readonly time: number;
  readonly vector: Vector;
  readonly closed: readonly ClosedIncarnation[];
  /** What was dropped since the checkpoint before. */
  readonly dropped?: readonly SentRange[];
}

export function checkpointText(content: CheckpointContent): string {
  const checkpoint: Checkpoint = {
    hub: content.hub,
    incarnation: content.incarnation,
    batch: content.batch,
    time: new Date(content.time).toISOString(),
    streams: streamsOf(content.vector, content.dropped),
    closed: content.closed.map(({ incarnation, vector }) => ({ incarnation, streams: streamsOf(vector) })),
  };
  return JSON.stringify(checkpoint);
}

/** Undefined when the text is not a checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    return checkpointSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
