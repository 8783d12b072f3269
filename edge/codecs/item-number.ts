/**
 * What a till calls a product, as a GTIN. In this order:
 *
 *   1. what `codes` of the device's entry says; a code there may end in `*`, as for the numbers with a price or weight
 *      inside that scales print (prefixes 02 and 20 to 29): every shop lays them out in its own way
 *   2. a GTIN-8, -12, -13 or -14 with its check digit; numbers with these prefixes as they stand
 *   3. an own number of the shop, such as a PLU: up to 7 digits, or 9 or 10, also with zeros before it as far as 12 to 14
 *      digits. It becomes a number of the range that GS1 leaves to companies (prefix 04): 4, ten digits, check digit
 *
 * Everything else, a wrong check digit above all, is no product.
 */
import { checkDigit, toGtin14 } from '../contracts/gtin.ts';

export type ItemNumber = (text: string) => string | undefined;

const ZEROS_AND_OWN = /^0*(\d{1,7})$/;
const OWN = /^\d{1,10}$/;

export function itemNumber(codes: Readonly<Record<string, string>> = {}): ItemNumber {
  const exact = new Map<string, string>();
  const patterns: (readonly [string, string])[] = [];
  for (const [code, gtin] of Object.entries(codes)) {
    if (code.endsWith('*')) patterns.push([code.slice(0, -1), gtin]);
    else exact.set(code, gtin);
  }
  // The one that says most about a code holds.
  patterns.sort(([a], [b]) => b.length - a.length);
  return (text) => exact.get(text) ?? patterns.find(([start]) => text.startsWith(start))?.[1] ?? plain(text);
}

function plain(text: string): string | undefined {
  if (text.length > 14) return undefined;
  const own = ZEROS_AND_OWN.exec(text)?.[1];
  if (own !== undefined && text.length !== 8 && text.length !== 11) return ownNumber(own);
  if (OWN.test(text) && text.length !== 8) return ownNumber(text);
  return toGtin14(text);
}

function ownNumber(digits: string): string | undefined {
  if (Number(digits) === 0) return undefined;
  const number = `4${digits.padStart(10, '0')}`;
  return `00${number}${checkDigit(number)}`;
}
