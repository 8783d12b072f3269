/** The JSON Schemas that the hub publishes, made from the schemas that it works with. */
import { z } from 'zod';
import { configJsonSchema } from '../../config/schema.ts';
import { TIME_QUALITIES } from '../contracts/envelope.ts';
import { dataSchemaOf, EVENT_TYPES, type EventType, isEventType, streamOf } from '../contracts/events.ts';
import { claimSchema, offersReportSchema, playReportSchema, sentOfferSchema } from '../contracts/offers.ts';
import { gtinSchema } from '../contracts/planogram.ts';
import { isKind, KINDS, readingSchemas } from '../contracts/readings.ts';
import { LOCAL_STREAM, STREAMS } from '../contracts/streams.ts';

const REPLICATED = EVENT_TYPES.filter((type) => streamOf(type) !== LOCAL_STREAM);

/** What travels by HTTP and MQTT beside readings and events. */
const MESSAGES = {
  'message.offer': () => written(sentOfferSchema),
  'message.claim': () => z.toJSONSchema(claimSchema, { io: 'input' }),
  'message.play-report': () => z.toJSONSchema(playReportSchema, { io: 'input' }),
  'message.offers-report': () => written(offersReportSchema),
} as const;

function isMessage(name: string): name is keyof typeof MESSAGES {
  return Object.hasOwn(MESSAGES, name);
}

export const SCHEMA_NAMES: readonly string[] = [
  'config',
  ...KINDS.map((kind) => `reading.${kind}`),
  ...REPLICATED,
  ...Object.keys(MESSAGES),
  'checkpoint',
];

type JsonSchema = Record<string, unknown>;

/** Nothing when there is no schema of that name. */
export function publishedSchema(name: string): JsonSchema | undefined {
  if (name === 'config') return configJsonSchema();
  if (name === 'checkpoint') return { title: 'checkpoint', ...written(checkpoint) };
  if (isMessage(name)) return { title: name, ...MESSAGES[name]() };
  const kind = /^reading\.(.+)$/.exec(name)?.[1];
  if (kind !== undefined) {
    return isKind(kind) ? { title: name, ...z.toJSONSchema(readingSchemas[kind], { io: 'input' }) } : undefined;
  }
  return isEventType(name) && REPLICATED.includes(name) ? eventSchema(name) : undefined;
}

/** What is written for others to read: defaults are filled, and more fields may come within a version. */
function written(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'output',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (isGtin(zodSchema)) Object.assign(jsonSchema, { type: 'string', pattern: '^\\d{14}$' });
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
}

/** A described copy of the GTIN schema still has its transform. */
function isGtin(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodPipe && schema.out === gtinSchema.out;
}

const hub = z.string().describe('name of the store');
const incarnation = z
  .string()
  .regex(/^[0-9a-hjkmnp-tv-z]{13}$/)
  .describe('of the database: creation time in ms (9 characters of Crockford base32), then random (4)');
const sixteen = z.string().regex(/^\d{16}$/);
const time = z.iso.datetime();

function envelope(type: EventType) {
  return z.object({
    specversion: z.literal('1.0'),
    id: z.string().describe('hub/incarnation/sequence: unique for ever'),
    source: z.string().describe('/hub/device, or a part of the hub'),
    type: z.literal(type),
    subject: z.string().describe('what it is about'),
    time: time.describe("the device's time, or that of receipt"),
    hub,
    incarnation,
    sequence: sixteen.describe('identity, and the order inside the box'),
    streamsequence: sixteen.describe('without a gap within incarnation and stream: proof of completeness'),
    receivedtime: time.describe("the hub's clock at receipt"),
    timequality: z.enum(TIME_QUALITIES).describe('what is to be thought of time'),
    history: z.literal(true).optional().describe('a record of the past: it changed no current state'),
    datacontenttype: z.literal('application/json'),
    data: dataSchemaOf(type),
  });
}

function eventSchema(type: EventType): JsonSchema {
  return { title: type, description: `CloudEvent in the topic retail.${streamOf(type)}`, ...written(envelope(type)) };
}

const checkpointStreams = z.partialRecord(
  z.enum(STREAMS),
  z.object({
    last: sixteen.describe('the last streamsequence that head office has'),
    dropped: z
      .array(z.object({ from: sixteen, to: sixteen }))
      .describe("ranges dropped on purpose since the previous checkpoint's last"),
  }),
);

const checkpoint = z
  .object({
    hub,
    incarnation,
    batch: z.string().describe('128 random bits in hex, drawn for each attempt'),
    time,
    streams: checkpointStreams,
    closed: z.array(z.object({ incarnation, streams: checkpointStreams })).describe('older incarnations, oldest first'),
  })
  .describe('value of a record in the compacted topic retail.checkpoints, key: hub');
