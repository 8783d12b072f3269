/**
 * Item identities as the tags carry them: SGTIN-96 by the GS1 EPC Tag Data Standard, section 14.6.1. Header 0x30,
 * filter 1 (point of sale item), partition by the company prefix, then company, indicator with item, and serial.
 *
 *   header 8 | filter 3 | partition 3 | company 20..40 | indicator and item 24..4 | serial 38
 */

/** By partition 0..6: bits of the company prefix. */
const COMPANY_BITS = [40, 37, 34, 30, 27, 24, 20];

/**
 * @param gtin 14 digits
 * @param companyDigits 6 to 12
 * @param filter 0 to 7
 * @returns 24 upper-case hex digits
 */
export function sgtin96(gtin: string, companyDigits: number, serial: number, filter = 1): string {
  const partition = 12 - companyDigits;
  const companyBits = COMPANY_BITS[partition];
  if (companyBits === undefined) throw new RangeError(`a company prefix has 6 to 12 digits, not ${companyDigits}`);
  const company = gtin.slice(1, 1 + companyDigits);
  const item = `${gtin.slice(0, 1)}${gtin.slice(1 + companyDigits, 13)}`;
  let bits = 0x30n;
  const append = (value: bigint, width: number): void => {
    bits = (bits << BigInt(width)) | value;
  };
  append(BigInt(filter), 3);
  append(BigInt(partition), 3);
  append(BigInt(company), companyBits);
  append(BigInt(item), 44 - companyBits);
  append(BigInt(serial), 38);
  return bits.toString(16).toUpperCase().padStart(24, '0');
}
