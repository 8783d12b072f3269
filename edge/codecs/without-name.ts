/**
 * Devices put a shopper's pseudonym into other fields as well: a reading's id, a transaction. There it is masked where
 * it is long enough not to be part of a text by chance: as it is said, in other cases, percent-encoded.
 */
const TELLING_LENGTH = 6;
const MASK = '***';
/** What JSON writes otherwise. */
const ESCAPED = /["\\\p{Cc}]/u;
const PLAIN = /^[\w.~-]+$/;
const MOST_PATTERNS = 1000;

/** Sales of one shopper come close together. */
const patterns = new Map<string, RegExp>();

/** Whether a text bears the pseudonym. */
export function namesIn(text: string, pseudonym: string): boolean {
  return maskName(text, pseudonym) !== text;
}

/** The text with the pseudonym masked. */
export function maskName(text: string, pseudonym: string): string {
  if (pseudonym.length < TELLING_LENGTH) return text;
  // Nearly always it is nowhere else, which is seen faster than a pattern is made.
  if (isPlain(pseudonym) && !text.toUpperCase().includes(pseudonym.toUpperCase())) return text;
  return text.replace(patternOf(pseudonym), MASK);
}

/** Percent-encoded it is the same. */
function isPlain(pseudonym: string): boolean {
  return PLAIN.test(pseudonym);
}

/** The same for body (JSON text) and subject of a reading. */
export function withoutName<R extends { readonly body: string; readonly subject: string }>(
  reading: R,
  pseudonym: string,
): R {
  if (pseudonym.length < TELLING_LENGTH) return reading;
  const subject = maskName(reading.subject, pseudonym);
  // What is escaped in the body is found in its values only.
  if (subject === reading.subject && !namesIn(reading.body, pseudonym) && !ESCAPED.test(pseudonym)) return reading;
  const clean = (_: string, value: unknown) => (typeof value === 'string' ? maskName(value, pseudonym) : value);
  return { ...reading, subject, body: JSON.stringify(JSON.parse(reading.body), clean) };
}

function patternOf(pseudonym: string): RegExp {
  const known = patterns.get(pseudonym);
  if (known) return known;
  const forms = new Set([pseudonym, encoded(pseudonym)]);
  const pattern = new RegExp([...forms].map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'gi');
  if (patterns.size >= MOST_PATTERNS) patterns.clear();
  patterns.set(pseudonym, pattern);
  return pattern;
}

/** Half of a surrogate pair has no UTF-8. */
function encoded(pseudonym: string): string {
  return encodeURIComponent(Buffer.from(pseudonym).toString());
}
