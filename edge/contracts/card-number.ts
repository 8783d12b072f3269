/**
 * What a payment card's number is. Shops are full of long numbers that are none, so it counts as one only when an
 * issuer uses its beginning in that length, its last digit is right (Luhn, ISO/IEC 7812-1), and it is no goods code:
 * 12, 13 or 18 digits with a right GS1 check digit are a UPC, an EAN or an SSCC (no scheme issues such cards any more),
 * 14 of them are a GTIN where the field says so.
 */
import { checkDigit } from './gtin.ts';

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
  ['50', '50', [13, 14, 15, 16, 17, 18, 19]], // Maestro, Verve
  ['56', '58', [13, 14, 15, 16, 17, 18, 19]],
  ['63', '63', [13, 14, 15, 16, 17, 18, 19]],
  ['67', '67', [13, 14, 15, 16, 17, 18, 19]],
  ['9792', '9792', [16]], // Troy
];

export const SHORTEST = 13;
export const LONGEST = 19;

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

/** Whether an issuer uses this beginning in this length. */
export function isIssued(digits: string): boolean {
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

/** Whether a number may begin with these two characters (codes), the first of them a digit; cheap, and never wrongly no. */
export function mayBegin(first: number, next: number): boolean {
  const second = next - 0x30;
  if (!(second >= 0 && second <= 9)) return first > 0x31;
  switch (first - 0x30) {
    case 4:
      return true;
    case 2:
      return second >= 2 && second <= 7;
    case 3:
      return second === 0 || second >= 4;
    case 5:
      return second !== 9;
    case 6:
      return second <= 7;
    case 8:
      return second === 1 || second === 2;
    case 9:
      return second === 7;
    default:
      return false;
  }
}
