/** A campaign: which product is offered, where, when, and to whom how often. */
import { z } from 'zod';
import { gtinSchema } from '../edge/contracts/planogram.ts';
import { day, duration, inMilliseconds, shown } from './values.ts';

function wrongLimit(issue: { readonly input?: unknown }): string {
  return `must be a number of offers per time, such as 1 per 1d, not ${shown(issue.input)}`;
}

const count = (what: string) => z.number().int().min(1).max(1_000_000_000).optional().describe(what);

export const campaignSchema = z
  .strictObject({
    id: z.string().min(1).max(64).describe('name of the campaign; of equal ones the lowest id goes first'),
    zone: z.string().min(1).max(64).describe('zone of the shop floor where it is offered'),
    gtin: gtinSchema.describe('product on offer: GTIN as text, with its check digit'),
    text: z.string().min(1).max(200).describe('what the shopper reads'),
    from: day().describe('first day, in the time zone of the store'),
    until: day().describe(
      'last day, in the time zone of the store; when it is brought forward, offers that are open stay good for as long as they say',
    ),
    priority: z.number().int().default(0).describe('of several campaigns the highest goes first'),
    per_shopper: z
      .string({ error: wrongLimit })
      .regex(/^[1-9]\d{0,5} per [1-9]\d{0,5}(s|m|h|d)$/, { error: wrongLimit })
      .transform((text) => {
        const [offers, within = ''] = text.split(' per ');
        return { offers: Number(offers), within: inMilliseconds(within) };
      })
      .optional()
      .describe('most offers to one shopper in a rolling time, such as 1 per 1d'),
    attribution: duration({ max: '30d' })
      .prefault('2h')
      .describe('a purchase of the product by the same shopper within this time after the offer counts as its effect'),
    valid: duration({ min: '1s', max: '7d' })
      .optional()
      .describe('how long an offer to a shopper stands; default rules.location_offer.valid'),
    budget: count('most offers to shoppers in the whole campaign'),
    quantity: count('most redemptions in the whole campaign; tills ask before they grant one'),
    exclude: z
      .array(z.string().min(1).max(64))
      .optional()
      .describe('ids of campaigns: a shopper who had an offer of one gets none of this'),
    holdout: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'share of shoppers who get no offer, for comparison: 0 to 1; needed to know the effect; a change concerns shoppers new to the campaign',
      ),
    coupon: z.boolean().default(false).describe('each offer to a shopper carries a code for one use at the till'),
  })
  .refine(({ from, until }) => from <= until, { path: ['until'], message: 'must not be before from' });
