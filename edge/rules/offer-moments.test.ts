import { describe, expect, it } from 'vitest';
import { campaign, DAY, facing, HOUR, MINUTE, SECOND, shopperIn, VALID, Visit } from './location-offer.fixture.ts';
import { armOf, tidyAt } from './offer-moments.ts';

describe('caps', () => {
  it('are rolling: at most so many within the time, not per day', () => {
    const visit = new Visit([campaign('soda', { per_shopper: { offers: 2, within: DAY }, valid: MINUTE })]);
    expect(visit.stay()).toEqual(['made soda']);
    visit.pass(23 * HOUR);
    expect(visit.stay()).toEqual(['made soda']);
    visit.pass(50 * MINUTE);
    expect(visit.stay()).toEqual([]);
    visit.pass(10 * MINUTE);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.stay()).toEqual([]);
    visit.pass(23 * HOUR);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.none).toEqual(['per-shopper soda', 'open-offer soda']);
  });

  it('leave the next best campaign', () => {
    const daily = { per_shopper: { offers: 1, within: DAY }, valid: MINUTE };
    const visit = new Visit([campaign('soda', { ...daily, priority: 1 }), campaign('water', daily)]);
    const stays = [1, 2, 3].map(() => {
      const decided = visit.stay();
      visit.pass(MINUTE);
      return decided;
    });
    expect(stays).toEqual([['made soda'], ['made water'], []]);
  });

  it('hold one offer open at a time, until it expires or is redeemed', () => {
    const visit = new Visit([campaign('soda'), campaign('clean', { zone: 'household', gtin: 'soap' })]);
    visit.levels.set('B1', 3);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.stay('household')).toEqual([]);
    visit.redeem(visit.open()[0]?.id ?? '');
    expect(visit.stay('household')).toEqual(['made clean']);
    visit.pass(VALID);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.none).toEqual(['open-offer clean']);
  });

  it('count budget and quantity of the whole campaign, and know exclusions, also after months', () => {
    const visit = new Visit([
      campaign('soda', { budget: 2, valid: SECOND }),
      campaign('juicy', { gtin: 'juice', exclude: ['soda'], priority: -1, until: '2027-11-30' }),
    ]);
    visit.levels.set('A2', 3);
    expect([visit.stay(), visit.stay(), visit.stay()]).toEqual([['made soda'], ['made soda'], []]);
    visit.pass(200 * DAY);
    expect(visit.stay()).toEqual([]);
    expect(visit.none).toEqual(['used-up soda', 'excluded juicy']);
  });

  it('let both groups live alike: who is held out has no other moment while an offer would stand', () => {
    const one = campaign('soda', { holdout: 0.5 });
    const moments = (['treated', 'holdout'] as const).map((arm) => {
      const visit = new Visit([one], shopperIn(arm, one));
      const decided = [1, 2, 3, 4, 5, 6].map(() => {
        visit.pass(4 * MINUTE);
        return visit.stay().length;
      });
      expect(visit.none).toHaveLength(4);
      return decided;
    });
    expect(moments).toEqual([
      [1, 0, 0, 0, 1, 0],
      [1, 0, 0, 0, 1, 0],
    ]);
  });
});

