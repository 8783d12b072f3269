import { expect, test } from 'vitest';
import { sgtin96 } from './epc.ts';

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
