/** What tills call units of measure and themselves. */

/** UN/ECE recommendation 20 for what tills write; everything else stays as it is, in capitals. */
const UNITS: Readonly<Record<string, string>> = {
  ...{
    '': 'EA',
    EA: 'EA',
    EACH: 'EA',
    PCE: 'EA',
    PC: 'EA',
    PCS: 'EA',
    ST: 'EA',
    STK: 'EA',
    STÜCK: 'EA',
    C62: 'EA',
    H87: 'EA',
  },
  ...{ KG: 'KGM', KGM: 'KGM', KILOGRAM: 'KGM', G: 'GRM', GR: 'GRM', GRM: 'GRM', LB: 'LBR', LBR: 'LBR', LBS: 'LBR' },
  ...{ OZ: 'ONZ', ONZ: 'ONZ', L: 'LTR', LT: 'LTR', LTR: 'LTR', ML: 'MLT', MLT: 'MLT', M: 'MTR', MTR: 'MTR' },
};

export function unitOf(text = ''): string {
  const unit = text.trim().toUpperCase();
  return UNITS[unit] ?? unit.slice(0, 16);
}

/**
 * A folder holds the files of many tills: each is the device of its own sales, so that its times are judged by its own
 * clock. A name that no topic could hold stays the folder's.
 */
export function speaksFor(till: string): { readonly device?: string } {
  return till.length > 64 || /[/+#\p{Cc}]/u.test(till) ? {} : { device: till };
}
