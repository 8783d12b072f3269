/**
 * Electronic Product Codes by the GS1 Tag Data Standard: what a tag's EPC memory says, as hex or as URI.
 *
 *   EPC       := header (8 bits) filter (3) partition (3) company reference serial
 *   partition := 12 - digits of the company prefix; it also says how many bits company and reference take (SCHEMES)
 *   serial    := SGTIN-96, GRAI-96: 38 bits; SGLN-96: 41 bits; SGTIN-198: 20 characters of 7 bits, ended by zeros;
 *                SSCC-96: none, 24 zero bits; GIAI-96: none, the reference is the serial
 *
 * Two URIs name it: the pure identity (`urn:epc:id:sgtin:0614141.812345.6789`), and the tag's (`urn:epc:tag:sgtin-96:3.…`),
 * which tells the filter, too. Other headers of the standard are recognised, and not looked into.
 */
import { checkDigit } from './gtin.ts';

export type EpcScheme = 'sgtin' | 'sscc' | 'sgln' | 'grai' | 'giai';

export interface Epc {
  readonly is: 'epc';
  /** Such as `sgtin-96`; of a pure identity, which does not tell it, the scheme alone. */
  readonly encoding: string;
  readonly scheme: EpcScheme;
  /** Pure identity URI, percent-encoded. */
  readonly uri: string;
  /** Tag URI; absent where only the pure identity was given. */
  readonly tag?: string | undefined;
  /** Of an SGTIN, 14 digits. */
  readonly gtin?: string | undefined;
  /** As plain text, not percent-encoded. */
  readonly serial?: string | undefined;
  /** 18 digits. */
  readonly sscc?: string | undefined;
}

/** A header that the standard knows, and this reader does not look into. */
export interface OtherEpc {
  readonly is: 'other';
  /** Such as `SGTIN+`. */
  readonly encoding: string;
  /** Upper case. */
  readonly hex: string;
}

export interface NoEpc {
  readonly is: 'unreadable';
  /** What is wrong, in a sentence. */
  readonly reason: string;
}

export type ReadEpc = Epc | OtherEpc | NoEpc;

interface Layout {
  readonly scheme: EpcScheme;
  readonly encoding: string;
  /** Hex digits. A tag's memory ends at a whole word of 16 bits, its last byte may be left out. */
  readonly lengths: readonly number[];
  /** Bits of the reference, by partition. */
  readonly bits: readonly number[];
  /** Digits of the reference, by partition; absent: as many as its bits hold, without leading zeros. */
  readonly digits?: readonly number[];
  readonly serial: { readonly bits: number; readonly is: 'number' | 'text' | 'none' };
}

const COMPANY_BITS = [40, 37, 34, 30, 27, 24, 20] as const;
const ITEM_BITS = [4, 7, 10, 14, 17, 20, 24] as const;
const HEADER_BITS = 14;

const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [0x30, { ...sgtin('sgtin-96', [24]), serial: { bits: 38, is: 'number' } }],
  [0x36, { ...sgtin('sgtin-198', [50, 52]), serial: { bits: 140, is: 'text' } }],
  [
    0x31,
    {
      ...{ scheme: 'sscc', encoding: 'sscc-96', lengths: [24], bits: [18, 21, 24, 28, 31, 34, 38] },
      ...{ digits: [5, 6, 7, 8, 9, 10, 11], serial: { bits: 0, is: 'none' } },
    },
  ],
  [
    0x32,
    {
      ...{ scheme: 'sgln', encoding: 'sgln-96', lengths: [24], bits: [1, 4, 7, 11, 14, 17, 21] },
      ...{ digits: [0, 1, 2, 3, 4, 5, 6], serial: { bits: 41, is: 'number' } },
    },
  ],
  [
    0x33,
    {
      ...{ scheme: 'grai', encoding: 'grai-96', lengths: [24], bits: ITEM_BITS },
      ...{ digits: [0, 1, 2, 3, 4, 5, 6], serial: { bits: 38, is: 'number' } },
    },
  ],
  [
    0x34,
    {
      ...{ scheme: 'giai', encoding: 'giai-96', lengths: [24], bits: [42, 45, 48, 52, 55, 58, 62] },
      serial: { bits: 0, is: 'none' },
    },
  ],
]);

