import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadWorld, parseWorld, readyWorlds, WorldError } from './load-world.ts';

const FASHION = readFileSync(fileURLToPath(new URL('../worlds/fashion.yaml', import.meta.url)), 'utf8');

function faultsOf(source: string): string {
  try {
    parseWorld(source, 'shop.yaml');
  } catch (error) {
    if (error instanceof WorldError) return error.message;
    throw error;
  }
  return 'valid';
}

/** The fashion shop with one thing replaced. */
function changed(from: string, to: string): string {
  expect(FASHION).toContain(from);
  return faultsOf(FASHION.replace(from, to));
}

test('the ready worlds are valid, and named as their files', () => {
  expect(readyWorlds()).toEqual(['fashion', 'pharmacy', 'supermarket']);
  for (const name of readyWorlds()) expect(loadWorld(name).world).toBe(name);
});

test('a supermarket has 8,000 articles and 2,500 parties on a usual day', () => {
  const { departments, shoppers } = loadWorld('supermarket');
  expect(departments.reduce((sum, { skus }) => sum + skus, 0)).toBe(8_000);
  expect(shoppers.per_day).toBe(2_500);
});

const WRONG: readonly (readonly [what: string, from: string, to: string, message: RegExp])[] = [
  ['an unknown key', 'about:', 'colour: red\nabout:', /^shop\.yaml:3:1: colour: unknown key$/],
  ['a misspelt key', 'zone: denim, is: sales', 'zone: denim, iss: sales', /:22:20: zones\[3\]\.iss: unknown key/],
  ['a missing key', 'zone: denim, is: sales, ', 'zone: denim, ', /zones\[3\]\.is: missing, must be one of sales, entr/],
  ['a share above 1', 'browsers: 0.35', 'browsers: 35', /shoppers\.browsers: must be at most 1$/],
  ['text for a number', 'per_day: 180', 'per_day: many', /:\d+:3: shoppers\.per_day: expected a number, got text$/],
  ['a time that is none', '"10:00", "19:00"', '"25:00", "26:00"', /open\.monday\[0\]: must be a time of day such as/],
  ['hours that end before they begin', '"10:00", "19:00"', '"19:00", "10:00"', /open\.monday: must close after it/],
  ['a falling range', 'price: [1499, 8999]', 'price: [8999, 1499]', /departments\[0\]\.price: must rise/],
  [
    'an unknown zone',
    'zones: [denim]',
    'zones: [demin]',
    /departments\[2\]\.zones\[0\]: no zone is called demin; there/,
  ],
  ['goods in the back room', 'zones: [denim]', 'zones: [back-room]', /back-room is back-room; must be sales or/],
  ['a zone twice', 'zone: men, is', 'zone: women, is', /zones\[2\]\.zone: women is there already, in zones\[1\]/],
  [
    'a zone without a way',
    'next_to: [women, dock]',
    'next_to: [dock] }\n  - { zone: attic, is: sales, area: [90, 0, 1, 1]',
    /gets from entr/,
  ],
  ['no dock', 'is: dock, area', 'is: back-room, area', /zones: needs exactly one zone that is dock/],
  [
    'zones one over the other',
    'area: [6, 2, 6, 5]',
    'area: [5, 2, 6, 5]',
    /zones\[2\]\.area: lies in part where women/,
  ],
  ['a fitting room without cabins', 'cabins: 4, ', '', /zones\[5\]\.cabins: missing/],
  ['a city as time zone', 'Europe/Berlin', 'Berlin', /timezone: Berlin is no time zone/],
  [
    'an unknown department',
    'department: jeans, products',
    'department: jean, products',
    /no department is called jean;/,
  ],
  ['hours of a day of 30', 'hours: { 10: 4', 'hours: { 30: 4', /shoppers\.hours/],
  ['no YAML', 'zones:', 'zones: [', /^shop\.yaml:\d+:\d+: /],
];

test.each(WRONG)('%s is refused, with the file, the place and the key', (_, from, to, message) => {
  expect(changed(from, to)).toMatch(message);
});

test('every fault of a file is named at once', () => {
  const faults = faultsOf(FASHION.replace('browsers: 0.35', 'browsers: 35').replace('currency: EUR', 'currency: euro'));
  expect(faults.split('\n')).toHaveLength(2);
});

test('an empty file, and a file that is not there', () => {
  expect(faultsOf('')).toBe('shop.yaml:1:1: expected an object, got null');
  expect(() => loadWorld('/nowhere/shop.yaml')).toThrow(/\/nowhere\/shop\.yaml: cannot be read/);
  expect(() => loadWorld('moon')).toThrow('no world is called moon; there are fashion, pharmacy, supermarket');
});
