/**
 * What the soak's devices say: the n-th reading of a device, of mixed kinds, each of which becomes exactly one event.
 * Its id names the device's kind and a counter that runs from 0, so a ledger of ranges can prove a day of them.
 */
import { crc32 } from 'node:zlib';
import { deviceName, productGtin } from '../load/sales.ts';

export const SOAK_KINDS = ['sale', 'climate', 'traffic', 'shelf', 'presence'] as const;
export type SoakKind = (typeof SOAK_KINDS)[number];

const LETTERS: Readonly<Record<string, SoakKind>> = {
  ...{ s: 'sale', c: 'climate', t: 'traffic', h: 'shelf', p: 'presence' },
};

/** How kinds follow each other: 14 sales, 3 climates, 2 crossings, a shelf and a sighting of each 21. */
const PATTERN = [...'ssscssstssscssstsscph'].map((letter) => LETTERS[letter] ?? 'sale');

const BEFORE: Readonly<Record<SoakKind, readonly number[]>> = {
  sale: countsBefore('sale'),
  climate: countsBefore('climate'),
  traffic: countsBefore('traffic'),
  shelf: countsBefore('shelf'),
  presence: countsBefore('presence'),
};

/** For each place of the pattern how many of this kind come before it; the last element is the whole pattern's. */
function countsBefore(kind: SoakKind): number[] {
  const counts = [0];
  for (const one of PATTERN) counts.push((counts.at(-1) ?? 0) + (one === kind ? 1 : 0));
  return counts;
}

/** How many readings of a kind are among the first `total` of a device. */
export function countOf(kind: SoakKind, total: number): number {
  const before = BEFORE[kind];
  const rest = total % PATTERN.length;
  return ((total - rest) / PATTERN.length) * (before.at(-1) ?? 0) + (before[rest] ?? 0);
}

/** Readings of a shelf between two turns of its level, and how many of them are low: the gap rule has work. */
const TURN = 1_000;
const LOW = 200;

export interface SoakReading {
  readonly topic: string;
  readonly payload: string;
}

/** `run` is a word without `/` that no other run on the same journal used; `number` counts a device's readings from 0. */
export function reading(run: string, device: number, number: number, time: string): SoakReading {
  const kind = PATTERN[number % PATTERN.length] ?? 'sale';
  const counter = countOf(kind, number);
  const id = `${run}/${device}/${counter}`;
  const name = kind === 'sale' ? deviceName(device) : `${kind}-${device + 1}`;
  return {
    topic: `in/${kind}/${run}-${name}`,
    payload: JSON.stringify({ id, ...body(kind, run, device, counter, time) }),
  };
}

/** Each device follows one shopper, who consents before anything else is said of them. */
export function consentReading(run: string, device: number): SoakReading {
  return {
    topic: `in/consent/${run}-consent-${device + 1}`,
    payload: JSON.stringify({ shopper: shopperName(run, device), granted: true, scope: 'offers' }),
  };
}

function shopperName(run: string, device: number): string {
  return `walker-${run}-${device + 1}`;
}

function body(kind: SoakKind, run: string, device: number, counter: number, time: string): object {
  switch (kind) {
    case 'sale':
      return sale(device, counter, time);
    case 'climate':
      return { unit: `fridge-${device + 1}`, celsius: 2 + (counter % 40) / 10, humidity: 60 + (counter % 7) };
    case 'traffic':
      return { line: `door-${device + 1}`, in: 1 + (counter % 3), out: counter % 2 };
    case 'shelf':
      // Never twice the same, also when two runs speak of one shelf: a level that did not change would be no event.
      return {
        shelf: shelfName(device),
        gtin: productGtin(crc32(run) % 1_000_000),
        count: (counter % TURN < LOW ? 1 : 20) + (counter % 2),
      };
    case 'presence':
      // They come and go: a sighting that says the same again would be no event.
      return { zone: 'beverages', shopper: shopperName(run, device), present: counter % 2 === 0 };
  }
}

function sale(device: number, counter: number, time: string): object {
  const product = (counter * 7 + device) % 5_000;
  const first = 100 + ((product * 37) % 900);
  const second = 1000 + ((product * 91) % 9000);
  const price = (amount: number) => ({ amount, currency: 'EUR' });
  return {
    time,
    till: deviceName(device),
    transaction: String(counter).padStart(9, '0'),
    lines: [
      { gtin: productGtin(product), quantity: 1 + (counter % 3), price: price(first) },
      { gtin: productGtin(product + 1), quantity: 1, price: price(second) },
    ],
    total: price(first * (1 + (counter % 3)) + second),
  };
}

/** Each device of a run has a shelf of its own, or another's level would make no change out of one. */
export function shelfName(device: number): string {
  return `S${device + 1}`;
}

/** The ledger's key and counter of a `readingId`; nothing when it is none of ours. */
export function parseId(id: string): { run: string; device: number; counter: number } | undefined {
  const parts = /^([^/]+)\/(\d+)\/(\d+)$/.exec(id);
  return parts === null ? undefined : { run: parts[1] ?? '', device: Number(parts[2]), counter: Number(parts[3]) };
}
