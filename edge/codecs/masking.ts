/**
 * Takes shoppers, card numbers and stripes out of bytes that are kept for an operator. It must also work where the
 * JSON is broken, so it reads text, not values; where the JSON is whole, the result is read again to be sure that
 * nothing hid in it. What is a card is told in contracts/card-data.ts.
 */
import { holdsCardData, maskCardDataIn, maskCardDataInRaw } from '../contracts/card-data.ts';
import { withoutNamesIn } from './named-shoppers.ts';

const MASK = '***';

/** Fields that are hidden whatever they hold: the shopper's pseudonym, and what a card is used with. */
const WITH_CARDS = ['cvv', 'cvv2', 'cvc', 'cvc2', 'cav2', 'track1', 'track2', 'track3', 'pin', 'pin_block'];
const HIDDEN: ReadonlySet<string> = new Set(['shopper', ...WITH_CARDS]);
const MAYBE_HIDDEN = /shopper|c[va][vc]|track|pin/i;

/** Every letter of the key may be escaped; the key may be quoted in either way or not at all. */
const spelt = (name: string) =>
  [...name].map((letter) => `(?:${letter}|\\\\u00${letter.charCodeAt(0).toString(16)})`).join('');
const KEY = `["']?(?:${spelt('shopper')}|(?<![\\w-])(?:${WITH_CARDS.map(spelt).join('|')}))["']?`;
const quoted = (quote: string) => `${quote}[^${quote}\\\\]*(?:\\\\[\\s\\S][^${quote}\\\\]*)*(?:${quote}|\\\\?$)`;
/** A nested value has no sure end in broken text: everything after it goes. */
const NESTED = '[[{][\\s\\S]*';
const BARE = '[^,}\\]\\s"\'[{][^,}\\]]*';
const FIELD = new RegExp(`(${KEY}\\s*[:=]\\s*)(?:${quoted('"')}|${quoted("'")}|${NESTED}|${BARE})`, 'gi');

/** A copy of its own (never a view on a larger buffer) without shoppers and card data. */
export function maskedCopy(payload: Uint8Array): Uint8Array {
  return masked(payload, (text) => withoutNamesIn(text, maskedText(text)));
}

/** The same without card numbers and stripes only: what clients say to each other is nobody's else business. */
export function cardsMasked(payload: Uint8Array): Uint8Array {
  return masked(payload, cardsMaskedText);
}

/** Whether it was for a card, not for a shopper alone, that the copy differs. */
export function cardsWereMasked(payload: Uint8Array, copy: Uint8Array): boolean {
  return Buffer.compare(payload, copy) !== 0 && Buffer.compare(payload, cardsMasked(payload)) !== 0;
}

function masked(payload: Uint8Array, maskText: (text: string) => string): Uint8Array {
  // Latin-1 turns every byte into one character and back, so bytes that are no UTF-8 stay as they are.
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
  const after = maskText(text);
  if (after !== text) return new Uint8Array(Buffer.from(after, 'latin1'));
  // UTF-16 and UTF-32 show as Latin-1 with zeros between: what hides in them is told without the zeros.
  const bare = text.includes('\0') ? text.replaceAll('\0', '') : text;
  const maskedBare = bare === text ? bare : maskText(bare);
  return new Uint8Array(maskedBare === bare ? payload : Buffer.from(maskedBare, 'latin1'));
}

/** What was whole JSON stays whole. */
function maskedText(text: string): string {
  const escaped = text.includes('\\');
  const maybe = escaped || MAYBE_HIDDEN.test(text);
  const masked = maskCardDataInRaw(maybe ? text.replace(FIELD, `$1"${MASK}"`) : text);
  // Behind escapes something may hide that only a parser reads.
  const value = maybe || masked !== text ? parsed(text) : undefined;
  if (value === undefined) return masked;
  const after = masked === text ? value : parsed(masked);
  if (after !== undefined && isClean(after, escaped)) return masked;
  return Buffer.from(rewritten(value) ?? '').toString('latin1');
}

/** What was whole JSON stays whole. */
function cardsMaskedText(text: string): string {
  const masked = maskCardDataInRaw(text);
  if (masked === text) return text;
  const value = parsed(text);
  if (value === undefined || parsed(masked) !== undefined) return masked;
  const without = rewrite(value, (key, inner) =>
    typeof inner === 'string' ? maskCardDataInRaw(inner, key) : maskCardDataIn(key, inner),
  );
  return without === undefined ? masked : Buffer.from(maskCardDataInRaw(without)).toString('latin1');
}

function hides(key: string): boolean {
  return HIDDEN.has(key.toLowerCase());
}

function clean(key: string, inner: unknown): unknown {
  if (hides(key)) return MASK;
  return typeof inner === 'string' ? maskCardDataInRaw(inner, key) : maskCardDataIn(key, inner);
}

/** What is nested too deeply to be looked at is clean when nothing in it is escaped: then the text told all. */
function isClean(value: unknown, escaped: boolean): boolean {
  let found = false;
  const looked = rewrite(value, (key, inner) => {
    if (clean(key, inner) !== inner || holdsCardData(key)) found = true;
    return inner;
  });
  return !found && (looked !== undefined || !escaped);
}

function rewritten(value: unknown): string | undefined {
  const text = rewrite(value, clean);
  // Names of fields are masked as text: they are few, and no value's shape depends on them.
  return text === undefined ? undefined : maskCardDataInRaw(text);
}

/** Nothing when it is nested too deeply to be written: then nothing of it is kept. */
function rewrite(value: unknown, replacer: (key: string, inner: unknown) => unknown): string | undefined {
  try {
    return JSON.stringify(value, replacer);
  } catch {
    return undefined;
  }
}

function parsed(latin1: string): unknown {
  try {
    return JSON.parse(Buffer.from(latin1, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}
