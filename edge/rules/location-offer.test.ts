import { describe, expect, it } from 'vitest';
import { ABSENT, campaign, DAY, DWELL, facing, HOUR, MINUTE, VALID, Visit } from './location-offer.fixture.ts';

describe('a stay', () => {
  it('of dwell brings the offer, once, caused by the event that began the stay', () => {
    const visit = new Visit();
    expect([visit.enter(), visit.pass(DWELL - 1)].flat()).toEqual([]);
    expect(visit.pass(1)).toEqual(['made soda']);
    expect(visit.pass(ABSENT - DWELL - 1)).toEqual([]);
    expect(visit.leave()).toEqual([]);
    expect(visit.open()).toHaveLength(1);
    expect(visit.none).toEqual([]);
  });

  it('that is too short brings nothing, and is not added to the next', () => {
    const visit = new Visit();
    visit.enter();
    expect(visit.pass(DWELL - 1)).toEqual([]);
    visit.leave();
    expect(visit.pass(HOUR)).toEqual([]);
    visit.enter();
    expect(visit.pass(DWELL - 1)).toEqual([]);
    expect(visit.pass(1)).toEqual(['made soda']);
    expect(visit.none).toEqual([]);
  });

  it('begins anew in another zone, and a late word of the first zone does not end it', () => {
    const visit = new Visit([campaign('soda'), campaign('clean', { zone: 'household', gtin: 'soap' })]);
    visit.levels.set('B1', 3);
    visit.enter('beverages');
    visit.pass(DWELL - 1);
    visit.enter('household');
    expect(visit.pass(DWELL - 1)).toEqual([]);
    visit.leave('beverages');
    expect(visit.pass(1)).toEqual(['made clean']);
  });

  it('that is told again goes on from where it was', () => {
    const visit = new Visit();
    visit.enter();
    visit.pass(DWELL - 1);
    visit.enter();
    expect(visit.pass(1)).toEqual(['made soda']);
  });

  it('ends when nobody sighted the shopper for absent_after, and not while somebody does', () => {
    const visit = new Visit();
    visit.enter();
    visit.pass(DWELL);
    for (let i = 0; i < 20; i += 1) {
      visit.seen = visit.elapsed;
      expect(visit.pass(ABSENT / 2)).toEqual([]);
    }
    expect(visit.pass(ABSENT / 2 - 1)).toEqual([]);
    expect(visit.pass(1)).toEqual(['present']);
    expect(visit.state.stay).toBeUndefined();
    visit.seen = undefined;
    visit.enter();
    expect(visit.pass(ABSENT - 1)).toEqual(['made soda']);
    expect(visit.pass(1)).toEqual(['present']);
  });

  it('that was over before the hub could look brings nothing', () => {
    const visit = new Visit();
    visit.enter();
    // The hub was down meanwhile.
    visit.wakeAt = visit.elapsed + ABSENT;
    expect(visit.pass(ABSENT)).toEqual(['present']);
    expect(visit.none).toEqual([]);
  });

  it('is not begun, ended or counted by a record of the past', () => {
    const visit = new Visit();
    const present = { zone: 'beverages', shopper: 'shopper', present: true };
    expect(visit.history('retail.shoppers.present.v1', present)).toBeUndefined();
    expect(visit.history('retail.sales.sold.v1', { shopper: 'shopper' })).toBeUndefined();
  });

  it('without an offer says why', () => {
    const visit = new Visit([campaign('juicy', { gtin: 'juice' }), campaign('over', { until: '2026-11-19' })]);
    expect(visit.stay()).toEqual([]);
    expect(visit.stay('household')).toEqual([]);
    visit.levels.set('A2', 1);
    expect(visit.stay()).toEqual(['made juicy']);
    expect(visit.stay()).toEqual([]);
    expect(visit.none).toEqual(['no-stock juicy', 'none-running', 'open-offer juicy']);
  });
});

