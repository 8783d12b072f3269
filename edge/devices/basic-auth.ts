/** Who sends readings or claims by HTTP: Basic authentication (RFC 7617) with a name and password of `mqtt.users`. */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../ops/problem.ts';
import type { Credentials } from './credentials.ts';
import type { User } from './users.ts';

export interface HttpAccess {
  /** Absent: there are no users. */
  readonly credentials: Credentials | undefined;
  /** Whether a request without a name is refused. */
  readonly demanded: boolean;
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="store-hub", charset="UTF-8"' } as const;

/** Undefined: the anonymous client. What is sent is checked also where nothing is demanded. Throws Problem. */
export async function userOf(request: FastifyRequest, access: HttpAccess): Promise<User | undefined> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    if (!access.demanded) return undefined;
    throw new Problem(401, 'this needs a name and password of `mqtt.users`', { headers: CHALLENGE });
  }
  const claimed = nameAndPassword(authorization);
  if (claimed === undefined) throw new Problem(401, 'use HTTP Basic', { headers: CHALLENGE });
  const wrong = new Problem(401, 'wrong user name or password', { headers: CHALLENGE });
  if (access.credentials === undefined) throw wrong;
  const wanted = () => !request.raw.socket.destroyed;
  const verdict = await access.credentials.check({ ...claimed, address: request.ip, wanted });
  if (verdict.is === 'user') return verdict.user;
  if (verdict.is !== 'later') throw wrong;
  const seconds = Math.ceil(verdict.afterMs / 1000);
  throw new Problem(429, `not checked now, come back in ${seconds} s`, { headers: { 'retry-after': `${seconds}` } });
}

function nameAndPassword(authorization: string): { name: string; password: Uint8Array } | undefined {
  const encoded = /^basic +([a-z0-9+/_-]+={0,2})$/i.exec(authorization.trim())?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64');
  const colon = decoded.indexOf(0x3a);
  return colon < 0 ? undefined : { name: decoded.toString('utf8', 0, colon), password: decoded.subarray(colon + 1) };
}
