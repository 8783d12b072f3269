/**
 * What tills and the shop's app say about offers: `POST /api/claims` asks whether an offer may be redeemed, and is
 * answered after the commit; `POST /api/offers/<id>/seen` tells that a shopper's device showed it.
 */
import type { FastifyInstance } from 'fastify';
import { type Claim, type ClaimAnswer, claimSchema } from '../contracts/offers.ts';
import { Problem } from '../ops/problem.ts';
import { acceptEmptyBodies, badBody } from './bodies.ts';
import { machineOf } from './machine-access.ts';

export interface ClaimsDesk {
  /** Resolves after the commit; rejects with HubError NOT_STORED when it cannot be stored. */
  claim(claim: Claim): Promise<ClaimAnswer>;
  /** Whether such an offer stands; after the commit, too. */
  seen(offer: string): Promise<boolean>;
}

const OFFER_ID = /^[A-Za-z0-9_-]{26}$/;
const NO_OFFER = 'there is no such offer';

/** A plugin: `app.register(claimsApi, { desk })`. */
export function claimsApi(app: FastifyInstance, { desk }: { readonly desk: ClaimsDesk }, done: () => void): void {
  acceptEmptyBodies(app);
  app.post('/api/claims', { config: { machines: { permission: 'claims', staff: true } } }, async (request) => {
    const parsed = claimSchema.safeParse(request.body);
    if (!parsed.success) throw badBody(parsed.error);
    const machine = machineOf(request);
    if (machine && !machine.devices.has(parsed.data.till))
      throw new Problem(403, 'this till is not one of the `devices` of this user');
    const answer = await desk.claim(parsed.data);
    if (!answer.granted) throw new Problem(409, answer.text, { members: { reason: answer.reason } });
    return { claim: answer.claim, campaign: answer.campaign };
  });

  app.post<{ Params: { id: string } }>(
    '/api/offers/:id/seen',
    { config: { machines: { permission: 'offers', staff: true } } },
    async ({ params }) => {
      if (!OFFER_ID.test(params.id) || !(await desk.seen(params.id))) throw new Problem(404, NO_OFFER);
      return { offer: params.id };
    },
  );
  done();
}
