/**
 * The JSON objects of one frame, however a reader strings them together: one alone, an array, one a line, or one
 * directly after the other (`}{`), as some send what waited. Braces within strings are no braces.
 */
import { isUtf8 } from 'node:buffer';
import { nestsDeeperThan } from './nesting.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const DEEPEST = 32;
const MOST_OBJECTS = 10_000;
const EXPECTED = 'expected JSON as the reader sends its events, one object or several';

/** At most 10,000 objects, or why there are none, in a sentence. Never throws. */
export function jsonObjects(bytes: Uint8Array): readonly JsonObject[] | string {
  if (bytes.length === 0) return `empty: ${EXPECTED}`;
  if (!isUtf8(bytes)) return `not valid UTF-8: ${EXPECTED}`;
  if (nestsDeeperThan(DEEPEST, bytes)) return `nested deeper than ${DEEPEST} levels: ${EXPECTED}`;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const whole = parsed(text);
  const values = whole === undefined ? split(text) : Array.isArray(whole) ? whole : [whole];
  if (typeof values === 'string') return values;
  if (values.length === 0 || values.length > MOST_OBJECTS)
    return `${values.length} JSON objects: expected 1 to ${MOST_OBJECTS}`;
  const wrong = values.findIndex((value) => !isObject(value));
  return wrong === -1 ? values : `number ${wrong + 1} is no JSON object`;
}

/** A field that is an object itself. */
export function objectIn(object: JsonObject, field: string): JsonObject | undefined {
  const value = object[field];
  return isObject(value) ? value : undefined;
}

export function textIn(object: JsonObject, field: string): string | undefined {
  const value = object[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A number, also where it was written as text. */
export function numberIn(object: JsonObject, field: string): number | undefined {
  const value = object[field];
  if (typeof value === 'string' && /^-?\d{1,9}(\.\d{1,9})?$/.test(value)) return Number(value);
  return typeof value === 'number' ? value : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Objects one after the other, with white space or nothing between them. */
function split(text: string): JsonObject[] | string {
  const objects: JsonObject[] = [];
  let depth = 0;
  let from = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (inString) {
      if (sign === 0x5c) at += 1;
      else if (sign === 0x22) inString = false;
      continue;
    }
    if (depth === 0) {
      if (sign === 0x20 || (sign >= 0x09 && sign <= 0x0d) || sign === 0xfeff) continue;
      if (sign !== 0x7b) return notJson(at);
      from = at;
      depth = 1;
    } else if (sign === 0x22) inString = true;
    else if (sign === 0x7b) depth += 1;
    else if (sign === 0x7d) {
      depth -= 1;
      if (depth > 0) continue;
      const object = parsed(text.slice(from, at + 1));
      if (!isObject(object)) return notJson(from);
      if (objects.push(object) > MOST_OBJECTS) return `more than ${MOST_OBJECTS} JSON objects`;
    }
  }
  return depth === 0 ? objects : 'the last JSON object has no end: the frame was cut off';
}

function notJson(at: number): string {
  return `not valid JSON near character ${at}: ${EXPECTED}`;
}
