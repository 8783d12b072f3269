/** GTINs by the GS1 General Specifications: the check digit of section 7.9, stored as 14 digits. */

/** The GS1 check digit (mod 10, weights 3, 1, 3 ... from the right) over digits without their check digit. */
export function checkDigit(digits: string): number {
  let sum = 0;
  for (let i = digits.length - 1, weight = 3; i >= 0; i -= 1, weight = 4 - weight) {
    sum += (digits.charCodeAt(i) - 48) * weight;
  }
  return (10 - (sum % 10)) % 10;
}

/** A GTIN-8, -12, -13 or -14 with its check digit, as 14 digits; nothing when it is not a GTIN. */
export function toGtin14(text: string): string | undefined {
  const length = text.length;
  if (length !== 14 && length !== 13 && length !== 12 && length !== 8) return undefined;
  for (let i = 0; i < length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
  }
  if (checkDigit(text.slice(0, -1)) !== text.charCodeAt(length - 1) - 48) return undefined;
  return length === 14 ? text : text.padStart(14, '0');
}