function sgtin(encoding: string, lengths: readonly number[]): Omit<Layout, 'serial'> {
  return { scheme: 'sgtin', encoding, lengths, bits: ITEM_BITS, digits: [1, 2, 3, 4, 5, 6, 7] };
}

/** Headers of the standard's table that are not looked into. The + and ++ schemes came with its second edition. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  ...([
    [0x2c, 'GDTI-96'],
    [0x2d, 'GSRN-96'],
    [0x2e, 'GSRNP-96'],
    [0x2f, 'USDOD-96'],
    [0x35, 'GID-96'],
    [0x37, 'GRAI-170'],
    [0x38, 'GIAI-202'],
    [0x39, 'SGLN-195'],
    [0x3a, 'GDTI-113'],
    [0x3b, 'ADI-var'],
    [0x3c, 'CPI-96'],
    [0x3d, 'CPI-var'],
    [0x3e, 'GDTI-174'],
    [0x3f, 'SGCN-96'],
    [0x40, 'ITIP-110'],
    [0x41, 'ITIP-212'],
  ] as const),
  ...['CPI', 'GSRN', 'GSRNP', 'SGLN', 'GDTI', 'GRAI', 'SGCN', 'ITIP', 'GIAI', 'SSCC'].map(
    (name, index) => [0xe6 + index, `${name}++`] as const,
  ),
  ...['CPI', 'GRAI', 'SGLN', 'ITIP', 'GSRN', 'GSRNP', 'GDTI', 'SGTIN', 'SGCN', 'SSCC', 'GIAI', 'DSGTIN'].map(
    (name, index) => [0xf0 + index, `${name}+`] as const,
  ),
  [0xfc, 'DSGTIN++'],
  [0xfd, 'SGTIN++'],
]);

/** What an EPC says, as hex digits of the tag's memory or as an EPC URI. Never throws. */
export function readEpc(text: string): ReadEpc {
  const raw = /^urn:epc:raw:\d{1,4}\.x([0-9A-Fa-f]{1,256})$/.exec(text)?.[1];
  if (raw !== undefined) return fromHex(raw.toUpperCase());
  return text.startsWith('urn:') ? fromUri(text) : fromHex(text.toUpperCase());
}

function fromHex(hex: string): ReadEpc {
  if (!/^[0-9A-F]{2,256}$/.test(hex)) return no('neither hex digits nor an EPC URI');
  const header = Number.parseInt(hex.slice(0, 2), 16);
  const other = OTHERS.get(header);
  if (other !== undefined) return { is: 'other', encoding: other, hex };
  const layout = LAYOUTS.get(header);
  if (layout === undefined) return no(`its first byte, ${hex.slice(0, 2)}, is no header of the Tag Data Standard`);
  const { encoding, lengths } = layout;
  if (!lengths.includes(hex.length)) return no(`${hex.length} hex digits, and ${encoding} has ${lengths.join(' or ')}`);
  return fromBits(layout, BigInt(`0x${hex}`), hex.length * 4);
}

function fromBits(layout: Layout, value: bigint, length: number): ReadEpc {
  const field = (from: number, bits: number): bigint =>
    (value >> BigInt(length - from - bits)) & ((1n << BigInt(bits)) - 1n);
  const filter = Number(field(8, 3));
  const partition = Number(field(11, 3));
  const companyBits = COMPANY_BITS[partition];
  const referenceBits = layout.bits[partition];
  if (companyBits === undefined || referenceBits === undefined)
    return no(`partition ${partition}, and there are 0 to 6`);
  const companyDigits = 12 - partition;
  const company = field(HEADER_BITS, companyBits).toString();
  if (company.length > companyDigits) return no(`a company prefix over ${companyDigits} digits`);
  const reference = field(HEADER_BITS + companyBits, referenceBits).toString();
  const digits = layout.digits?.[partition];
  const tooLong = digits === 0 ? reference !== '0' : digits !== undefined && reference.length > digits;
  if (tooLong) return no(`a reference over ${digits} digits`);
  const from = HEADER_BITS + companyBits + referenceBits;
  const padding = length - from - layout.serial.bits;
  if (padding > 0 && field(from + layout.serial.bits, padding) !== 0n) return no('bits after its end are not zero');
  const serial =
    layout.serial.is === 'text' ? characters(field(from, 140)) : field(from, layout.serial.bits).toString();
  if (serial === undefined) return no('characters in its serial that no GS1 serial has');
  return named(layout.scheme, layout.encoding, {
    filter,
    company: company.padStart(companyDigits, '0'),
    reference: digits === 0 ? '' : reference.padStart(digits ?? 0, '0'),
    serial,
  });
}

