/**
 * In a refused payload the field `shopper` is masked; what it said may stand in other fields of the same reading, too.
 * Text here is Latin-1, one character a byte, as it is where payloads are masked.
 */
import { maskName } from './without-name.ts';

/** Of one reading, or of a text that is no whole JSON. */
const MOST_NAMES = 16;
const DEEPEST = 32;
const FIELD = /["']?shopper["']?\s*[:=]\s*("[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^']*'|[^\s,}\]"']+)/gi;

/** `masked` without the names that `text` gives to its shoppers. */
export function withoutNamesIn(text: string, masked: string): string {
  if (!/shopper/i.test(text)) return masked;
  const [before, after] = [parsed(text), parsed(masked)];
  if (before === undefined || after === undefined) return plainly(text, masked);
  const readings = Array.isArray(before) ? before : [before];
  let found = false;
  const cleaned = (Array.isArray(after) ? after : [after]).map((reading: unknown, index) => {
    const names = namesOf(readings[index], []);
    return names.length === 0
      ? reading
      : replaced(reading, (said) => {
          const without = names.reduce(maskName, said);
          found ||= without !== said;
          return without;
        });
  });
  if (!found) return masked;
  return Buffer.from(JSON.stringify(Array.isArray(after) ? cleaned : cleaned[0])).toString('latin1');
}

/** What is no whole JSON has no readings: each name that is found is masked in all of it. */
function plainly(text: string, masked: string): string {
  const names = new Set<string>();
  for (const [, value = ''] of text.matchAll(FIELD)) {
    if (names.size >= MOST_NAMES) break;
    names.add(parsed(value) === undefined ? value.replace(/^["']|["']$/g, '') : String(parsed(value)));
  }
  const forms = [...names].flatMap((name) => [name, latin1(name), latin1(JSON.stringify(name).slice(1, -1))]);
  return [...new Set(forms)].reduce(maskName, masked);
}

/** What the fields of this name say, however deep. */
function namesOf(value: unknown, names: string[], depth = 0): string[] {
  if (typeof value !== 'object' || value === null || depth > DEEPEST || names.length >= MOST_NAMES) return names;
  for (const [key, inner] of Object.entries(value)) {
    if (key.toLowerCase() === 'shopper' && typeof inner === 'string') names.push(inner);
    else namesOf(inner, names, depth + 1);
  }
  return names;
}

function replaced(value: unknown, clean: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return value;
  // No reading is as deep as that.
  if (depth > DEEPEST) return null;
  if (Array.isArray(value)) return value.map((inner) => replaced(inner, clean, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [clean(key), replaced(inner, clean, depth + 1)]),
  );
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}
