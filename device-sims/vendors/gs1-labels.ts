/** What barcodes of the trade hold: GTINs as EAN-13, and GS1 element strings of pallets and of medicines. */

/** Ends an element without a length of its own. */
const GS = '\u001d';

/** The number as it is printed under an EAN-13. @param gtin 14 digits, the first 0 */
export function ean13(gtin: string): string {
  if (!/^0\d{13}$/.test(gtin)) throw new Error(`${gtin} does not fit an EAN-13`);
  return gtin.slice(1);
}

/** A pallet's GS1-128. @param sscc 18 digits */
export function palletLabel(sscc: string): string {
  return `00${sscc}`;
}

export interface PackLabel {
  /** 14 digits. */
  readonly gtin: string;
  /** YYMMDD; day 00 is the last of the month. */
  readonly expiry: string;
  readonly lot: string;
  readonly serial: string;
}

/** A pack's GS1 DataMatrix: GTIN (01), use by (17), lot (10), serial (21). */
export function packLabel({ gtin, expiry, lot, serial }: PackLabel): string {
  return `01${gtin}17${expiry}10${lot}${GS}21${serial}`;
}
