/**
 * Frames of JSON, as most vendors send them: parsed within bounds, and looked into without trusting any of it. What is
 * not of the expected type reads as absent.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { NotUnderstood } from '../contracts/formats.ts';
import { timeSchema } from '../contracts/readings.ts';
import { nestsDeeperThan } from './nesting.ts';

/** An object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

const DEEPEST = 32;
const LONGEST_ID = 128;

/** `expected`: what the device should send, in a few words. */
export function parsedFrame(
  bytes: Uint8Array,
  expected: string,
): { readonly ok: true; readonly value: unknown } | NotUnderstood {
  if (bytes.length === 0) return { ok: false, reason: `empty: expected ${expected}` };
  if (!isUtf8(bytes)) return { ok: false, reason: `not valid UTF-8: expected ${expected}` };
  if (nestsDeeperThan(DEEPEST, bytes))
    return { ok: false, reason: `nested deeper than ${DEEPEST} levels: expected ${expected}` };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  try {
    return { ok: true, value: JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) };
  } catch {
    // The engine's own message quotes the text, which may name a person.
    return { ok: false, reason: `not valid JSON: expected ${expected}` };
  }
}

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The objects of a list; empty where there is none. */
export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((element) => fieldsOf(element) !== undefined) : [];
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A name or a number that serves as one. */
export function nameOf(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : textOf(value);
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** A whole number from 0 on. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Epoch ms, of a time that says in which zone it is; a local time is none. */
export function timeOf(value: unknown): number | undefined {
  const { success, data } = timeSchema.safeParse(value);
  return success ? data : undefined;
}

/** One id of several parts, within the length that a reading's id may have. */
export function idOf(...parts: readonly (string | number)[]): string {
  const id = parts.join('/');
  return id.length <= LONGEST_ID ? id : hash('sha256', id);
}

/** What the shop calls it: only own keys count, whatever a device sends. */
export function placeOf(places: Readonly<Record<string, string>> | undefined, ...names: readonly unknown[]) {
  for (const name of names) {
    const key = nameOf(name);
    if (places !== undefined && key !== undefined && Object.hasOwn(places, key)) return places[key];
  }
  return undefined;
}
