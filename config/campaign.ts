/** A campaign: which product is offered, where, when, and to whom how often. Checked already; used once offers exist. */
import { z } from 'zod';
import { gtinSchema } from '../edge/contracts/planogram.ts';
import { day, duration, shown } from './values.ts';

function wrongLimit(issue: { readonly input?: unknown }): string {
  return `must be a number of offers per time, such as 1 per 1d, not ${shown(issue.input)}`;
}

export const campaignSchema = z.strictObject({
  id: z.string().min(1).max(64).describe('name of the campaign; of equal ones the lowest id goes first'),
  zone: z.string().min(1).max(64).describe('zone of the shop floor where it is offered'),
  gtin: gtinSchema.describe('product on offer: GTIN as text, with its check digit'),
  text: z.string().min(1).max(200).describe('what the shopper reads'),
  from: day().describe('first day, in the time zone of the store'),
  until: day().describe('last day, in the time zone of the store'),
  priority: z.number().int().default(0).describe('of several campaigns the highest goes first'),
  per_shopper: z
    .string({ error: wrongLimit })
    .regex(/^\d{1,6} per \d{1,6}(s|m|h|d)$/, { error: wrongLimit })
    .optional()
    .describe('most offers to one shopper in a rolling time, such as 1 per 1d'),
  attribution: duration()
    .optional()
    .describe('a sale of the product within this time after the offer counts as redeemed'),
  budget: z.number().int().min(1).optional().describe('most offers of the whole campaign'),
  quantity: z.number().int().min(1).optional().describe('items of the product that must be on the shelf'),
  exclude: z.array(z.string().min(1).max(64)).optional().describe('ids of campaigns that a shopper may not also get'),
  holdout: z.number().min(0).max(1).optional().describe('share of shoppers who get no offer, for comparison: 0 to 1'),
});