/** The characters that GS1 serials are made of. */
const SERIAL = /^[!"%-?A-Z_a-z]{1,20}$/;

/** 20 characters of 7 bits, ended by zeros. */
function characters(bits: bigint): string | undefined {
  let text = '';
  let hasEnded = false;
  for (let at = 0; at < 20; at += 1) {
    const code = Number((bits >> BigInt(7 * (19 - at))) & 127n);
    if (hasEnded && code !== 0) return undefined;
    if (code === 0) hasEnded = true;
    else text += String.fromCharCode(code);
  }
  return SERIAL.test(text) ? text : undefined;
}

interface Parts {
  readonly filter?: number | undefined;
  readonly company: string;
  readonly reference: string;
  readonly serial: string;
}

function named(scheme: EpcScheme, encoding: string, parts: Parts): Epc {
  const { filter, company, reference, serial } = parts;
  const hasSerial = scheme === 'sgtin' || scheme === 'sgln' || scheme === 'grai';
  const body = `${company}.${escaped(reference)}${hasSerial ? `.${escaped(serial)}` : ''}`;
  return {
    is: 'epc',
    scheme,
    encoding,
    uri: `urn:epc:id:${scheme}:${body}`,
    ...(filter !== undefined && { tag: `urn:epc:tag:${encoding}:${filter}.${body}` }),
    ...(scheme === 'sgtin' && { gtin: withCheckDigit(reference.slice(0, 1) + company + reference.slice(1)) }),
    ...(hasSerial && { serial }),
    ...(scheme === 'giai' && { serial: reference }),
    ...(scheme === 'sscc' && { sscc: withCheckDigit(reference.slice(0, 1) + company + reference.slice(1)) }),
  };
}

function withCheckDigit(digits: string): string {
  return `${digits}${checkDigit(digits)}`;
}

/** Characters that stand for something else in a URI: the standard's table of the GS1 character set. */
function escaped(text: string): string {
  return text.replace(/["%&/<>?]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

const IDENTITY = /^urn:epc:id:([a-z]+):(\d{6,12})\.([^.]*)(?:\.(.+))?$/;
const TAG = /^urn:epc:tag:([a-z]+-\d+):([0-7])\.(\d{6,12})\.([^.]*)(?:\.(.+))?$/;

function fromUri(uri: string): ReadEpc {
  const tag = TAG.exec(uri);
  const identity = tag ?? IDENTITY.exec(uri);
  if (!identity) return no('an EPC URI is urn:epc:id:SCHEME:... or urn:epc:tag:ENCODING:..., of a scheme known here');
  const [, name = '', ...fields] = identity;
  const filter = tag ? Number(fields.shift()) : undefined;
  const [company = '', reference = '', serial] = fields;
  const layout = [...LAYOUTS.values()].find(({ scheme, encoding }) => name === (tag ? encoding : scheme));
  if (layout === undefined) return no(`${name} is not known here`);
  return fromFields(layout, tag ? name : layout.scheme, filter, { company, reference, serial });
}

function fromFields(
  layout: Layout,
  encoding: string,
  filter: number | undefined,
  said: { readonly company: string; readonly reference: string; readonly serial: string | undefined },
): ReadEpc {
  const { scheme } = layout;
  const { company } = said;
  const reference = unescaped(said.reference);
  const serial = said.serial === undefined ? undefined : unescaped(said.serial);
  const digits = layout.digits?.[12 - company.length];
  // Assets may be numbered with letters, where the tag is longer than 96 bits.
  const isGood =
    digits === undefined
      ? reference !== undefined && SERIAL.test(reference)
      : reference?.length === digits && /^\d*$/.test(reference);
  if (reference === undefined || !isGood)
    return no(`its reference is not ${digits === undefined ? 'made of characters of GS1' : `${digits} digits`}`);
  if ((serial !== undefined) !== (layout.serial.is !== 'none')) return no(`it has not the parts of a ${scheme}`);
  if (said.serial !== undefined && (serial === undefined || !SERIAL.test(serial)))
    return no('characters in its serial that no GS1 serial has');
  return named(scheme, encoding, { filter, company, reference, serial: serial ?? '' });
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function no(reason: string): NoEpc {
  return { is: 'unreadable', reason };
}
