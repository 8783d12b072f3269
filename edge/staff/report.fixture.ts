/** For tests of the page: a report on offers in which everything occurs. */
import { type CampaignCounts, effectOf } from '../contracts/lift.ts';
import type { CampaignState, OffersReport } from '../contracts/offers.ts';

type Campaign = OffersReport['campaigns'][number];

const NONE: CampaignCounts = {
  ...{ made: 0, withdrawn: 0, seen: 0, played: 0, redeemed: 0 },
  ...{ treated_shoppers: 0, treated_buyers: 0, holdout_shoppers: 0, holdout_buyers: 0 },
};

/** Buyers and shoppers of both groups. */
export type Arms = readonly [bought: number, of: number, heldOutBought: number, heldOut: number];

export function campaignOf(id: string, state: CampaignState, arms: Arms, more: Partial<Campaign> = {}): Campaign {
  const [treated_buyers, treated_shoppers, holdout_buyers, holdout_shoppers] = arms;
  const counts = { treated_buyers, treated_shoppers, holdout_buyers, holdout_shoppers };
  return {
    ...effectOf(id, { ...NONE, ...counts, made: treated_shoppers, redeemed: treated_buyers }),
    ...{ zone: 'beverages', gtin: '09521234543213', text: `${id} for less`, open: 0, state },
    ...{ from: '2026-11-01', until: '2026-11-30' },
    ...more,
  };
}

export const REPORT: OffersReport = {
  campaigns: [
    campaignOf('xmas', 'planned', [0, 0, 0, 0], { text: 'Two for one on mulled wine', held_out: 0.1 }),
    campaignOf('soda-10', 'running', [216, 1200, 14, 140], {
      ...{ text: '10 % off spring water today', seen: 980, played: 3120, open: 14, withdrawn: 6, made: 1242 },
      ...{ held_out: 0.1, budget: 5000 },
    }),
    campaignOf('oat-1', 'running', [22, 130, 2, 15], {
      ...{ zone: 'breakfast', text: 'Oat drink: 1 € back', seen: 77, held_out: 0.1 },
    }),
    campaignOf('tea', 'running', [3, 25, 0, 0], { zone: 'tea', text: 'Green tea, the second for half' }),
    campaignOf('wine', 'used up', [10, 400, 12, 100], {
      ...{ zone: 'wine', text: 'Riesling at 5.99', seen: 240, redeemed: 400, quantity: 400, held_out: 0.2 },
    }),
    campaignOf('figs', 'ended', [40, 300, 4, 40], { zone: 'fruit', text: 'Figs at half price', until: '2026-11-10' }),
  ],
  none: [
    { day: '2026-11-20', zone: 'beverages', campaign: 'soda-10', reason: 'no-stock', count: 31 },
    { day: '2026-11-19', zone: 'tea', campaign: 'tea', reason: 'no-stock', count: 12 },
    { day: '2026-11-20', zone: 'beverages', campaign: 'soda-10', reason: 'per-shopper', count: 214 },
    { day: '2026-11-20', zone: 'beverages', campaign: 'soda-10', reason: 'hold-out', count: 140 },
    { day: '2026-11-20', zone: 'dairy', reason: 'none-running', count: 88 },
    { day: '2026-11-20', zone: 'beverages', reason: 'no-consent', count: 18_233 },
  ],
  flags: [
    {
      ...{ reason: 'guessed-code', device: 'till-3', time: '2026-11-20T14:02:11.000Z' },
      text: 'At till-3 five codes were tried within ten minutes that the hub never made.',
      evidence: { tries: 5, within_s: 431, receipts: ['till-3/000871', 'till-3/000872'] },
    },
    {
      ...{ reason: 'works-here', shopper: '3v8qk2m7c1x9d4t6w0r5h8n2pz', campaign: 'soda-10' },
      ...{ time: '2026-11-20T11:40:00.000Z', text: 'Somebody who was here for 7 hours today redeemed an offer.' },
      evidence: { present_s: 25_310 },
    },
  ],
};
