/**
 * The cases of the conformance suite: what devices truly send, where that is known from, and what the hub must make of
 * it. One file a codec, cases/<codec>.yaml: `device` is the entry as a shop would write it, a case may add to it; frames
 * are given as JSON, text, hex or base64. A case says all that its frames together become, or the words of the refusal.
 *
 * `captured` are bytes that a real device sent, `documented` an example of its maker or of the standard. `derived` was
 * written by the tables of the documents, where these give no example.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { CODECS } from '../../edge/contracts/devices.ts';
import { KINDS } from '../../edge/contracts/readings.ts';

const DIRECTORY = fileURLToPath(new URL('./cases/', import.meta.url));
/** Frames come at this time, unless the case names another. */
const RECEIVED = '2026-11-20T09:15:00Z';

const fields = z.record(z.string(), z.unknown());

const frameSchema = z
  .strictObject({
    topic: z.string().optional(),
    json: z.unknown().optional(),
    text: z.string().optional(),
    hex: z.string().optional(),
    base64: z.string().optional(),
  })
  .refine((frame) => ['json', 'text', 'hex', 'base64'].filter((key) => key in frame).length === 1, {
    error: 'a frame is one of json, text, hex and base64',
  });

const sourceSchema = z.strictObject({
  is: z.enum(['captured', 'documented', 'derived']),
  title: z.string().min(10),
  address: z.string().optional(),
});

const caseSchema = z
  .strictObject({
    name: z.string().min(5),
    source: sourceSchema,
    device: fields.optional(),
    received: z.string().optional(),
    frames: z.array(frameSchema).min(1),
    says: z.array(z.looseObject({ kind: z.enum(KINDS) })).optional(),
    notes: z.string().optional(),
    refuses: z.string().optional(),
    skips: z.number().optional(),
  })
  .refine(({ says, refuses, skips }) => [says, refuses, skips].filter((one) => one !== undefined).length === 1, {
    error: 'a case says something, is refused, or skips its bytes',
  });

const fileSchema = z.strictObject({
  codec: z.enum(CODECS),
  device: fields,
  /** Of the store. */
  timezone: z.string().optional(),
  cases: z.array(caseSchema),
});

export interface SentFrame {
  readonly bytes: Uint8Array;
  readonly topic?: string | undefined;
}

export interface ConformanceCase {
  readonly codec: (typeof CODECS)[number];
  readonly name: string;
  readonly source: z.infer<typeof sourceSchema>;
  /** As it stands in a configuration. */
  readonly device: Readonly<Record<string, unknown>>;
  readonly timezone: string | undefined;
  /** Epoch ms, of the first frame. */
  readonly received: number;
  readonly frames: readonly SentFrame[];
  /** Kind and fields of each reading, and `device` and `history` where they are not the frame's own. */
  readonly says?: readonly Readonly<Record<string, unknown>>[] | undefined;
  /** Words of the notes. */
  readonly notes?: string | undefined;
  /** Words of the refusal. */
  readonly refuses?: string | undefined;
  /** Bytes of a line that belong to no telegram: all of them. */
  readonly skips?: number | undefined;
}

function bytesOf({ json, text, hex, base64 }: z.infer<typeof frameSchema>): Uint8Array {
  if (hex !== undefined) return Buffer.from(hex.replace(/\s/g, ''), 'hex');
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(text ?? JSON.stringify(json));
}

/** A case takes a key of its file away by null. */
function entryOf(keys: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null));
}

/** Throws where a file is not of this form. */
export function loadCases(): readonly ConformanceCase[] {
  return readdirSync(DIRECTORY)
    .sort()
    .flatMap((name) => {
      const file = fileSchema.safeParse(parse(readFileSync(`${DIRECTORY}${name}`, 'utf8'), { merge: true }));
      if (!file.success) throw new Error(`${name}: ${z.prettifyError(file.error)}`);
      const { codec, device, timezone, cases } = file.data;
      if (name !== `${codec}.yaml`) throw new Error(`${name} holds cases of ${codec}`);
      return cases.map(({ device: more, received = RECEIVED, frames, ...one }) => ({
        ...one,
        ...{ codec, timezone, received: Date.parse(received) },
        device: entryOf({ name: 'dev', codec, ...device, ...more }),
        frames: frames.map((frame) => ({ bytes: bytesOf(frame), topic: frame.topic })),
      }));
    });
}
