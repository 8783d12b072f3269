/**
 * What a barcode names, whatever scanner read it: a product, a logistic unit, a number of the shop's own, or text.
 *
 *   EAN, UPC  := 8, 12, 13 or 14 digits, the last of them the check digit
 *   internal  := EAN-13 of prefix 02, 04 or 20 to 29, EAN-8 of 0 or 2: numbered by the shop, often with a price or a
 *                weight inside; the others of 05 and 98, 99 are coupons. None of them is a product's GTIN
 *   elements  := GS1 element strings (gs1-elements.ts)
 *   link      := http(s)://host/.../{01|00|8006|...}/value{/ai/value}[?ai=value&...]   GS1 Digital Link, uncompressed
 */
import { checkDigit, toGtin14 } from '../contracts/gtin.ts';
import { dateOf, type Element, elementsOf, faultOf, GS, isIdentifier } from './gs1-elements.ts';

export interface Scanned {
  /** In a form that can be shown: elements with their identifiers in brackets. */
  readonly code: string;
  readonly gtin?: string;
  readonly internal?: true;
  readonly lot?: string;
  readonly expiry?: string;
  readonly serial?: string;
  readonly sscc?: string;
}

export type Read = { readonly ok: true; readonly scanned: Scanned } | { readonly ok: false; readonly reason: string };

const GOODS = /^(\d{8}|\d{12,14})$/;
const COUPON = /^(05|98|99)/;
const INTERNAL = /^(0[24]|2)/;
const LINK = /^https?:\/\/[^/]+\/(.*)$/i;
/** Identifiers that a link may begin with. */
const LINK_KEYS = new Set([
  '00',
  '01',
  '253',
  '255',
  '401',
  '402',
  '414',
  '417',
  '8003',
  '8004',
  '8006',
  '8010',
  '8013',
  '8017',
  '8018',
]);

/** Digits of an EAN or UPC symbol. */
export function readGoodsCode(digits: string): Read {
  if (!GOODS.test(digits))
    return { ok: false, reason: `${digits.length} characters where a product's barcode has 8, 12, 13 or 14 digits` };
  const right = checkDigit(digits.slice(0, -1));
  if (right !== Number(digits.at(-1)))
    return { ok: false, reason: `${digits.length} digits that end with the wrong check digit, expected ${right}` };
  return { ok: true, scanned: { code: digits, ...product(digits) } };
}

/** The product that digits with a right check digit name. */
function product(digits: string): Pick<Scanned, 'gtin' | 'internal'> {
  if (digits.length === 8 ? /^[02]/.test(digits) : INTERNAL.test(digits.padStart(14, '0').slice(1)))
    return { internal: true };
  if (digits.length !== 8 && COUPON.test(digits.padStart(14, '0').slice(1))) return {};
  const gtin = toGtin14(digits);
  return gtin === undefined ? {} : { gtin };
}

/** A GS1 element string. `year`: the current one. */
export function readElements(text: string, year: number): Read {
  const read = elementsOf(text, year);
  if (!read.ok) return read;
  return { ok: true, scanned: named(read.elements, year) };
}

/** Text of which the scanner did not say what it is. */
export function readText(text: string, year: number): Read {
  if (GOODS.test(text)) return readGoodsCode(text);
  if (text.includes(GS)) return readElements(text, year);
  const elements = bracketed(text) ?? linked(text, year) ?? (/^(00\d{18}|01\d{14})/.test(text) ? text : undefined);
  if (elements === undefined) return { ok: true, scanned: { code: text } };
  // A text may only look like one.
  const read = readElements(elements, year);
  if (read.ok && text.startsWith('http')) return { ok: true, scanned: { ...read.scanned, code: text } };
  return read.ok ? read : { ok: true, scanned: { code: text } };
}

function named(elements: readonly Element[], year: number): Scanned {
  const by = new Map(elements);
  const gtin = by.get('01');
  const lot = by.get('10');
  const serial = by.get('21');
  const sscc = by.get('00');
  const best = by.get('17') ?? by.get('7003') ?? by.get('15');
  const expiry = best === undefined ? undefined : dateOf(best, year);
  return {
    code: elements.map(([ai, data]) => `(${ai})${data}`).join(''),
    ...(gtin !== undefined && product(gtin)),
    ...(lot !== undefined && { lot }),
    ...(expiry !== undefined && { expiry }),
    ...(serial !== undefined && { serial }),
    ...(sscc !== undefined && { sscc }),
  };
}

/** `(01)0952...(10)123ABC`, as some scanners write elements, as an element string. */
function bracketed(text: string): string | undefined {
  if (!/^\(\d{2,4}\)/.test(text)) return undefined;
  return text.replaceAll(/\((\d{2,4})\)/g, (_, ai: string) => GS + ai);
}

/** A GS1 Digital Link as an element string; undefined where the address is none. */
function linked(text: string, year: number): string | undefined {
  const path = LINK.exec(text)?.[1];
  if (path === undefined) return undefined;
  const [way = '', query = ''] = (path.split('#')[0] ?? '').split('?', 2);
  const steps = way.split('/').map(decoded);
  const from = steps.findIndex((step, index) => LINK_KEYS.has(step ?? '') && steps[index + 1] !== undefined);
  if (from < 0) return undefined;
  const pairs: string[] = [];
  for (let i = from; i < steps.length; i += 2) pairs.push(pair(steps[i] ?? '', steps[i + 1] ?? ''));
  for (const parameter of query.split('&')) {
    const [ai = '', value = ''] = parameter.split('=').map(decoded);
    if (isIdentifier(ai) && faultOf(ai, value, year) === undefined) pairs.push(pair(ai, value));
  }
  return pairs.join('');
}

function pair(ai: string, value: string): string {
  // A link may hold a shorter GTIN as it is.
  return GS + ai + (ai === '01' ? value.padStart(14, '0') : value);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
