import { createRequire } from 'node:module';
import type TDS from 'epc-tds';
import { expect, test } from 'vitest';
import { checkDigit } from '../../edge/contracts/gtin.ts';
import { sgtin96 } from './epc.ts';
import { seeded } from './random.ts';

/** Of a library that reads the standard, too. */
const other = createRequire(import.meta.url)('epc-tds') as typeof TDS.default;

test('the example of the tag data standard', () => {
  expect(sgtin96('80614141123458', 7, 6789, 3)).toBe('3074257BF7194E4000001A85');
});

test('items of one product differ, and a company prefix has 6 to 12 digits', () => {
  const gtin = '09521234000013';
  const epcs = Array.from({ length: 500 }, (_, serial) => sgtin96(gtin, 7, serial + 1));
  expect(new Set(epcs).size).toBe(500);
  expect(epcs.every((epc) => /^30[0-9A-F]{22}$/.test(epc))).toBe(true);
  expect(() => sgtin96(gtin, 5, 1)).toThrow(RangeError);
});

test('5,000 random tags read as they were meant, by a library that was written apart', () => {
  const random = seeded(9);
  for (let at = 0; at < 5000; at += 1) {
    const body = Array.from({ length: 13 }, () => random.whole(0, 9)).join('');
    const [companyDigits, serial, filter] = [random.whole(6, 12), random.whole(0, 2 ** 38 - 1), random.whole(0, 7)];
    const gtin = body + checkDigit(body);
    const theirs = other.valueOf(sgtin96(gtin, companyDigits, serial, filter));
    const company = gtin.slice(1, 1 + companyDigits);
    expect(theirs.toTagURI()).toBe(
      `urn:epc:tag:sgtin-96:${filter}.${company}.${gtin[0]}${gtin.slice(1 + companyDigits, 13)}.${serial}`,
    );
    expect(theirs.toBarcode()).toBe(gtin);
  }
});
