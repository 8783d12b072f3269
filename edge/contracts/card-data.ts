/**
 * Payment cards in text: found and masked, so that none reaches a disk or a log. What may stay of a number is its
 * first 6 and last 4 digits (PCI DSS 3.4.1); of a magnetic stripe nothing else. What counts as a card's number is told
 * in card-number.ts; numbers inside an EPC URI or a hexadecimal code, such as an EPC or a UUID, do not.
 */
import { isCardNumber, isIssued, LONGEST, mayBegin, SHORTEST } from './card-number.ts';

const MASK = '*';

/** In text that nobody could parse, a number may be split over the elements of an array. */
const ARRAY_STEP = /\\{0,4}["']?\s{0,8},\s{0,8}\\{0,4}["']?/y;
/** A printable ASCII character, escaped once or within something that is escaped itself. */
const ESCAPED = /\\{1,8}u00([2-7][0-9A-Fa-f])/g;

/** ISO/IEC 7813: track 1 `%B<number>^<name>^<expiry ...>?`, track 2 `;<number>=<expiry ...>?`. Ends at a line's end too. */
const TRACK_1 = /(%?[Bb])(\d[\d ]{10,21}\d)\^[^\r\n?"]*\??/g;
const TRACK_2 = /(?<![\d=])(;?)(\d{12,19})([=D])(\d{4,})[\d=DFf]*\??/g;
const TRACK_SIGN = /\d\^|\d[=D]\d/;

/** Cheap for texts without long numbers. */
export function holdsCardData(text: string): boolean {
  return mayHold(text) && maskCardData(text) !== text;
}

/**
 * Where to look at all: 13 digits with at most one separator between two, from a group on that begins as an issuer's
 * numbers do. Most long numbers of a shop are times, and begin with a 1 or with 20. Every sale is asked, so this reads
 * characters and makes nothing. A stripe counts with any number in it.
 */
function mayHold(text: string): boolean {
  const { length } = text;
  if (length < SHORTEST) return false;
  let run = 0;
  let since = 0;
  let gap = false;
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i);
    if (isDigit(code)) {
      if (since > 0 || (run === 0 && mayBegin(code, text.charCodeAt(i + 1)))) since += 1;
      if (since === SHORTEST) return true;
      run += 1;
      gap = false;
      continue;
    }
    if (run >= SHORTEST && (code === 0x5e || code === 0x3d || code === 0x44)) return true;
    if (gap || run + since === 0 || !isSeparator(code)) since = 0;
    gap = true;
    run = 0;
  }
  return false;
}

function isSeparator(code: number): boolean {
  return (
    code === 0x20 ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0xa0 ||
    code === 0x2009 ||
    code === 0x202f ||
    code === 0x2013
  );
}

/** The text with every card number and stripe in it masked. `key`: the name of the field that it is the value of. */
export function maskCardData(text: string, key = ''): string {
  if (!mayHold(text)) return text;
  return maskChains(maskTracks(text), false, GOODS_KEY.test(key));
}