describe('an open offer', () => {
  it('is withdrawn when its product runs out, on every shelf of its zone', () => {
    const visit = new Visit();
    visit.planogram.push(facing('A3', 'beverages', 'water'));
    visit.levels.set('A3', 1);
    visit.stay();
    expect(visit.level('A1', 0)).toEqual([]);
    expect(visit.level('A2', 0)).toEqual([]);
    expect(visit.level('A3', 0)).toEqual(['withdrawn soda no-stock']);
    expect(visit.level('A3', 9)).toEqual([]);
  });

  it('is left alone once it is past its time', () => {
    const visit = new Visit();
    visit.stay();
    visit.pass(VALID);
    expect(visit.level('A1', 0)).toEqual([]);
    expect(visit.consent(false)).toEqual([]);
  });

  it('moves to the substitute of a facing if that is on the shelf, for the time that was left', () => {
    const visit = new Visit([campaign('soda', { per_shopper: { offers: 1, within: DAY } })]);
    visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
    visit.levels.set('A2', 2);
    visit.stay();
    visit.pass(5 * MINUTE);
    // A step of the wall clock does not shorten it.
    visit.wallAhead += 30 * DAY;
    visit.campaigns = [campaign('soda', { until: '2027-01-31' })];
    expect(visit.level('A1', 0)).toEqual(['withdrawn soda moved', 'made soda']);
    const [before, after] = visit.offers;
    expect(after).toMatchObject({
      gtin: 'juice',
      text: 'The juice in place of The water: buy soda',
      replaces: before?.id,
    });
    expect(after?.expiresElapsed).toBe(before?.expiresElapsed);
    expect(visit.level('A2', 0)).toEqual(['withdrawn soda no-stock']);
  });

  it('does not move beyond the budget, nor to an empty shelf', () => {
    for (const more of [{ budget: 1 }, {}]) {
      const visit = new Visit([campaign('soda', more)]);
      visit.planogram[0] = facing('A1', 'beverages', 'water', { substitute: 'juice' });
      visit.levels.set('A2', 'budget' in more ? 2 : 0);
      visit.stay();
      expect(visit.level('A1', 0)).toEqual(['withdrawn soda no-stock']);
    }
  });

  it('is withdrawn when its campaign is gone, or is about another product or zone', () => {
    for (const change of [undefined, { gtin: 'juice' }, { zone: 'household' }]) {
      const visit = new Visit();
      visit.levels.set('A2', 3);
      visit.stay();
      visit.campaigns = change ? [campaign('soda', change)] : [];
      expect(visit.configure('soda')).toEqual(['withdrawn soda configuration']);
    }
  });

  it('stands when only the words or days of its campaign change', () => {
    const visit = new Visit();
    visit.stay();
    visit.campaigns = [campaign('soda', { text: 'else', until: '2026-11-20', priority: 3 })];
    expect(visit.configure('soda')).toEqual([]);
  });

  it('is withdrawn when the planogram gives its shelf to another product', () => {
    const visit = new Visit();
    visit.stay();
    visit.planogram[0] = facing('A1', 'beverages', 'juice');
    expect(visit.planogramChanged('A1', { zone: 'beverages', gtin: 'water' })).toEqual(['withdrawn soda no-stock']);
  });

  it('does not outlive the last day of its campaign', () => {
    const visit = new Visit([campaign('soda', { valid: 3 * DAY, until: '2026-11-21' })]);
    visit.stay();
    expect(visit.offers[0]?.expires).toBe('2026-11-22T00:00:00.000Z');
  });

  it('that a refund opens again gives way to a newer one', () => {
    const visit = new Visit([campaign('soda'), campaign('clean', { zone: 'household', gtin: 'soap' })]);
    visit.levels.set('B1', 3);
    visit.stay();
    const [first] = visit.open();
    visit.redeem(first?.id ?? '');
    expect(visit.stay('household')).toEqual(['made clean']);
    expect(visit.reverse(first?.id ?? '')).toEqual(['withdrawn soda better']);
    expect(visit.open()).toMatchObject([{ campaign: 'clean' }]);
  });

  it('that a refund opens again is withdrawn if the shelf is empty by now', () => {
    const visit = new Visit();
    visit.stay();
    const [first] = visit.open();
    visit.redeem(first?.id ?? '');
    expect(visit.level('A1', 0)).toEqual([]);
    expect(visit.reverse(first?.id ?? '')).toEqual(['withdrawn soda no-stock']);
  });
});

describe('withdrawn consent', () => {
  it('ends the open offer and the stay; nothing is decided until it is granted', () => {
    const visit = new Visit();
    visit.enter();
    visit.pass(DWELL);
    const { had } = visit.state;
    expect(visit.consent(false)).toEqual(['withdrawn soda consent']);
    expect(visit.state).toEqual({ had });
    expect([visit.enter(), visit.pass(HOUR), visit.buy('1', ['water', 1])].flat()).toEqual([]);
    expect(visit.state).toEqual({ had });
    visit.consent(true);
    expect(visit.stay()).toEqual(['made soda']);
  });

  it('leaves no state and no wake of somebody who had nothing', () => {
    const visit = new Visit();
    visit.enter();
    expect(visit.consent(false)).toEqual([]);
    expect([visit.state, visit.wakeAt]).toEqual([{}, undefined]);
  });

  it('and granted again is no second chance: caps hold, nobody is counted anew, exclusions stand', () => {
    const daily = { per_shopper: { offers: 1, within: DAY } };
    const visit = new Visit([
      campaign('soda', daily),
      campaign('clean', { zone: 'household', gtin: 'soap', exclude: ['soda'] }),
    ]);
    visit.levels.set('B1', 3);
    expect(visit.stay()).toEqual(['made soda']);
    visit.consent(false);
    visit.consent(true);
    expect([visit.stay(), visit.stay('household')]).toEqual([[], []]);
    visit.pass(DAY);
    expect(visit.stay()).toEqual(['made soda']);
    expect(visit.firsts).toEqual([true, false]);
  });

  it('is remembered no longer than without it', () => {
    const visit = new Visit();
    visit.stay();
    visit.consent(false);
    visit.pass(30 * DAY);
    expect(visit.state.had).toHaveLength(1);
    visit.pass(100 * DAY);
    expect([visit.state, visit.wakeAt]).toEqual([{}, undefined]);
  });

  it('that the rule was not told of ends it with whatever comes next', () => {
    const visit = new Visit();
    visit.stay();
    visit.hasConsent = false;
    expect(visit.level('A1', 4)).toEqual([]);
    expect(visit.level('A1', 0)).toEqual(['withdrawn soda consent']);
  });
});
