/**
 * How many shoppers a device told of within the last hour, in a kilobyte of JSON that is seldom written.
 *
 * It holds 32 bits of a hash of each keyed pseudonym with the ten minutes in which it was last told of, so a row changes
 * once for each of them and each shopper. Up to some fifty it is exact. Of more it is a sample: only hashes whose lowest
 * `level` bits are zero are held, each standing for 2^level shoppers, and the count is right within some 15 %. Ten
 * minutes are the grain of the hour: never more than an hour, at least 50 minutes.
 */
import { hash } from 'node:crypto';

export interface Identities {
  readonly level: number;
  /** Hash (base 36) -> number of the ten minutes, on the elapsed clock. */
  readonly seen: Readonly<Record<string, number>>;
  /** The latest of these numbers. */
  readonly last: number;
}

/** Of nobody yet. `limit`: the count that matters. */
export function noIdentities(limit: number): Identities {
  return { level: Math.max(0, Math.ceil(Math.log2(limit / ENOUGH))), seen: {}, last: 0 };
}

const GRAIN_MS = 600_000;
const GRAINS = 6;
/** In the sample: at the limit, and at most. */
const ENOUGH = 50;
const MOST = 100;

/** The same object when nothing is new. `shopper`: keyed pseudonym; `elapsed` in milliseconds. */
export function withIdentity(before: Identities, shopper: string, elapsed: number): Identities {
  const grain = Math.floor(elapsed / GRAIN_MS);
  const digest = hash('sha256', shopper, 'buffer').readUInt32BE(0);
  const text = digest.toString(36);
  if (!isSampled(digest, before.level) || before.seen[text] === grain) return before;
  let seen = [...lately(before, elapsed).filter(([other]) => other !== text), [text, grain] as const];
  let level = before.level;
  while (seen.length > MOST) {
    level += 1;
    seen = seen.filter(([other]) => isSampled(Number.parseInt(other, 36), level));
  }
  return { level, seen: Object.fromEntries(seen), last: grain };
}

export function identitiesOf(identities: Identities, elapsed: number): number {
  return lately(identities, elapsed).length * 2 ** identities.level;
}

/** When (elapsed) everybody is forgotten. */
export function identitiesUntil({ last }: Identities): number {
  return (last + GRAINS) * GRAIN_MS;
}

function lately({ seen }: Identities, elapsed: number): [string, number][] {
  const since = Math.floor(elapsed / GRAIN_MS) - GRAINS;
  return Object.entries(seen).filter(([, grain]) => grain > since);
}

function isSampled(digest: number, level: number): boolean {
  return digest % 2 ** level === 0;
}