/** The same for text that nobody could parse: what is escaped in it or split over an array is found too. */
export function maskCardDataInRaw(text: string, key = ''): string {
  const goods = GOODS_KEY.test(key);
  const masked = maskChains(maskTracks(text), true, goods);
  if (!masked.includes('u00')) return masked;
  const plain = masked.replaceAll(ESCAPED, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const maskedPlain = maskChains(maskTracks(plain), true, goods);
  return maskedPlain === plain ? masked : maskedPlain;
}

/** A replacer for `JSON.stringify`: texts and numbers that hold card data are masked, and so are arrays of pieces. */
export function maskCardDataIn(key: string, value: unknown): unknown {
  if (typeof value === 'string') return maskCardData(value, key);
  if (typeof value === 'number') return maskedNumber(value, key);
  if (Array.isArray(value)) return maskedPieces(value);
  return value;
}

function maskedNumber(value: number, key: string): unknown {
  if (!(Math.abs(value) >= 1e11) || Math.abs(value) >= 1e19) return value;
  const digits = BigInt(Math.trunc(Math.abs(value))).toString();
  // Beyond 2^53 the last digits are not those that were sent, so Luhn's word is worth nothing.
  const card = Number.isSafeInteger(value) ? isCardNumber(digits, GOODS_KEY.test(key)) : isIssued(digits);
  return card ? maskOf(digits) : value;
}

const MOST_PIECES = 64;

/** A number that was cut into the elements of an array. */
function maskedPieces(values: readonly unknown[]): unknown {
  if (values.length < 2 || values.length > MOST_PIECES || !values.every(isPiece)) return values;
  const pieces = values.map(String);
  const text = pieces.join(',');
  const masked = maskChains(text, true, false);
  return masked === text ? values : masked.split(',');
}

function isPiece(value: unknown): boolean {
  return (typeof value === 'string' || typeof value === 'number') && /^\d{1,8}$/.test(String(value));
}

function maskTracks(text: string): string {
  if (!TRACK_SIGN.test(text)) return text;
  return text
    .replace(TRACK_1, (_, start: string, number: string) => `${start}${maskOf(number.replaceAll(' ', ''))}^${MASK}?`)
    .replace(TRACK_2, (whole: string, start: string, number: string, sign: string, rest: string) => {
      const month = Number(rest.slice(2, 4));
      const stripe = start === ';' || (isCardNumber(number) && month >= 1 && month <= 12);
      return stripe ? `${start}${maskOf(number)}${sign}${MASK}` : whole;
    });
}

/** Digits that stand together, and what stands between them and the next ones. */
interface Group {
  readonly from: number;
  readonly to: number;
  readonly digits: string;
  gap: string;
}

/** Where a card number stands in the text, and its digits. */
type Found = readonly Group[];

/** `raw`: what is escaped, or split over an array, counts as well. */
function maskChains(text: string, raw: boolean, goods: boolean): string {
  let result = '';
  let done = 0;
  for (let at = 0; at < text.length; ) {
    const groups = chainAt(text, at, raw);
    at = Math.max(at + 1, groups.at(-1)?.to ?? 0);
    for (let i = 0; i < groups.length; ) {
      const found = cardAt(groups, i, text, goods);
      for (const [from, to] of hidden(found)) {
        result += text.slice(done, from) + MASK;
        done = to;
      }
      i += Math.max(1, found.length);
    }
  }
  return done === 0 ? text : result + text.slice(done);
}

/** The groups of digits from `at` on, until something stands between two that separates more than digits. */
function chainAt(text: string, at: number, raw: boolean): Group[] {
  const groups: Group[] = [];
  for (let from = at; ; ) {
    let to = from;
    while (isDigit(text.charCodeAt(to))) to += 1;
    const last = groups.at(-1);
    if (to === from) {
      if (last !== undefined) last.gap = '';
      return groups;
    }
    const group = { from, to, digits: text.slice(from, to), gap: '' };
    groups.push(group);
    const length = gapAt(text, to, raw);
    if (length === 0) return groups;
    const gap = text.slice(to, to + length);
    group.gap = gap.includes(',') ? ',' : gap;
    from = to + length;
  }
}

/** How long what separates two groups of digits is; 0 when it separates more than that. */
function gapAt(text: string, at: number, raw: boolean): number {
  if (isDigit(text.charCodeAt(at + 1)) && (isSeparator(text.charCodeAt(at)) || (raw && text[at] === ','))) return 1;
  if (!raw) return 0;
  ARRAY_STEP.lastIndex = at;
  return ARRAY_STEP.exec(text)?.[0].length ?? 0;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** How cards print and people write their numbers. */
const WRITTEN = /^(4,4,4,[1-4](,[1-3])?|4,6,[45]|6,1[0-3]|8,8|2(,2){5,8}|1(,1){11,18})$/;

/** Where the digits to mask stand, in order: all but the first 6 and last 4, of a short number all but the last 4. */
function hidden(found: Found): (readonly [from: number, to: number])[] {
  const places: [from: number, to: number][] = [];
  for (const { from, to } of found) for (let at = from; at < to; at += 1) places.push([at, at + 1]);
  return places.slice(places.length >= 14 ? 6 : 0, -4);
}

/** The card number that begins with group `at`; empty when there is none. */
function cardAt(groups: readonly Group[], at: number, text: string, goods: boolean): Found {
  const first = groups[at];
  if (first === undefined) return [];
  if (isCard(first.digits, [first], text, goods) && !isPartOfCode(first, text)) return [first];
  // Nearly all groups of a long list end here.
  if (first.gap === '' || !mayBegin(first.digits.charCodeAt(0), first.digits.charCodeAt(1))) return [];
  const kind = first.gap;
  const opens = groups[at - 1]?.gap !== kind;
  let { digits } = first;
  for (let end = at + 1; groups[end - 1]?.gap === kind && digits.length < LONGEST; end += 1) {
    const group = groups[end];
    if (group === undefined) break;
    digits += group.digits;
    if (digits.length < SHORTEST || !isCardNumber(digits)) continue;
    const taken = groups.slice(at, end + 1);
    const whole = opens && group.gap !== kind;
    const lengths = taken.map((one) => one.digits.length).join();
    const written = WRITTEN.test(lengths) && (whole || !lengths.startsWith('1,'));
    // A long part with short ones before it is a count within something, such as lane 5, day 6, number 0000000009.
    const even = taken.every((one) => one.digits.length >= 2 && one.digits.length <= 8);
    if (!written && !(whole && even && kind !== '.' && kind !== ',')) continue;
    if (isCard(digits, taken, text, goods) && !isPartOfUuid(taken, text)) return taken;
  }
  return [];
}

function isCard(digits: string, found: Found, text: string, goods: boolean): boolean {
  // Whether the field is one of goods codes matters for few numbers, so it is looked up last.
  return isCardNumber(digits) && !((goods || isOfGoods(found, text)) && !isCardNumber(digits, true));
}

const GOODS_KEY = /^(gtin|ean|upc|barcode|sscc)/i;
const GOODS_BEFORE =
  /(?:(?:gtin|ean|upc|barcode|sscc)[\w-]{0,12}\\?["']?\s*[:=]?\s*\\?["']?|\(0[0-2]\)\s?|\/0[12]\/)$/i;

function isOfGoods(found: Found, text: string): boolean {
  const start = found[0]?.from ?? 0;
  return GOODS_BEFORE.test(text.slice(Math.max(0, start - 40), start));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function isPartOfUuid(found: Found, text: string): boolean {
  const { before, after } = beside(found, text);
  const left = /[0-9A-Fa-f-]*$/.exec(before)?.[0] ?? '';
  const right = /^[0-9A-Fa-f-]*/.exec(after)?.[0] ?? '';
  return UUID.test(left + text.slice(found[0]?.from, found.at(-1)?.to) + right);
}

function beside(found: Found, text: string): { before: string; after: string } {
  const start = found[0]?.from ?? 0;
  const end = found.at(-1)?.to ?? 0;
  return { before: text.slice(Math.max(0, start - 80), start), after: text.slice(end, end + 80) };
}

/** Inside an EPC URI, or of a hexadecimal code: whole 16-bit words of 20 digits or more, or the end of a UUID. */
function isPartOfCode(group: Group, text: string): boolean {
  const { before, after } = beside([group], text);
  if (/urn:epc:[a-z]+:[a-z0-9-]+:[\w.%-]*$/i.test(before)) return true;
  if (group.digits.length === 12 && isPartOfUuid([group], text)) return true;
  const left = /[0-9A-Fa-f]*$/.exec(before)?.[0] ?? '';
  const right = /^[0-9A-Fa-f]*/.exec(after)?.[0] ?? '';
  const length = left.length + group.digits.length + right.length;
  return left.length + right.length > 0 && length >= 20 && length % 4 === 0;
}

function maskOf(digits: string): string {
  const kept = digits.length >= 14 ? 6 : 0;
  return digits.slice(0, kept) + MASK.repeat(Math.max(0, digits.length - kept - 4)) + digits.slice(-4);
}
