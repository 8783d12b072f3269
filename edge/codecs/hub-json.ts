/**
 * The hub's own format: a payload is UTF-8 JSON (RFC 8259).
 *
 *   payload := reading | '[' reading (',' reading){0,999} ']'
 *   reading := an object of its kind's schema (contracts/readings.ts); unknown fields are dropped and counted
 *
 * A payload is accepted or refused as a whole. No schema looks deeper than a few levels, and nothing here recurses
 * into what a device sent, so nesting cannot exhaust the stack; it is refused because no reading needs it.
 */
import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import type { AcceptedReading } from '../contracts/intake.ts';
import { type Kind, readingSchemas } from '../contracts/readings.ts';
import { faultsOf, MOST_POINTERS, pointersOf, reasonOf } from './faults.ts';
import { cardsWereMasked, maskedCopy } from './masking.ts';
import { nestsDeeperThan } from './nesting.ts';
import {
  normaliseClimate,
  normaliseConsent,
  normaliseObservation,
  normalisePresence,
  normaliseRfid,
  normaliseSale,
  normaliseScan,
  normaliseShelf,
  normaliseStatus,
  normaliseTraffic,
} from './normalise.ts';
import type { Arrival, Decoded, DecodingContext, Fault, Outcome, Refused } from './outcome.ts';
import { plainSale } from './plain-sale.ts';
import { UnknownFields } from './unknown-fields.ts';

const MOST_READINGS = 1000;
const DEEPEST = 32;
const LARGEST_EVENT = 262_144;
const MOST_READERS = 256;

/** Bytes. */
const SMALL = 16_384;

const EXPECTED = 'expected UTF-8 JSON, one reading or an array of 1 to 1000 readings';
const EMPTY = new Uint8Array();
const TOO_DEEP: Fault = { pointer: '', message: `nested deeper than ${DEEPEST} levels: ${EXPECTED}` };

type ReadOne = (value: unknown, arrival: Arrival) => Outcome;

function reader<S extends z.ZodType>(
  schema: S,
  normalise: (reading: z.output<S>, arrival: Arrival, raw: unknown) => Outcome,
): ReadOne {
  return (value, arrival) => {
    const result = schema.safeParse(value);
    return result.success ? normalise(result.data, arrival, value) : faultsOf(result.error.issues, '');
  };
}

const READERS: Readonly<Record<Kind, ReadOne>> = {
  sale: reader(readingSchemas.sale, normaliseSale),
  shelf: reader(readingSchemas.shelf, normaliseShelf),
  traffic: reader(readingSchemas.traffic, normaliseTraffic),
  climate: reader(readingSchemas.climate, normaliseClimate),
  status: reader(readingSchemas.status, normaliseStatus),
  rfid: reader(readingSchemas.rfid, normaliseRfid),
  scan: reader(readingSchemas.scan, normaliseScan),
  presence: reader(readingSchemas.presence, normalisePresence),
  consent: reader(readingSchemas.consent, normaliseConsent),
  observation: reader(readingSchemas.observation, normaliseObservation),
};

/** Numbers since start, read when metrics are scraped. */
export interface DecodingCounters {
  training: number;
  /** Readings, and refused payloads, in which card data was masked. */
  masked: { readings: number; letters: number };
  presence: number;
  consent: number;
  /** Sightings by reader (device), at most 256 names, then `(others)`. */
  readonly rfid: Map<string, number>;
  readonly unknownFields: ReadonlyMap<string, number>;
}

export class HubJson {
  readonly #context: DecodingContext;
  readonly #unknown = new UnknownFields();
  readonly #countUnknown = new Map<Kind, (reading: unknown) => void>();
  readonly counters: DecodingCounters = {
    training: 0,
    masked: { readings: 0, letters: 0 },
    presence: 0,
    consent: 0,
    rfid: new Map(),
    unknownFields: this.#unknown.seen,
  };

  constructor(context: DecodingContext) {
    this.#context = context;
    for (const [kind, schema] of Object.entries(readingSchemas)) {
      this.#countUnknown.set(kind as Kind, this.#unknown.counter(kind, schema));
    }
  }

