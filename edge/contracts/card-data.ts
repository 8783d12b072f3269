/**
 * Payment cards in text: found and masked, so that none reaches a disk or a log. What may stay of a number is its
 * first 6 and last 4 digits (PCI DSS 3.4.1); of a magnetic stripe nothing else.
 *
 * Shops are full of long numbers that are no cards. A number counts as a card's when an issuer uses its beginning in
 * that length, its last digit is right (Luhn, ISO/IEC 7812-1), and it is no goods code: 12, 13 or 18 digits with a
 * right GS1 check digit are a UPC, an EAN or an SSCC (no scheme issues such cards any more), 14 of them are a GTIN
 * where the field says so. Numbers inside an EPC URI or a hexadecimal code, such as an EPC or a UUID, are no cards.
 */
import { checkDigit } from './gtin.ts';

const MASK = '*';

/** [first, last prefix, lengths]. Sources: ISO/IEC 7812-1 assignments as the schemes publish them. */
const ISSUERS: readonly (readonly [from: string, to: string, lengths: readonly number[]])[] = [
  ['4', '4', [13, 16, 19]], // Visa
  ['51', '55', [16]], // Mastercard
  ['2221', '2720', [16]],
  ['34', '34', [15]], // American Express
  ['37', '37', [15]],
  ['300', '305', [14, 15, 16, 17, 18, 19]], // Diners Club
  ['3095', '3095', [14, 16, 17, 18, 19]],
  ['36', '36', [14, 15, 16, 17, 18, 19]],
  ['38', '39', [14, 16, 17, 18, 19]],
  ['3528', '3589', [16, 17, 18, 19]], // JCB
  ['2200', '2204', [16, 17, 18, 19]], // Mir
  ['6011', '6011', [16, 17, 18, 19]], // Discover, RuPay, Elo
  ['60', '60', [16]],
  ['644', '659', [16, 17, 18, 19]],
  ['62', '62', [16, 17, 18, 19]], // UnionPay
  ['81', '82', [16, 17, 18, 19]],
  ['50', '50', [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro, Verve
  ['56', '58', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['63', '63', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['67', '67', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['9792', '9792', [16]], // Troy
];

const SHORTEST = 12;
const LONGEST = 19;

/** Whether these digits (nothing else) are a card's number. `goods`: the field they stand in holds goods codes. */
export function isCardNumber(digits: string, goods = false): boolean {
  const { length } = digits;
  if (length < SHORTEST || length > LONGEST || !isIssued(digits) || !luhn(digits)) return false;
  const issuerless = length === 12 || length === 13 || length === 18 || (length === 14 && goods);
  return !(issuerless && hasGs1CheckDigit(digits));
}

/** For the first four digits, which lengths are issued: bit n for n digits. */
const ISSUED = new Uint32Array(10_000);
for (const [from, to, lengths] of ISSUERS) {
  const bits = lengths.reduce((sum, length) => sum | (1 << length), 0);
  for (let prefix = Number(from.padEnd(4, '0')); prefix <= Number(to.padEnd(4, '9')); prefix += 1) {
    ISSUED[prefix] = (ISSUED[prefix] ?? 0) | bits;
  }
}

function isIssued(digits: string): boolean {
  let prefix = 0;
  for (let i = 0; i < 4; i += 1) prefix = prefix * 10 + digits.charCodeAt(i) - 48;
  return (((ISSUED[prefix] ?? 0) >> digits.length) & 1) === 1;
}

function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i -= 1, double = !double) {
    const digit = digits.charCodeAt(i) - 48;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

function hasGs1CheckDigit(digits: string): boolean {
  return checkDigit(digits.slice(0, -1)) === digits.charCodeAt(digits.length - 1) - 48;
}

/** Twelve digits with at most one separator between two: without them there is nothing to look for. */
const QUICK = /\d(?:[ \-._\u00a0\u2009\u202f\u2013]?\d){11}/;
const SEPARATOR = /[ \-._\u00a0\u2009\u202f\u2013]/y;
/** In text that nobody could parse: also escaped, or the step from one element of an array to the next. */
const ANY_SEPARATOR = /[ \-._\xa0]|\\{1,4}u00(?:20|2[dDeE]|5[fF]|[aA]0)|\\{0,4}["']?\s{0,8},\s{0,8}\\{0,4}["']?/y;
const ESCAPED_DIGIT = /\\{1,4}u003\d/y;

/** ISO/IEC 7813: track 1 `%B<number>^<name>^<expiry ...>?`, track 2 `;<number>=<expiry ...>?`. Ends at a line's end too. */
const TRACK_1 = /(%?[Bb])(\d[\d ]{10,21}\d)\^[^\r\n?"]*\??/g;
const TRACK_2 = /(?<![\d=])(;?)(\d{12,19})([=D])(\d{4,})[\d=DFf]*\??/g;
const TRACK_SIGN = /\d\^|\d[=D]\d/;

/** Cheap for texts without long numbers. */
export function holdsCardData(text: string): boolean {
  if (text.length < SHORTEST || !QUICK.test(text)) return false;
  return maskCardData(text) !== text;
}

/** The text with every card number and stripe in it masked. `key`: the name of the field that it is the value of. */
export function maskCardData(text: string, key = ''): string {
  if (text.length < SHORTEST || !QUICK.test(text)) return text;
  return maskChains(maskTracks(text), false, GOODS_KEY.test(key));
}

/** The same for text that nobody could parse: what is escaped in it or split over an array is found too. */
export function maskCardDataInRaw(text: string): string {
  return maskChains(maskTracks(text), true, false);
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
      for (const [from, to] of hidden(found, text)) {
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
    let escaped = false;
    for (let end = digitEnd(text, to, raw); end > to; end = digitEnd(text, to, raw)) {
      escaped ||= end > to + 1;
      to = end;
    }
    const last = groups.at(-1);
    if (to === from) {
      if (last !== undefined) last.gap = '';
      return groups;
    }
    const written = text.slice(from, to);
    const group = { from, to, digits: escaped ? written.replaceAll(/\\+u003/g, '') : written, gap: '' };
    groups.push(group);
    const separator = raw ? ANY_SEPARATOR : SEPARATOR;
    separator.lastIndex = to;
    const gap = separator.exec(text)?.[0];
    if (gap === undefined) return groups;
    group.gap = kindOf(gap);
    from = to + gap.length;
  }
}

/** The end of the digit at `at`; `at` itself when there is none. */
function digitEnd(text: string, at: number, raw: boolean): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return at + 1;
  if (!raw || code !== 0x5c) return at;
  ESCAPED_DIGIT.lastIndex = at;
  return at + (ESCAPED_DIGIT.exec(text)?.[0].length ?? 0);
}

function kindOf(gap: string): string {
  if (gap.includes(',')) return ',';
  return gap.startsWith('\\') ? String.fromCharCode(Number.parseInt(gap.slice(-2), 16)) : gap;
}

/** How cards print and people write their numbers. */
const WRITTEN = /^(4,4,4,[1-4](,[1-3])?|4,6,[45]|6,1[0-3]|8,8|2(,2){5,8}|1(,1){11,18})$/;

/** Where the digits to mask stand, in order: all but the first 6 and last 4, of a short number all but the last 4. */
function hidden(found: Found, text: string): (readonly [from: number, to: number])[] {
  const places: [from: number, to: number][] = [];
  for (const { from, to } of found) {
    for (let at = from; at < to; ) {
      const end = digitEnd(text, at, true);
      places.push([at, end]);
      at = end;
    }
  }
  return places.slice(places.length >= 14 ? 6 : 0, -4);
}

/** The card number that begins with group `at`; empty when there is none. */
function cardAt(groups: readonly Group[], at: number, text: string, goods: boolean): Found {
  const first = groups[at];
  if (first === undefined) return [];
  if (isCard(first.digits, [first], text, goods) && !isPartOfCode(first, text)) return [first];
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
    if (!written && !(whole && kind !== '.' && kind !== ',')) continue;
    if (isCard(digits, taken, text, goods) && !isGlued(taken, text)) return taken;
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

function isGlued(found: Found, text: string): boolean {
  const { before, after } = beside(found, text);
  return /[0-9A-Za-z]$/.test(before) || /^[0-9A-Za-z]/.test(after);
}

function beside(found: Found, text: string): { before: string; after: string } {
  const start = found[0]?.from ?? 0;
  const end = found.at(-1)?.to ?? 0;
  return { before: text.slice(Math.max(0, start - 80), start), after: text.slice(end, end + 80) };
}

/** Inside an EPC URI, or of a hexadecimal code: whole 16-bit words of 16 digits or more, or the end of a UUID. */
function isPartOfCode(group: Group, text: string): boolean {
  const { before, after } = beside([group], text);
  if (/urn:epc:[a-z]+:[a-z0-9-]+:[\w.%-]*$/i.test(before)) return true;
  if (group.digits.length === 12 && /[0-9a-f]{8}(-[0-9a-f]{4}){3}-$/i.test(before)) return true;
  const left = /[0-9A-Fa-f]*$/.exec(before)?.[0] ?? '';
  const right = /^[0-9A-Fa-f]*/.exec(after)?.[0] ?? '';
  const length = left.length + group.digits.length + right.length;
  return left.length + right.length > 0 && length >= 16 && length % 4 === 0;
}

function maskOf(digits: string): string {
  const kept = digits.length >= 14 ? 6 : 0;
  return digits.slice(0, kept) + MASK.repeat(Math.max(0, digits.length - kept - 4)) + digits.slice(-4);
}
