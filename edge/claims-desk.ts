/** The staff room's desk for tills: what they ask goes through the journal's door. */
import type { ClaimAnswer } from './contracts/offers.ts';
import type { Request } from './crossing.ts';
import type { ClaimsDesk } from './staff/claims-api.ts';

export function claimsDesk(request: (request: Request) => Promise<unknown>): ClaimsDesk {
  return {
    claim: async (claim) => (await request({ op: 'claim', claim })) as ClaimAnswer,
    seen: async (offer) => (await request({ op: 'offer-seen', offer })) === true,
  };
}