describe('the hold-out', () => {
  it('is the share of shoppers that the campaign says, each always the same, each campaign its own', () => {
    const shoppers = Array.from({ length: 20_000 }, (_, index) => `shopper-${index}`);
    const heldOut = (id: string, holdout: number) =>
      new Set(shoppers.filter((shopper) => armOf(campaign(id, { holdout }), shopper) === 'holdout'));
    const [few, more, other] = [heldOut('a', 0.1), heldOut('a', 0.3), heldOut('b', 0.3)];
    // Three standard deviations of a share of 20,000.
    expect(Math.abs(few.size / 20_000 - 0.1)).toBeLessThan(0.0065);
    expect(Math.abs(more.size / 20_000 - 0.3)).toBeLessThan(0.01);
    expect([...few].every((shopper) => more.has(shopper))).toBe(true);
    const both = [...more].filter((shopper) => other.has(shopper)).length;
    expect(Math.abs(both / 20_000 - 0.09)).toBeLessThan(0.0065);
    expect([heldOut('a', 0).size, heldOut('a', 1).size]).toEqual([0, 20_000]);
  });

  it('gets nothing, not even another campaign, until an offer would not stand any more', () => {
    const daily = { per_shopper: { offers: 1, within: DAY } };
    const soda = campaign('soda', { ...daily, holdout: 0.5, priority: 1, valid: HOUR });
    const decided = (['treated', 'holdout'] as const).map((arm) => {
      const visit = new Visit([soda, campaign('water')], shopperIn(arm, soda));
      const stays = [visit.stay(), visit.stay()];
      visit.pass(58 * MINUTE);
      return [...stays, visit.stay(), visit.pass(2 * MINUTE), visit.stay()].map((one) => one[0]);
    });
    expect(decided).toEqual([
      ['made soda', undefined, undefined, undefined, 'made water'],
      ['withheld soda hold-out', undefined, undefined, undefined, 'made water'],
    ]);
  });

  it('is free for another when a purchase would have redeemed the offer', () => {
    const daily = { per_shopper: { offers: 1, within: DAY } };
    const soda = campaign('soda', { ...daily, holdout: 0.5, priority: 1, valid: HOUR });
    for (const arm of ['treated', 'holdout'] as const) {
      const visit = new Visit([soda, campaign('sap', { gtin: 'juice' })], shopperIn(arm, soda));
      visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
      visit.levels.set('A2', 9);
      visit.stay();
      // Of the substitute, while the offer is about the product itself.
      expect(visit.buy('1', ['juice', 1])).toEqual([`attributed soda ${arm}`]);
      expect(visit.stay()).toEqual([]);
      expect(visit.buy('2', ['water', 1]).at(-1)).toBe(`attributed soda ${arm}`);
      expect(visit.stay()).toEqual(['made sap']);
    }
  });

  it('is free for another when nothing of the offer is on the shelf, and stays so', () => {
    const daily = { per_shopper: { offers: 1, within: DAY } };
    const soda = campaign('soda', { ...daily, holdout: 0.5, priority: 1, valid: HOUR });
    for (const arm of ['treated', 'holdout'] as const) {
      const visit = new Visit(
        [soda, campaign('clean', { zone: 'household', gtin: 'soap', valid: MINUTE })],
        shopperIn(arm, soda),
      );
      visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
      visit.levels.set('A2', 1);
      visit.levels.set('B1', 1);
      visit.stay();
      visit.level('A1', 0);
      expect(visit.stay('household')).toEqual([]);
      visit.level('A2', 0);
      expect(visit.stay('household')).toEqual(['made clean']);
      visit.pass(MINUTE);
      visit.level('A1', 5);
      expect(visit.stay('household')).toEqual(['made clean']);
    }
  });

  it('and the others stay who they are when the share changes', () => {
    const soda = campaign('soda', { holdout: 0.5, valid: MINUTE });
    for (const arm of ['treated', 'holdout'] as const) {
      const visit = new Visit([soda], shopperIn(arm, soda));
      const decided = [0.5, 0, 1, 0.5].map((holdout) => {
        visit.campaigns = [campaign('soda', { holdout, valid: MINUTE })];
        visit.pass(MINUTE);
        return visit.stay()[0];
      });
      expect(new Set(decided)).toEqual(new Set([arm === 'treated' ? 'made soda' : 'withheld soda hold-out']));
      expect(visit.firsts).toEqual([true, false, false, false]);
      expect(visit.buy('1', ['water', 1])).toContain(`attributed soda ${arm}`);
    }
  });
});

