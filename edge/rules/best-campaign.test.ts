import { describe, expect, it } from 'vitest';
import { byRank, type Campaign, type Capped } from '../contracts/campaigns.ts';
import { bestCampaign, hasBudget } from './best-campaign.ts';
import type { Tally } from './offer-views.ts';
import { EMPTY_TALLY, offersWith, viewsWith } from './views.fixture.ts';

const NOW = { elapsed: 0, wall: Date.parse('2026-11-20T09:00:00Z') };

function campaign(id: string, more: Partial<Campaign> = {}): Campaign {
  const days = { from: '2026-11-01', until: '2026-11-30' };
  const rest = { zone: 'beverages', gtin: 'water', text: id, priority: 0, attribution: 0, coupon: false };
  return { id, ...days, ...rest, ...more };
}

/** A shop where these products are on the shelf of `beverages`, and these campaigns were used so far. */
function shop(campaigns: readonly Campaign[], stock: readonly string[], used: Record<string, Partial<Tally>> = {}) {
  return viewsWith({
    campaigns: [...campaigns].sort(byRank),
    onShelf: (zone, gtin) => (zone === 'beverages' && stock.includes(gtin) ? 3 : 0),
    runs: ({ from, until }) => from <= '2026-11-20' && '2026-11-20' <= until,
    offers: offersWith({ tally: (id) => ({ ...EMPTY_TALLY, ...used[id] }) }),
  });
}

const best = (views: ReturnType<typeof shop>, objection?: (one: Campaign) => Capped | undefined) => {
  const choice = bestCampaign('beverages', views, NOW, objection);
  return 'campaign' in choice ? choice.campaign.id : `${choice.none} ${choice.of}`.trim();
};

describe('the best campaign of a zone', () => {
  it('is the one with the highest priority, of equal ones the lowest id', () => {
    expect(best(shop([campaign('c', { priority: 1 }), campaign('b'), campaign('a')], ['water']))).toBe('c');
    expect(best(shop([campaign('b'), campaign('c'), campaign('a', { priority: -1 })], ['water']))).toBe('b');
  });

  it('runs today, in this zone', () => {
    const others = [
      campaign('elsewhere', { zone: 'household', priority: 9 }),
      campaign('over', { until: '2026-11-19', priority: 9 }),
      campaign('planned', { from: '2026-11-21', priority: 9 }),
    ];
    expect(best(shop([...others, campaign('a')], ['water']))).toBe('a');
    expect(best(shop(others, ['water']))).toBe('none-running');
  });

  it('is of a product on the shelf of the zone', () => {
    const campaigns = [campaign('juice', { gtin: 'juice', priority: 1 }), campaign('water')];
    expect(best(shop(campaigns, ['water']))).toBe('water');
    expect(best(shop(campaigns, ['water', 'juice']))).toBe('juice');
    expect(best(shop(campaigns, []))).toBe('no-stock juice');
  });

  it('is not used up', () => {
    const campaigns = [campaign('a', { quantity: 5, priority: 1 }), campaign('b', { budget: 5 })];
    expect(best(shop(campaigns, ['water'], { a: { redeemed: 4 } }))).toBe('a');
    expect(best(shop(campaigns, ['water'], { a: { redeemed: 5 } }))).toBe('b');
    const used = shop(campaigns, ['water'], { a: { redeemed: 5 }, b: { made: 5 } });
    // A budget is of offers to shoppers: screens ask without it.
    expect(best(used)).toBe('b');
    expect(best(used, (one) => (hasBudget(one, used) ? undefined : 'used-up'))).toBe('used-up a');
    const water = shop(campaigns, ['water']);
    expect(best(water, ({ id }) => (id === 'a' ? 'per-shopper' : 'excluded'))).toBe('per-shopper a');
  });
});
