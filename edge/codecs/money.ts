/** Decimal amounts as tills write them, in the minor units of their currency (ISO 4217, the table of exponents). */

/** All others have two digits behind the point. */
const EXPONENTS: Readonly<Record<string, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const EXPONENT_OF = new Map(
  Object.entries(EXPONENTS).flatMap(([exponent, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, Number(exponent)]),
  ),
);

const DECIMAL = /^([+-]?)(\d{0,15})(?:\.(\d{0,12}))?$/;

export function isCurrency(text: string): boolean {
  return /^[A-Z]{3}$/.test(text);
}

/**
 * A decimal with a point -> whole minor units; nothing where it is no decimal. Unit prices may be finer than the
 * currency: half a unit and more is rounded away from zero.
 */
export function minorUnits(text: string, currency: string): number | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = EXPONENT_OF.get(currency) ?? 2;
  const digits = fraction.padEnd(exponent + 1, '0');
  const units = Number(whole + digits.slice(0, exponent)) + (digits.charCodeAt(exponent) >= 0x35 ? 1 : 0);
  if (!Number.isSafeInteger(units)) return undefined;
  return sign === '-' && units !== 0 ? -units : units;
}
