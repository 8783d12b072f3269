/**
 * How a password is written down: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, salt and hash in base64 without padding
 * (the PHC string format). `ln` is the binary logarithm of scrypt's N; computing it takes 128 * N * r bytes.
 */

export interface PasswordHash {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** The cost of new hashes: 32 MiB, about a tenth of a second on a small box. */
export const PASSWORD_COST = { ln: 15, r: 8, p: 1 } as const;

/** Also says how much may be asked for: ln=16 with r=8 is 64 MiB; less than ln=10 is no protection. */
export const PASSWORD_HASH_SHAPE =
  /^\$scrypt\$ln=(1[0-6]),r=([1-8]),p=([1-4])\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Bytes that computing it takes. */
export function memoryOf({ ln, r }: Pick<PasswordHash, 'ln' | 'r'>): number {
  return 128 * 2 ** ln * r;
}

/** Undefined when the text is no such hash. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt, hash] = PASSWORD_HASH_SHAPE.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  return {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

export function formatPasswordHash({ ln, r, p, salt, hash }: PasswordHash): string {
  const text = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${ln},r=${r},p=${p}$${text(salt)}$${text(hash)}`;
}
