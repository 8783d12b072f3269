/** Makes and checks password hashes: scrypt, in libuv's threads, never on the main one. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { formatPasswordHash, memoryOf, PASSWORD_COST, type PasswordHash } from '../contracts/password-hash.ts';

type Cost = Pick<PasswordHash, 'ln' | 'r' | 'p'>;

function derive(password: Uint8Array | string, salt: Uint8Array, { ln, r, p }: Cost, length: number): Promise<Buffer> {
  // The limit counts more than the working memory itself.
  const options = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf({ ln, r }) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** The text for `mqtt.users[].password_hash`, with a new salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return formatPasswordHash({ ...PASSWORD_COST, salt, hash: await derive(password, salt, PASSWORD_COST, 32) });
}

/** Compared in constant time. */
export async function verifyPassword(password: Uint8Array | string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known.salt, known, known.hash.length), known.hash);
}

/** A hash that no password has, so that an unknown name takes as long to refuse as a known one. */
export function nobodysHash(): PasswordHash {
  return { ...PASSWORD_COST, salt: randomBytes(16), hash: randomBytes(32) };
}
