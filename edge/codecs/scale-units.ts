/** Units of scales -> grams, by their definitions: the international pound of 1959 is 453.59237 g exactly. */

/** Grams of one unit as a whole number and the power of ten that divides it. */
const GRAMS: Readonly<Record<string, readonly [grams: bigint, decimals: number]>> = {
  g: [1n, 0],
  kg: [1000n, 0],
  lb: [45_359_237n, 5],
  oz: [28_349_523_125n, 9],
};

export function isScaleUnit(text: string): boolean {
  return Object.hasOwn(GRAMS, text);
}

/**
 * Grams of a decimal text such as `-1.250` in a unit of the table; undefined for another unit. It is reckoned in whole
 * numbers, so that the result is the double nearest to the true value, and 0.1 kg is 100 g.
 */
export function gramsOf(value: string, unit: string): number | undefined {
  const known = isScaleUnit(unit) ? GRAMS[unit] : undefined;
  if (known === undefined) return undefined;
  const [grams, decimals] = known;
  const [whole = '', part = ''] = value.split('.');
  const scaled = BigInt(`${whole}${part}`) * grams;
  const shift = part.length + decimals;
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(shift + 1, '0');
  const at = digits.length - shift;
  const size = Number(`${digits.slice(0, at)}.${digits.slice(at)}0`);
  return isNegative(value) && size !== 0 ? -size : size;
}

/** Grams of one step of the text's last digit: 0.01 of `100.00 g`. */
export function lastDigitGrams(value: string, unit: string): number | undefined {
  const decimals = value.split('.')[1]?.length ?? 0;
  return gramsOf(decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}`, unit);
}

function isNegative(value: string): boolean {
  return value.startsWith('-');
}
