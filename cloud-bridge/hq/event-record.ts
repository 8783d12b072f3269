/** A record of an event topic, checked against what the contract promises about it: key, topic, identity and value. */
import { CLOUDEVENT_CONTENT_TYPE } from '../../edge/contracts/envelope.ts';
import { isEventType, streamOf } from '../../edge/contracts/events.ts';
import { type Stream, topicOf } from '../../edge/contracts/streams.ts';
import type { Range } from './ranges.ts';

/** One record as a reader with read_committed gets it. */
export interface EventRecord {
  readonly stream: Stream;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly contentType: string | undefined;
}

export interface EventIdentity {
  readonly hub: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly streamSequence: number;
  /** What a drop record names. */
  readonly drop: (Range & { readonly stream: string; readonly incarnation: string }) | undefined;
}

const INCARNATION = /^[0-9a-hjkmnp-tv-z]{13}$/;
const SEQUENCE = /^\d{16}$/;
const DROPPED = 'retail.devices.dropped.v1';

export function placeOf(record: EventRecord): string {
  return `${topicOf(record.stream)} partition ${record.partition} offset ${record.offset}`;
}

function dropOf(data: unknown): EventIdentity['drop'] | string {
  const { stream, incarnation, from, to } = data as Record<string, unknown>;
  if (typeof stream !== 'string' || typeof incarnation !== 'string')
    return 'a drop record without stream or incarnation';
  const range = { from: Number(from), to: Number(to) };
  if (!(range.from >= 1 && range.to >= range.from)) return 'a drop record whose from and to are no range';
  return { stream, incarnation, ...range };
}

function typeFault(type: unknown, stream: Stream): string | undefined {
  if (typeof type !== 'string' || !type.startsWith(`retail.${stream}.`))
    return `its type ${String(type)} is of another stream`;
  return isEventType(type) && streamOf(type) !== stream ? `its type ${type} is of another stream` : undefined;
}

/** The event's identity, or what is wrong with it as the end of a sentence. */
export function readEvent(record: EventRecord): EventIdentity | string {
  if (record.key === null) return 'has no key';
  if (record.value === null) return 'has no value';
  if (record.contentType !== CLOUDEVENT_CONTENT_TYPE) {
    return `has content-type ${record.contentType ?? 'none'} and not ${CLOUDEVENT_CONTENT_TYPE}`;
  }
  let event: Record<string, unknown>;
  try {
    const json: unknown = JSON.parse(record.value);
    if (typeof json !== 'object' || json === null) return 'is not a CloudEvent: no JSON object';
    event = json as Record<string, unknown>;
  } catch {
    return 'is not a CloudEvent: no JSON';
  }
  const { specversion, id, source, type, hub, incarnation, sequence, streamsequence, data } = event;
  if (specversion !== '1.0') return 'is not a CloudEvent 1.0';
  if (hub !== record.key) return `names hub ${String(hub)}, its key is ${record.key}`;
  if (typeof incarnation !== 'string' || !INCARNATION.test(incarnation)) return 'has no proper incarnation';
  if (typeof sequence !== 'string' || !SEQUENCE.test(sequence)) return 'has no proper sequence';
  if (typeof streamsequence !== 'string' || !SEQUENCE.test(streamsequence)) return 'has no proper streamsequence';
  if (id !== `${hub}/${incarnation}/${sequence}`) return `has id ${String(id)}, which does not fit its own fields`;
  if (typeof source !== 'string' || !source.startsWith(`/${hub}/`))
    return `has source ${String(source)}, not of its hub`;
  if (typeof event.time !== 'string' || typeof event.receivedtime !== 'string') return 'has no time';
  if (typeof data !== 'object' || data === null) return 'has no data';
  const fault = typeFault(type, record.stream);
  if (fault !== undefined) return fault;
  const drop = type === DROPPED ? dropOf(data) : undefined;
  if (typeof drop === 'string') return `is ${drop}`;
  return { hub: record.key, incarnation, sequence: Number(sequence), streamSequence: Number(streamsequence), drop };
}
