import { createRequire } from 'node:module';
import type TDS from 'epc-tds';
import { describe, expect, it } from 'vitest';
import { readEpc } from './epc.ts';
import { toGtin14 } from './gtin.ts';

/** Of a library that reads the standard, too; on what it does right. */
const other = createRequire(import.meta.url)('epc-tds') as typeof TDS.default;

describe('the vectors of the standard', () => {
  it.each([
    ['3074257BF7194E4000001A85', 'sgtin-96:3.0614141.812345.6789', 'sgtin:0614141.812345.6789'],
    [`3674257BF6B7A659B2C2BF10${'0'.repeat(26)}`, 'sgtin-198:3.0614141.712345.32a%2Fb', 'sgtin:0614141.712345.32a%2Fb'],
    [`3674257BF6B7A659B2C2BF10${'0'.repeat(28)}`, 'sgtin-198:3.0614141.712345.32a%2Fb', 'sgtin:0614141.712345.32a%2Fb'],
    ['3174257BF4499602D2000000', 'sscc-96:3.0614141.1234567890', 'sscc:0614141.1234567890'],
    ['3274257BF460720000000190', 'sgln-96:3.0614141.12345.400', 'sgln:0614141.12345.400'],
  ])('%s', (hex, tag, uri) => {
    const epc = readEpc(hex);
    expect(epc).toMatchObject({ is: 'epc', tag: `urn:epc:tag:${tag}`, uri: `urn:epc:id:${uri}` });
    expect(readEpc(hex.toLowerCase())).toEqual(epc);
    expect(readEpc(`urn:epc:raw:${hex.length * 4}.x${hex}`)).toEqual(epc);
    expect(readEpc(`urn:epc:tag:${tag}`)).toEqual(epc);
    const { tag: _, encoding, ...said } = epc as Extract<typeof epc, { is: 'epc' }>;
    expect(readEpc(`urn:epc:id:${uri}`)).toEqual({ ...said, encoding: said.scheme });
    expect(encoding).toBe(tag.slice(0, tag.indexOf(':')));
  });

  it('the keys of trade with their check digits, and serials as plain text', () => {
    expect(readEpc('3074257BF7194E4000001A85')).toMatchObject({ gtin: '80614141123458', serial: '6789' });
    expect(readEpc(`3674257BF6B7A659B2C2BF10${'0'.repeat(26)}`)).toMatchObject({
      gtin: '70614141123451',
      serial: '32a/b',
    });
    expect(readEpc('3174257BF4499602D2000000')).toMatchObject({ sscc: '106141412345678908' });
  });
});

describe('what is no EPC is refused with a reason', () => {
  it.each([
    ['3076625A0000004000000001', 'a company prefix over'],
    [hexOf([8, 0x30], [3, 1], [3, 7], [82, 0]), 'partition 7'],
    [hexOf([8, 0x30], [3, 1], [3, 5], [24, 10_000_000], [20, 1], [38, 1]), 'a company prefix over 7 digits'],
    [hexOf([8, 0x30], [3, 1], [3, 5], [24, 614_141], [20, 1_000_000], [38, 1]), 'a reference over 6 digits'],
    [hexOf([8, 0x31], [3, 1], [3, 5], [24, 614_141], [34, 5], [24, 1]), 'bits after its end are not zero'],
    [hexOf([8, 0x32], [3, 1], [3, 0], [40, 123], [1, 1], [41, 1]), 'a reference over 0 digits'],
    ['3074257BF7194E4000001A8', '23 hex digits, and sgtin-96 has 24'],
    ['3074257BF7194E4000001A850000', '28 hex digits'],
    [`3674257BF6B7A659B2C2BF10${'0'.repeat(25)}1`, 'are not zero'],
    [`3674257BF6B7A659B2C2BF10${'0'.repeat(20)}80${'0'.repeat(4)}`, 'no GS1 serial has'],
    [`3674257BF6${'0'.repeat(40)}`, 'no GS1 serial has'],
    ['E28011700000020A1234ABCD', 'its first byte, E2'],
    ['000000000000000000000000', 'its first byte, 00'],
    ['', 'neither'],
    ['hello', 'neither'],
    ['urn:epc:id:sgtin:0614141.12345.1', 'its reference is not 6 digits'],
    ['urn:epc:id:sgtin:0614141.812345', 'has not the parts'],
    ['urn:epc:id:sscc:0614141.1234567890.1', 'has not the parts'],
    ['urn:epc:id:sgtin:0614141.812345.%zz', 'has not the parts'],
    ['urn:epc:id:sgtin:0614141.812345.%00', 'no GS1 serial has'],
    ['urn:epc:id:cat:0614141.812345.1', 'cat is not known here'],
    ['urn:epc:idpat:sgtin:0614141.*.*', 'an EPC URI is'],
  ])('%s', (text, reason) => {
    expect(readEpc(text)).toEqual({ is: 'unreadable', reason: expect.stringContaining(reason) });
  });
});

