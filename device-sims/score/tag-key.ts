/**
 * One name for a tagged item, from the ledger's hex and from the hub's EPC URI: GTIN and serial. Read by the tables of
 * the EPC Tag Data Standard (SGTIN-96: header 30, filter 3 bits, partition 3, company, indicator and item, serial 38),
 * apart from the hub's own decoder, which is judged with it.
 */

/** Bits and digits of the company prefix by partition; the item has 44 bits and 13 digits together with it. */
const COMPANY_BITS = [40, 37, 34, 30, 27, 24, 20] as const;

/** `<GTIN-14>/<serial>`; nothing where it is no SGTIN-96. */
export function keyOfHex(hex: string): string | undefined {
  if (!/^30[0-9A-F]{22}$/i.test(hex)) return undefined;
  const bits = BigInt(`0x${hex}`);
  const partition = Number((bits >> 82n) & 7n);
  const companyBits = COMPANY_BITS[partition];
  if (companyBits === undefined) return undefined;
  const itemBits = 44 - companyBits;
  const company = (bits >> BigInt(38 + itemBits)) & ((1n << BigInt(companyBits)) - 1n);
  const item = (bits >> 38n) & ((1n << BigInt(itemBits)) - 1n);
  const serial = bits & ((1n << 38n) - 1n);
  return keyOf(
    String(company).padStart(12 - partition, '0'),
    String(item).padStart(partition + 1, '0'),
    String(serial),
  );
}

/** The same from `urn:epc:id:sgtin:company.item.serial`. */
export function keyOfUri(uri: string): string | undefined {
  const [, company, item, serial] = /^urn:epc:id:sgtin:(\d{6,12})\.(\d{1,7})\.(.+)$/.exec(uri) ?? [];
  if (company === undefined || item === undefined || serial === undefined) return undefined;
  return keyOf(company, item, serial);
}

function keyOf(company: string, item: string, serial: string): string {
  const body = `${item.slice(0, 1)}${company}${item.slice(1)}`;
  let sum = 0;
  for (const [index, digit] of [...body].entries()) sum += Number(digit) * (index % 2 === 0 ? 3 : 1);
  return `${body}${(10 - (sum % 10)) % 10}/${serial}`;
}
