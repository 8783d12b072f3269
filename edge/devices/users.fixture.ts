/** For tests: users with known passwords, hashed at the least cost that is taken. */
import { randomBytes, scryptSync } from 'node:crypto';
import { formatPasswordHash } from '../contracts/password-hash.ts';
import type { UserEntry } from './users.ts';

export function passwordHash(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 });
  return formatPasswordHash({ ln: 10, r: 8, p: 1, salt, hash });
}

/** Its password is `<name> password`. */
export function testUser(name: string, more: Partial<UserEntry> = {}): UserEntry {
  return { name, password_hash: passwordHash(`${name} password`), ...more };
}