it.each([
  ['F7', 'SGTIN+'],
  ['F9', 'SSCC+'],
  ['FB', 'DSGTIN+'],
  ['F1', 'GRAI+'],
  ['FD', 'SGTIN++'],
  ['EF', 'SSCC++'],
  ['E6', 'CPI++'],
  ['37', 'GRAI-170'],
  ['2D', 'GSRN-96'],
])('header %s is %s: recognised, not looked into', (header, encoding) => {
  const hex = `${header.toLowerCase()}14a24b3c5d6e7f80`;
  expect(readEpc(hex)).toEqual({ is: 'other', encoding, hex: hex.toUpperCase() });
});

it('10,000 random tags that another library encodes read as they were meant', () => {
  const random = seeded(20);
  const below = (most: number): number => Math.floor(random() * most);
  const digits = (count: number): string => Array.from({ length: count }, () => below(10)).join('');
  // Not the library's own separators, at which it cuts a serial off.
  const letters = 'ABCXYZabcxyz0123456789-_!*(),;=+';
  const text = (): string => Array.from({ length: 1 + below(20) }, () => letters[below(letters.length)]).join('');
  const makers = [
    (company: string) => `sgtin-96:${below(8)}.${company}.${digits(13 - company.length)}.${below(2 ** 38)}`,
    (company: string) => `sgtin-198:${below(8)}.${company}.${digits(13 - company.length)}.${text()}`,
    (company: string) => `sscc-96:${below(8)}.${company}.${digits(17 - company.length)}`,
    // The library writes a reference without digits as 0.
    (company: string) =>
      `sgln-96:${below(8)}.${company.slice(0, 11)}.${digits(12 - Math.min(11, company.length))}.${below(2 ** 41)}`,
    (company: string) =>
      `grai-96:${below(8)}.${company.slice(0, 11)}.${digits(12 - Math.min(11, company.length))}.${below(2 ** 38)}`,
    (company: string) => `giai-96:${below(8)}.${company}.${1 + below(2 ** 40)}`,
  ];
  let read = 0;
  for (let at = 0; at < 10_000; at += 1) {
    const company = digits(6 + below(7));
    const uri = `urn:epc:tag:${makers[at % makers.length]?.(company)}`;
    const theirs = other.fromTagURI(uri);
    const ours = readEpc(theirs.toHexString());
    expect(ours).toMatchObject({ is: 'epc', tag: uri });
    if (ours.is !== 'epc') continue;
    expect(readEpc(uri)).toEqual(ours);
    if (ours.gtin !== undefined) expect(toGtin14(ours.gtin)).toBe(ours.gtin);
    if (ours.scheme === 'sgtin' || ours.scheme === 'sscc')
      expect([ours.gtin ?? ours.sscc, ours.uri]).toEqual([theirs.toBarcode(), theirs.toIdURI()]);
    read += 1;
  }
  expect(read).toBe(10_000);
});

it('random bits never make it throw, and what it takes for an EPC it reads the same again', () => {
  const random = seeded(4);
  const headers = ['30', '31', '32', '33', '34', '36'];
  let good = 0;
  for (let at = 0; at < 20_000; at += 1) {
    const header = headers[at % headers.length] ?? '30';
    const length = header === '36' ? 50 : 24;
    const rest = Array.from({ length: length - 2 }, () => Math.floor(random() * 16).toString(16)).join('');
    const epc = readEpc(header + rest);
    if (epc.is !== 'epc') continue;
    good += 1;
    expect(readEpc(epc.tag ?? '')).toEqual(epc);
  }
  expect(good).toBeGreaterThan(1000);
});

/** Hex digits of fields, each with its bits. */
function hexOf(...fields: readonly (readonly [bits: number, value: number])[]): string {
  const bits = fields
    .map(([count, value]) => value.toString(2).padStart(count, '0'))
    .join('')
    .padEnd(96, '0');
  return BigInt(`0b${bits}`).toString(16).padStart(24, '0');
}

/** The same numbers of 0..1 on every machine: a linear congruence modulo 2^48, of which the upper bits are used. */
function seeded(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 0x5deece66dn + 11n) & 0xffff_ffff_ffffn;
    return Number(state >> 8n) / 2 ** 40;
  };
}