  /** Never throws: every payload is accepted, or refused with a reason. `received` is epoch ms. */
  readonly decode = (kind: Kind, device: string, payload: Uint8Array, received: number): Decoded => {
    // A parser spends long on what is nested without end; small payloads are looked at where no short way is found.
    if (payload.length > SMALL && nestsDeeperThan(DEEPEST, payload))
      return this.#refused(kind, payload, [TOO_DEEP], []);
    const value = parsedJson(payload);
    if (value instanceof Malformed) return this.#refused(kind, payload, [{ pointer: '', message: value.message }], []);
    const arrival = { kind, device, received, context: this.#context, training: 0, masked: 0 };
    if (kind === 'sale') {
      // Sure and common shapes need no schema; anything else, good or bad, is judged by it.
      const sale = plainSale(value, arrival);
      if (sale !== undefined) return { ok: true, readings: [sale], counted: 0 };
    }
    return this.#bySchema(value, arrival, payload);
  };

  /** The same judgement of readings that a vendor's codec translated; what is refused has no bytes of its own. */
  readonly judge = (kind: Kind, device: string, readings: readonly unknown[], received: number): Decoded =>
    this.#judged(readings, true, { kind, device, received, context: this.#context, training: 0, masked: 0 }, EMPTY);

  /** Only says what would be refused: nothing is counted, because the readings come again. */
  readonly check = (kind: Kind, device: string, readings: readonly unknown[], received: number): Decoded =>
    this.#judged(
      readings,
      true,
      { kind, device, received, context: this.#context, training: 0, masked: 0 },
      EMPTY,
      false,
    );

  #bySchema(value: unknown, arrival: Arrival, payload: Uint8Array): Decoded {
    const { kind } = arrival;
    if (payload.length <= SMALL && nestsDeeperThan(DEEPEST, payload))
      return this.#refused(kind, payload, [TOO_DEEP], []);
    const many = Array.isArray(value);
    return this.#judged(many ? value : [value], many, arrival, payload);
  }

  #judged(values: readonly unknown[], many: boolean, arrival: Arrival, payload: Uint8Array, counts = true): Decoded {
    const { kind } = arrival;
    if (values.length === 0 || values.length > MOST_READINGS) {
      const message = `an array of ${values.length} readings: expected 1 to ${MOST_READINGS}`;
      return this.#refused(kind, payload, [{ pointer: '', message }], ['']);
    }
    const read = READERS[kind];
    const readings: AcceptedReading[] = [];
    const faults: Fault[] = [];
    for (let i = 0; i < values.length && faults.length < MOST_POINTERS; i += 1) {
      const plain = kind === 'sale' ? plainSale(values[i], arrival) : undefined;
      const outcome = plain ?? read(values[i], arrival);
      const prefix = many ? `/${i}` : '';
      if (outcome === 'counted') continue;
      if (isFaults(outcome)) {
        for (const fault of outcome) faults.push({ ...fault, pointer: prefix + fault.pointer });
      } else if (outcome.body.length * 3 > LARGEST_EVENT && Buffer.byteLength(outcome.body) > LARGEST_EVENT) {
        faults.push({ pointer: prefix, message: 'larger than 256 KiB: expected at most that per reading' });
      } else {
        readings.push(outcome);
      }
    }
    if (faults.length > 0) return this.#refused(kind, payload, faults, undefined);
    if (counts) this.#count(arrival, values);
    return { ok: true, readings, counted: values.length - readings.length };
  }

  /** Of bytes that nobody decodes, for a dead letter. */
  readonly mask = (payload: Uint8Array): Uint8Array => {
    const copy = maskedCopy(payload);
    if (cardsWereMasked(payload, copy)) this.counters.masked.letters += 1;
    return copy;
  };

  #refused(
    kind: Kind,
    payload: Uint8Array,
    faults: readonly Fault[],
    pointers: readonly string[] | undefined,
  ): Refused {
    const bytes = kind === 'presence' || kind === 'consent' ? null : this.mask(payload);
    return { ok: false, reason: reasonOf(faults), pointers: pointers ?? pointersOf(faults), bytes };
  }

  #count(arrival: Arrival, values: readonly unknown[]): void {
    const { counters } = this;
    counters.training += arrival.training;
    counters.masked.readings += arrival.masked;
    if (arrival.kind === 'presence') counters.presence += values.length;
    if (arrival.kind === 'consent') counters.consent += values.length;
    if (arrival.kind === 'rfid') {
      const { rfid } = counters;
      const name = rfid.has(arrival.device) || rfid.size < MOST_READERS ? arrival.device : '(others)';
      rfid.set(name, (rfid.get(name) ?? 0) + values.length);
    }
    this.#countUnknown.get(arrival.kind)?.(values);
  }
}

function isFaults(outcome: AcceptedReading | readonly Fault[]): outcome is readonly Fault[] {
  return Array.isArray(outcome);
}

class Malformed {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

function parsedJson(payload: Uint8Array): unknown {
  if (payload.length === 0) return new Malformed(`empty payload: ${EXPECTED}`);
  if (!isUtf8(payload)) return new Malformed(`not valid UTF-8: ${EXPECTED}`);
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  try {
    // Some devices begin with a byte order mark, which JSON.parse does not take.
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (thrown) {
    // The engine's own message quotes the payload, which may name a person.
    const position = /at position (\d+)/.exec(String(thrown))?.[1];
    const where = position === undefined ? '' : ` near character ${position}`;
    return new Malformed(`not valid JSON${where}: ${EXPECTED}`);
  }
}
