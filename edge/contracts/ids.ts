/** Identities as text: incarnations, sequences, event ids. */
import { hash, randomInt } from 'node:crypto';

/** Crockford's base32, lower case: no i, l, o, u, so that a person can read an id down a telephone. */
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

export function crockford(value: number, digits: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < digits; i += 1) {
    text = CROCKFORD.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** Crockford text of the first `digits` x 5 bits of some bytes. */
export function crockfordOfBytes(bytes: Uint8Array, digits: number): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < digits) {
      bits -= 5;
      text += CROCKFORD.charAt((buffer >> bits) & 31);
    }
    buffer &= (1 << bits) - 1;
  }
  return text;
}

/** 26 URL-safe characters that stand for a text: the id of an alert, an offer or a claim, by what caused it. */
export function idFor(text: string): string {
  return crockfordOfBytes(hash('sha256', text, 'buffer'), 26);
}

/** A new incarnation: creation time in ms (9 characters), then random (4). */
export function newIncarnation(wallMs: number): string {
  return crockford(Math.max(0, Math.floor(wallMs)), 9) + crockford(randomInt(32 ** 4), 4);
}

/**
 * Why the hub itself opens an incarnation after one that lost rows: by its `restore` or `salvage`, or because nothing
 * could be saved. Head office may then hold more of the one before than the journal does.
 */
const HUBS_OWN_REASONS: readonly string[] = ['restore', 'salvage', 'lost'];

export function isHubsOwn(reason: string): boolean {
  return HUBS_OWN_REASONS.includes(reason);
}

/** A sequence as the wire shows it: 16 digits. */
export function sequenceText(sequence: number): string {
  return String(sequence).padStart(16, '0');
}

export function eventId(hub: string, incarnation: string, sequence: number): string {
  return `${hub}/${incarnation}/${sequenceText(sequence)}`;
}

/** The parts of an event id, or nothing when the text is not one. */
export function parseEventId(id: string): { hub: string; incarnation: string; sequence: number } | undefined {
  const match = /^(.+)\/([0-9a-hjkmnp-tv-z]{13})\/(\d{16})$/.exec(id);
  if (!match?.[1] || !match[2] || !match[3]) return undefined;
  return { hub: match[1], incarnation: match[2], sequence: Number(match[3]) };
}
