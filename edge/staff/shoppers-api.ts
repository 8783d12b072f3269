/**
 * `POST /api/shoppers/<pseudonym>/erase`: everything that leads to this person is destroyed. For users with
 * `may: [consent]`, also on a network that may use the rest without a password; the PIN of the staff page is not enough.
 * On this machine there is `store-hub shoppers erase`, too. The address names a person, so nothing here quotes it.
 */
import type { FastifyInstance } from 'fastify';
import { Problem } from '../ops/problem.ts';
import { acceptEmptyBodies } from './bodies.ts';

export interface ShoppersDesk {
  /** Whether anybody was known; resolves when it is done. Rejects with HubError NOT_STORED when it cannot be done now. */
  erase(pseudonym: string): Promise<boolean>;
}

/** Characters, as readings may have them. */
const LONGEST_PSEUDONYM = 128;

/** A plugin: `app.register(shoppersApi, { desk })`. */
export function shoppersApi(app: FastifyInstance, { desk }: { readonly desk: ShoppersDesk }, done: () => void): void {
  acceptEmptyBodies(app);
  app.post<{ Params: { pseudonym: string } }>(
    '/api/shoppers/:pseudonym/erase',
    { config: { machines: { permission: 'consent', staff: false, named: true } } },
    async ({ params: { pseudonym } }) => {
      if (pseudonym.length === 0 || pseudonym.length > LONGEST_PSEUDONYM)
        throw new Problem(400, `a pseudonym has 1 to ${LONGEST_PSEUDONYM} characters`);
      return { erased: await desk.erase(pseudonym) };
    },
  );
  done();
}
