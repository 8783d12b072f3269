/**
 * Random numbers, a stream of its own for every subject (a shopper, a day's arrivals, a member of staff): what one of
 * them draws shifts nobody else's numbers, so a small change in a world stays a small change in its ledger.
 */
import { type Random, randomBy } from './random.ts';

/** The stream of a subject, always from its beginning. */
export type Streams = (...subject: readonly (string | number)[]) => Random;

export function streams(seed: number): Streams {
  return (...subject) => {
    const name = `${seed}/${subject.join('/')}`;
    return sfc32(hash(name, 0x811c9dc5), hash(name, 0x9e3779b9), hash(name, 0x85ebca6b));
  };
}

/** FNV-1a, then murmur3's finish: names that differ little give seeds that differ much. */
function hash(text: string, basis: number): number {
  let mixed = basis;
  for (let i = 0; i < text.length; i += 1) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) | 0;
}

/** Chris Doty-Humphrey's small fast counting generator, from PractRand: 96 bits of seed, twelve rounds to mix them. */
function sfc32(first: number, second: number, third: number): Random {
  let [a, b, c, counter] = [first, second, third, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round += 1) next();
  return randomBy(next);
}
