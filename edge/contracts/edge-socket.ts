/**
 * What the bridge and the command line ask of the edge over `edge.sock` (HTTP on a Unix socket), besides the public
 * routes. Vectors on this wire are JSON objects of stream -> last stream sequence (number).
 */
import { z } from 'zod';
import { STREAMS } from './streams.ts';

export const EDGE_SOCKET = 'edge.sock';

export const vectorSchema = z.partialRecord(z.enum(STREAMS), z.number().int().min(0));

/** `POST /bridge/reserve`: these rows are about to be sent and must not be evicted. */
export const reserveSchema = z.object({ incarnation: z.string(), from: vectorSchema, to: vectorSchema });

/**
 * The answer: what of (from, to] was dropped on purpose (stream sequences, both inclusive), and what before it head
 * office has not been told of yet. `events`: the events that tell of it reach up to this stream sequence of `devices`.
 */
export const reserveAnswerSchema = z.object({
  dropped: z
    .array(z.object({ stream: z.enum(STREAMS), from: z.number().int().min(1), to: z.number().int().min(1) }))
    .default([]),
  events: z.number().int().min(0).default(0),
});

/**
 * `POST /bridge/acknowledge`: head office has everything up to here; the reservation ends. `events` and `bytes`
 * (as CloudEvent texts) tell how much of it is new, for the edge's figures.
 */
export const acknowledgeSchema = z.object({
  incarnation: z.string(),
  acked: vectorSchema,
  batch: z.string(),
  events: z.number().int().min(0).optional(),
  bytes: z.number().int().min(0).optional(),
});

/** `POST /bridge/refill`: head office fell back; what it lost counts as unacknowledged again. Journals a resumed event. */
export const refillSchema = z.object({ incarnation: z.string(), acked: vectorSchema, reason: z.string() });

/**
 * `POST /bridge/new-incarnation` -> `{incarnation}`: rows up to `acked` count as acknowledged, all later ones get
 * identities of a new incarnation, which starts with its incarnation event and a resumed event.
 */
export const newIncarnationSchema = z.object({ acked: vectorSchema, reason: z.string() });

/** `POST /bridge/resumed`: journals that an operator resumed replication in another way. */
export const resumedSchema = z.object({ mode: z.enum(['repartition']), reason: z.string() });

export type ReserveRequest = z.infer<typeof reserveSchema>;
export type ReserveAnswer = z.infer<typeof reserveAnswerSchema>;
export type AcknowledgeRequest = z.infer<typeof acknowledgeSchema>;
export type RefillRequest = z.infer<typeof refillSchema>;
export type NewIncarnationRequest = z.infer<typeof newIncarnationSchema>;
export type ResumedRequest = z.infer<typeof resumedSchema>;
