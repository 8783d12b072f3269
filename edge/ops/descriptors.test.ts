import { expect, test } from 'vitest';
import { mostOpenFiles, placesWithin } from './descriptors.ts';

test('the doors have the places that are wanted, or fewer where the system allows fewer open files', () => {
  const wanted = { mqtt: 2000, http: 200 };
  expect(placesWithin(undefined, wanted)).toBe(wanted);
  expect(placesWithin(4096, wanted)).toBe(wanted);
  expect(placesWithin(1024, wanted)).toEqual({ mqtt: 760, http: 200 });
  expect(placesWithin(128, wanted)).toEqual({ mqtt: 48, http: 16 });
  expect(placesWithin(32, wanted)).toEqual({ mqtt: 4, http: 4 });
});

test('the system says how many files may be open', () => {
  expect(mostOpenFiles()).toBeGreaterThan(16);
  expect(mostOpenFiles('Max open files            128                  4096                 files')).toBe(128);
  expect(mostOpenFiles('Max open files            unlimited            unlimited            files')).toBeUndefined();
});