describe('the state', () => {
  it('goes when nothing can ask for it any more', () => {
    const visit = new Visit([campaign('soda', { per_shopper: { offers: 1, within: DAY } })]);
    visit.stay();
    visit.pass(30 * DAY);
    expect(visit.state).toMatchObject({ had: [{ campaign: 'soda' }] });
    visit.pass(100 * DAY);
    expect([visit.state, visit.wakeAt]).toEqual([{}, undefined]);
  });

  it('stays small: of many moments those that count for the cap', () => {
    const visit = new Visit([campaign('soda', { per_shopper: { offers: 3, within: HOUR }, valid: SECOND })]);
    for (let i = 0; i < 200; i += 1) {
      visit.stay();
      visit.pass(10 * MINUTE);
    }
    expect(visit.state.had?.[0]?.at.length).toBeLessThanOrEqual(3);
    expect(JSON.stringify(visit.state).length).toBeLessThan(250);
  });

  it('of a campaign that is gone stays for 90 days: it may be put back', () => {
    const soda = campaign('soda', { until: '2027-12-31', per_shopper: { offers: 2, within: 300 * DAY } });
    const visit = new Visit([soda]);
    visit.stay();
    visit.pass(HOUR);
    visit.stay();
    visit.campaigns = [];
    visit.stay('household');
    visit.pass(89 * DAY);
    visit.stay('household');
    visit.campaigns = [soda];
    expect(visit.stay()).toEqual([]);
    expect(visit.none.at(-1)).toBe('per-shopper soda');
    expect(visit.state.had).toMatchObject([{ campaign: 'soda' }]);
    expect(visit.state.had?.[0]).not.toHaveProperty('gone');
    visit.pass(300 * DAY);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.firsts).toEqual([true, false, false]);
  });

  it('begins anew for another campaign under the same id, as its counts do', () => {
    const daily = { per_shopper: { offers: 1, within: DAY }, valid: MINUTE };
    const visit = new Visit([campaign('soda', daily)]);
    visit.stay();
    visit.buy('1', ['water', 1]);
    visit.campaigns = [campaign('soda', { ...daily, from: '2026-11-20' })];
    expect(visit.stay()).toEqual(['made soda']);
    visit.buy('2', ['water', 1]);
    expect(visit.firsts).toEqual([true, true]);
    expect(visit.uses.filter(({ what }) => what === 'attributed')).toMatchObject([{ first: true }, { first: true }]);
  });

  it('of a campaign that is gone goes then, unless another excludes it', () => {
    const visit = new Visit([
      campaign('soda'),
      campaign('later', { from: '2026-12-01', until: '2027-12-31', exclude: ['soda'] }),
    ]);
    visit.stay();
    visit.campaigns = visit.campaigns.filter(({ id }) => id !== 'soda');
    visit.stay('household');
    visit.pass(91 * DAY);
    expect(visit.state.had).toHaveLength(1);
    visit.campaigns = [];
    visit.pass(91 * DAY);
    expect([visit.state, visit.wakeAt]).toEqual([{}, undefined]);
  });
});

it('looks for what is past its time at a moment of an hour, the same whenever it is asked, and each shopper’s own', () => {
  const soda = campaign('soda', { until: '2099-12-31' });
  const had = [{ campaign: 'soda', arm: 'treated', at: [5 * MINUTE], gtin: soda.gtin }] as const;
  const asked = (shopper: string, later: number): number => {
    const now = { elapsed: 5 * MINUTE + later, wall: Date.UTC(2026, 10, 20, 9) + later };
    return tidyAt(had, [soda], now, shopper) ?? expect.unreachable();
  };
  expect(new Set([0, SECOND, 50 * MINUTE].map((later) => asked('anna', later))).size).toBe(1);
  const minutes = Array.from({ length: 600 }, (_, index) => Math.floor((asked(`${index}`, 0) % HOUR) / MINUTE));
  // About ten in each.
  for (let minute = 0; minute < 60; minute += 1) {
    expect(minutes.filter((one) => one === minute).length).toBeLessThan(40);
  }
  expect(new Set(minutes).size).toBeGreaterThan(50);
});
