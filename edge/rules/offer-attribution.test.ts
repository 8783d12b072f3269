import { describe, expect, it } from 'vitest';
import { campaign, DAY, facing, HOUR, shopperIn, VALID, Visit } from './location-offer.fixture.ts';

describe('a purchase', () => {
  it('within attribution is put down to the offer, and redeems it once', () => {
    const visit = new Visit();
    visit.stay();
    const [offer] = visit.open();
    expect(visit.buy('1', ['juice', 1])).toEqual([]);
    expect(visit.buy('2', ['water', 2], ['water', '0.5'], ['water', 1, 'void'])).toEqual([
      'redeemed soda',
      'attributed soda treated',
    ]);
    const receipt = { till: 'till-1', transaction: '2', business_day: '2026-11-20' };
    const shared = { campaign: 'soda', offer: offer?.id, shopper: 'shopper', ...receipt };
    expect(visit.uses).toMatchObject([
      { ...shared, by: 'purchase' },
      { ...shared, arm: 'treated', gtin: 'water', quantity: 1.5, first: true },
    ]);
    expect(visit.buy('3', ['water', 1])).toEqual(['attributed soda treated']);
    expect(visit.uses[2]).toMatchObject({ first: false });
    // The same receipt, told once more.
    expect(visit.buy('3', ['water', 1])).toEqual([]);
  });

  it('of what is given back in the same sale is none', () => {
    const visit = new Visit();
    visit.stay();
    expect(visit.buy('1', ['water', 1], ['water', 1, 'return'])).toEqual([]);
  });

  it('later than attribution after the latest moment counts no more', () => {
    const visit = new Visit([campaign('soda', { attribution: HOUR })]);
    visit.stay();
    const at = visit.state.had?.[0]?.at[0] ?? 0;
    visit.pass(at + HOUR - visit.elapsed);
    expect(visit.buy('1', ['water', 1])).toContain('attributed soda treated');
    visit.pass(1);
    expect(visit.buy('2', ['water', 1])).toEqual([]);
    visit.stay();
    expect(visit.buy('3', ['water', 1])).toContain('attributed soda treated');
  });

  it('by somebody who is held out is attributed to the hold-out, and redeems nothing', () => {
    const visit = new Visit([campaign('soda', { holdout: 1 })]);
    visit.stay();
    expect(visit.buy('1', ['water', 1])).toEqual(['attributed soda holdout']);
    expect(visit.uses[0]).not.toHaveProperty('offer');
  });

  it('of what an offer was moved to redeems it', () => {
    const visit = new Visit();
    visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
    visit.levels.set('A2', 2);
    visit.stay();
    visit.level('A1', 0);
    const sold = visit.buy('1', ['water', 3], ['juice', 2]);
    expect(sold).toEqual(['redeemed soda', 'attributed soda treated']);
    expect(visit.uses).toMatchObject([
      { gtin: 'juice', offer: visit.offers[1]?.id },
      { gtin: 'water', quantity: 3 },
    ]);
  });

  it('of a substitute counts for both groups, whether an offer was moved to it or not', () => {
    const soda = campaign('soda', { holdout: 0.5 });
    for (const arm of ['treated', 'holdout'] as const) {
      const visit = new Visit([soda], shopperIn(arm, soda));
      visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
      visit.planogram[1] = facing('A2', 'beverages', 'juice', { substitute: 'tea' });
      visit.levels.set('A2', 2);
      visit.stay();
      expect(visit.buy('1', ['juice', 1])).toEqual([`attributed soda ${arm}`]);
      visit.level('A1', 0);
      expect(visit.buy('2', ['tea', 1])).toEqual([`attributed soda ${arm}`]);
      expect(visit.buy('3', ['juice', 1]).at(-1)).toBe(`attributed soda ${arm}`);
      expect(visit.buy('4', ['soap', 1])).toEqual([]);
    }
  });

  it('is the first until a refund leaves none, however long ago, and whether or not there is consent', () => {
    const visit = new Visit([campaign('soda', { until: '2027-12-31', attribution: HOUR })]);
    const firstOf = (transaction: string) => {
      visit.stay();
      visit.buy(transaction, ['water', 1]);
      return visit.uses.find((use) => use.transaction === transaction && use.what === 'attributed');
    };
    expect(firstOf('1')).toMatchObject({ first: true });
    // The book has forgotten the receipt.
    visit.pass(200 * DAY);
    visit.uses.length = 0;
    expect(firstOf('2')).toMatchObject({ first: false });
    visit.giveBack('2', false);
    expect(firstOf('3')).toMatchObject({ first: false });
    visit.giveBack('3');
    expect(firstOf('4')).toMatchObject({ first: true });
    visit.consent(false);
    visit.giveBack('4');
    visit.consent(true);
    expect(firstOf('5')).toMatchObject({ first: true });
    expect(visit.firsts).toEqual([true, false, false, false, false]);
  });

  it('after the offer stood no more is its effect, but redeems nothing: no till would', () => {
    const visit = new Visit();
    visit.stay();
    visit.level('A1', 0);
    expect(visit.buy('1', ['water', 1])).toEqual(['attributed soda treated']);
    const late = new Visit();
    late.stay();
    late.pass(VALID);
    expect(late.buy('1', ['water', 1])).toEqual(['attributed soda treated']);
  });

  it('redeems no coupon, nothing beyond the quantity, and nothing that the till has redeemed', () => {
    const coupon = new Visit([campaign('soda', { coupon: true })]);
    coupon.stay();
    expect(coupon.buy('1', ['water', 1])).toEqual(['attributed soda treated']);
    expect(coupon.open()).toHaveLength(1);

    const use = { claim: 'c', what: 'redeemed' as const, campaign: 'soda', quantity: 0, reversed: false };
    const taken = new Visit([campaign('soda', { quantity: 1 })]);
    taken.stay();
    taken.uses.push({ ...use, till: 'till-9', transaction: '9', business_day: '2026-11-20' });
    expect(taken.buy('1', ['water', 1])).toEqual(['attributed soda treated']);

    const told = new Visit();
    told.stay();
    told.uses.push({ ...use, till: 'till-1', transaction: '1', business_day: '2026-11-20' });
    expect(told.buy('1', ['water', 1])).toEqual(['attributed soda treated']);
  });
});
