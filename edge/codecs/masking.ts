/**
 * Takes the shopper out of bytes that are kept for an operator. It must also work where the JSON is broken, so it
 * reads text, not values; where the JSON is whole, the result is read again to be sure that nothing hid in it.
 */

const MASK = '***';

/** Every letter of the key may be escaped; the key may be quoted in either way or not at all. */
const KEY = [...'shopper'].map((letter) => `(?:${letter}|\\\\u00${letter.charCodeAt(0).toString(16)})`).join('');
const quoted = (quote: string) => `${quote}[^${quote}\\\\]*(?:\\\\[\\s\\S][^${quote}\\\\]*)*(?:${quote}|\\\\?$)`;
/** A nested value has no sure end in broken text: everything after it goes. */
const NESTED = '[[{][\\s\\S]*';
const BARE = '[^,}\\]\\s"\'[{][^,}\\]]*';
const SHOPPER = new RegExp(`(["']?${KEY}["']?\\s*[:=]\\s*)(?:${quoted('"')}|${quoted("'")}|${NESTED}|${BARE})`, 'gi');

/** A copy of its own (never a view on a larger buffer) with the value of every `shopper` replaced. */
export function maskedCopy(payload: Uint8Array): Uint8Array {
  // Latin-1 turns every byte into one character and back, so bytes that are no UTF-8 stay as they are.
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
  if (!/shopper/i.test(text) && !text.includes('\\u00')) return new Uint8Array(payload);
  const masked = text.replace(SHOPPER, `$1"${MASK}"`);
  const whole = parsed(text);
  if (whole !== undefined && !isClean(parsed(masked))) return new Uint8Array(Buffer.from(rewritten(whole) ?? ''));
  return new Uint8Array(Buffer.from(masked, 'latin1'));
}

function isShopper(key: string): boolean {
  return key.toLowerCase() === 'shopper';
}

function isClean(value: unknown): boolean {
  let clean = value !== undefined;
  rewrite(value, (key, inner) => {
    if (isShopper(key) && inner !== MASK) clean = false;
    return inner;
  });
  return clean;
}

function rewritten(value: unknown): string | undefined {
  return rewrite(value, (key, inner) => (isShopper(key) ? MASK : inner));
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
