import { describe, expect, it } from 'vitest';
import type { Campaign } from '../contracts/campaigns.ts';
import type { EventType } from '../contracts/events.ts';
import { dataSchemaOf } from '../contracts/events.ts';
import { type CampaignEffectState, campaignEffect } from './campaign-effect.ts';
import type { Tally } from './offer-views.ts';
import type { RuleInput } from './rule.ts';
import { EMPTY_TALLY, offersWith, viewsWith } from './views.fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SODA: Campaign = {
  ...{ id: 'soda-10', zone: 'beverages', gtin: '09521234543213', text: '10 % off', priority: 1 },
  ...{ from: '2026-11-20', until: '2026-11-21', attribution: 7_200_000, coupon: false },
};

/** One campaign, its counts and the clock; wakes run when they are due. */
class Shop {
  state: CampaignEffectState = campaignEffect.initial;
  tally: Tally = EMPTY_TALLY;
  campaigns: Campaign[] = [SODA];
  elapsed = 5 * DAY;
  wall = Date.UTC(2026, 10, 20, 9);
  wakeAt: number | undefined;
  wakes = 0;
  readonly #dayAt = (wall: number): string => new Date(wall).toISOString().slice(0, 10);

  event(type: EventType = 'retail.offers.made.v1', counts: Partial<Tally> = {}): object[] {
    this.tally = { ...this.tally, ...counts };
    const data = { campaign: SODA.id };
    return this.#step({ id: 'e', type, source: 'rules/x', subject: 'whoever', history: false, data });
  }

  /** What was told in this time. */
  pass(ms: number): object[] {
    const end = this.elapsed + ms;
    const told: object[] = [];
    while (this.wakeAt !== undefined && this.wakeAt <= end) {
      this.wakes += 1;
      this.wall += this.wakeAt - this.elapsed;
      this.elapsed = this.wakeAt;
      this.wakeAt = undefined;
      told.push(...this.#step({ wake: true }));
    }
    this.wall += end - this.elapsed;
    this.elapsed = end;
    return told;
  }

  #step(input: RuleInput): object[] {
    const views = viewsWith({
      campaigns: this.campaigns,
      runs: ({ from, until }, wall) => from <= this.#dayAt(wall) && this.#dayAt(wall) <= until,
      nextDay: (wall) => Math.floor(wall / DAY) * DAY + DAY,
      offers: offersWith({ tally: () => this.tally }),
    });
    const now = { elapsed: this.elapsed, wall: this.wall };
    const { state, decisions, wakeAt } = campaignEffect.step(this.state, input, views, now, SODA.id);
    this.state = state;
    this.wakeAt = wakeAt;
    for (const { type, data } of decisions) {
      expect(type).toBe('retail.offers.effect.v1');
      expect(dataSchemaOf(type).parse(data)).toEqual(data);
    }
    return decisions.map(({ data }) => data);
  }
}

describe('the effect of a campaign', () => {
  it('is told an hour after the first change, with all that changed meanwhile, and not again while nothing does', () => {
    const shop = new Shop();
    expect(shop.event('retail.offers.made.v1', { made: 1, treated_shoppers: 1 })).toEqual([]);
    shop.pass(50 * MINUTE);
    shop.event('retail.offers.withheld.v1', { withheld: 1, holdout_shoppers: 1 });
    expect(shop.pass(9 * MINUTE)).toEqual([]);
    expect(shop.pass(MINUTE)).toMatchObject([
      { campaign: 'soda-10', made: 1, treated: { shoppers: 1, buyers: 0 }, holdout: { shoppers: 1, buyers: 0 } },
    ]);
    expect(shop.pass(5 * HOUR)).toEqual([]);
    shop.event('retail.offers.attributed.v1', { treated_buyers: 1 });
    expect(shop.pass(HOUR)).toMatchObject([{ treated: { shoppers: 1, buyers: 1 }, lift: { difference: 1 } }]);
  });

  it('is told at most once an hour, however much happens, and an event in between changes no state', () => {
    const shop = new Shop();
    let told = 0;
    for (let made = 1; made <= 300; made += 1) {
      const before = shop.state;
      shop.event('retail.offers.made.v1', { made });
      if (made > 1 && before.tellAt !== undefined) expect(shop.state).toBe(before);
      told += shop.pass(MINUTE).length;
    }
    expect(told).toBe(5);
    expect(JSON.stringify(shop.state).length).toBeLessThan(300);
  });

  it('is not told when a refund has undone what changed', () => {
    const shop = new Shop();
    shop.event('retail.offers.made.v1', { made: 1 });
    expect(shop.pass(HOUR)).toHaveLength(1);
    shop.event('retail.offers.redeemed.v1', { redeemed: 1 });
    shop.event('retail.offers.reversed.v1', { redeemed: 0 });
    expect(shop.pass(2 * HOUR)).toEqual([]);
  });

  it('is told once more when the last day is over, then only for what is attributed later', () => {
    const shop = new Shop();
    shop.event('retail.offers.made.v1', { made: 1, treated_shoppers: 1 });
    expect(shop.pass(HOUR)).toHaveLength(1);
    const untilMidnight = Date.UTC(2026, 10, 22) - shop.wall;
    expect(shop.pass(untilMidnight - 1)).toEqual([]);
    expect(shop.pass(1)).toMatchObject([{ made: 1, ended: true }]);
    expect(shop.pass(10 * DAY)).toEqual([]);
    shop.event('retail.offers.attributed.v1', { treated_buyers: 1 });
    expect(shop.pass(HOUR)).toMatchObject([{ treated: { buyers: 1 }, ended: true }]);
    const { wakes } = shop;
    shop.pass(10 * DAY);
    expect(shop.wakes).toBe(wakes);
  });

  it('is told when the campaign leaves the configuration, and not ended by a clock that went back', () => {
    const shop = new Shop();
    shop.event('local.campaigns.changed.v1');
    shop.wall = Date.UTC(1970, 0, 1);
    expect(shop.pass(2 * DAY)).toEqual([]);
    shop.wall = Date.UTC(2026, 10, 20, 9);
    shop.event('retail.offers.made.v1', { made: 1 });
    expect(shop.pass(HOUR)).toHaveLength(1);
    shop.campaigns = [];
    expect(shop.event('local.campaigns.changed.v1')).toMatchObject([{ made: 1, ended: true }]);
    expect(shop.event('local.campaigns.changed.v1')).toEqual([]);
  });

  it('of a campaign that is only planned plans nothing', () => {
    const shop = new Shop();
    shop.wall = Date.UTC(2026, 9, 1);
    expect(shop.event('local.campaigns.changed.v1')).toEqual([]);
    expect(shop.wakeAt).toBeUndefined();
    expect(shop.state).toEqual({});
  });
});
