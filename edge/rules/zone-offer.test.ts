import { beforeEach, describe, expect, it } from 'vitest';
import { dayInZone } from '../codecs/business-day.ts';
import type { Campaign } from '../contracts/campaigns.ts';
import { offerSchema, withdrawnSchema } from '../contracts/offers.ts';
import type { Facing } from '../contracts/planogram.ts';
import { shopViews } from '../shop-views.ts';
import type { KnownOffer } from './offer-views.ts';
import type { RuleEvent, RuleInput, Views } from './rule.ts';
import { EMPTY_TALLY, offersWith } from './views.fixture.ts';
import { zoneOffer } from './zone-offer.ts';

const WATER = '09521234543213';
const SODA = '09521234543220';
const JUICE = '09521234543237';
const HOUR = 3_600_000;

const facing = (shelf: string, gtin: string, name: string, more: Partial<Facing> = {}): Facing => ({
  ...{ shelf, zone: 'beverages', gtin, name, capacity: 24, minimum: 4 },
  ...more,
});
const campaign = (id: string, gtin: string, more: Partial<Campaign> = {}): Campaign => ({
  ...{ id, zone: 'beverages', gtin, text: `${id} today`, from: '2026-11-01', until: '2026-11-30', priority: 0 },
  ...{ attribution: 2 * HOUR, coupon: false },
  ...more,
});

/** A zone with its shelves, campaigns and clock; what is decided is put into a book, as the hub does it. */
class Zone {
  planogram = [facing('A1', WATER, 'Water'), facing('A2', SODA, 'Soda'), facing('A3', JUICE, 'Juice')];
  campaigns = [campaign('water', WATER, { priority: 1 }), campaign('soda', SODA)];
  timezone = 'Europe/Berlin';
  wall = Date.parse('2026-11-20T12:00:00Z');
  elapsed = 0;
  wakeAt: number | undefined;
  standing: KnownOffer | undefined;
  steps = 0;
  readonly redeemed = new Map<string, number>();
  readonly levels = new Map<string, number>();
  #ids = 0;

  get views(): Views {
    const offers = offersWith({
      ofZone: (zone) => (zone === 'beverages' ? this.standing : undefined),
      tally: (id) => ({ ...EMPTY_TALLY, redeemed: this.redeemed.get(id) ?? 0 }),
    });
    const level: Views['level'] = (shelf) => {
      const gtin = this.planogram.find((one) => one.shelf === shelf)?.gtin;
      const count = this.levels.get(shelf);
      return gtin === undefined || count === undefined ? undefined : { gtin, count };
    };
    const shop = shopViews({
      clockAt: String,
      devices: [],
      ...{ planogram: this.planogram, campaigns: this.campaigns, dayAt: dayInZone(this.timezone), level, offers },
      shoppers: { consented: () => false, sighted: () => undefined },
    });
    return { ...shop, newId: () => `offer-${++this.#ids}`.padEnd(26, '0') };
  }

  /** What was decided, in short. */
  count(shelf: string, count: number, history = false): string[] {
    if (!history) this.levels.set(shelf, count);
    return this.event('retail.shelves.level.v1', { shelf, gtin: '', count }, shelf, history);
  }

  event(type: RuleEvent['type'], data: Record<string, unknown>, subject = '', history = false): string[] {
    const event = { id: 'event', type, source: '', subject, history, data };
    const keys = [zoneOffer.keyOf(event, this.views) ?? []].flat();
    return keys.filter((key) => key === 'beverages').flatMap(() => this.step(event));
  }

  configure(): string[] {
    return this.event('local.campaigns.changed.v1', { campaign: 'any', zones: ['beverages'] });
  }

  pass(ms: number): string[] {
    const until = this.elapsed + ms;
    const decided: string[] = [];
    const go = (to: number): void => {
      this.wall += to - this.elapsed;
      this.elapsed = to;
    };
    while (this.wakeAt !== undefined && this.wakeAt <= until) {
      go(this.wakeAt);
      decided.push(...this.step({ wake: true }));
    }
    go(until);
    return decided;
  }

  step(input: RuleInput): string[] {
    this.steps += 1;
    const now = { elapsed: this.elapsed, wall: this.wall };
    const { decisions, wakeAt } = zoneOffer.step({}, input, this.views, now, 'beverages');
    this.wakeAt = wakeAt;
    return decisions.map(({ type, data }) => {
      if (type === 'retail.offers.withdrawn.v1') {
        const { id, reason, text } = withdrawnSchema.parse({ ...data, events: [] });
        expect(id).toBe(this.standing?.id);
        this.standing = undefined;
        return `- ${text} (${reason})`;
      }
      const offer = offerSchema.parse({ ...data, events: [] });
      expect(this.standing).toBeUndefined();
      this.standing = { ...offer, state: 'open', expiresElapsed: 0 };
      return `+ ${offer.text}`;
    });
  }
}

let zone: Zone;
beforeEach(() => {
  zone = new Zone();
});

describe('what a zone shows', () => {
  it('is the running campaign of highest priority, then lowest id, whose product is on the shelf', () => {
    zone.campaigns = [
      campaign('z-water', WATER),
      campaign('a-soda', SODA),
      campaign('juice', JUICE, { priority: 9 }),
      campaign('past', WATER, { priority: 5, until: '2026-11-19' }),
      campaign('planned', WATER, { priority: 5, from: '2026-11-21' }),
      campaign('elsewhere', WATER, { priority: 5, zone: 'dairy' }),
    ];
    zone.levels.set('A1', 3).set('A2', 3).set('A3', 0);
    expect(zone.configure()).toEqual(['+ a-soda today']);
    expect(zone.standing).toMatchObject({ audience: 'zone', zone: 'beverages', gtin: SODA, campaign: 'a-soda' });
    expect(zone.configure()).toEqual([]);
  });

  it('is nothing while the hub knows of no stock, and begins with the first item', () => {
    expect(zone.configure()).toEqual([]);
    expect(zone.count('A1', 0)).toEqual([]);
    expect(zone.count('A1', 7, true)).toEqual([]);
    expect(zone.count('A1', 1)).toEqual(['+ water today']);
  });

  it('ends when the shelf runs out, and the next best is shown', () => {
    zone.count('A2', 4);
    expect(zone.count('A1', 4)).toEqual(['- soda today (better)', '+ water today']);
    expect(zone.count('A1', 0)).toEqual(['- water today (no-stock)', '+ soda today']);
    expect(zone.count('A2', 0)).toEqual(['- soda today (no-stock)']);
    expect(zone.standing).toBeUndefined();
  });

  it('counts all shelves of the product in the zone, and none of another zone', () => {
    zone.planogram.push(facing('A4', WATER, 'Water'), facing('B1', WATER, 'Water', { zone: 'entrance' }));
    zone.count('A1', 1);
    zone.count('A4', 1);
    zone.count('B1', 9);
    expect(zone.count('A1', 0)).toEqual([]);
    expect(zone.count('A4', 0)).toEqual(['- water today (no-stock)']);
  });

  it('takes a step for a level only where that may change what is shown', () => {
    zone.campaigns = [campaign('soda', SODA)];
    zone.count('A1', 5);
    expect(zone.steps).toBe(0);
    zone.count('A2', 5);
    expect(zone.steps).toBe(1);
    zone.count('A2', 4);
    zone.count('A1', 3);
    expect(zone.steps).toBe(1);
    zone.count('A2', 0);
    expect(zone.steps).toBe(2);
  });
});

describe('a product that runs out and has a substitute', () => {
  beforeEach(() => {
    zone.planogram[0] = facing('A1', WATER, 'Water', { substitute: JUICE });
    zone.count('A3', 5);
    zone.count('A2', 5);
  });

  it('is offered as the substitute, which says so, and is itself again when it is back', () => {
    zone.count('A1', 5);
    const first = zone.standing?.id;
    expect(zone.count('A1', 0)).toEqual(['- water today (moved)', '+ Juice in place of Water: water today']);
    expect(zone.standing).toMatchObject({ campaign: 'water', gtin: JUICE, replaces: first });
    expect(zone.count('A3', 4)).toEqual([]);
    expect(zone.count('A1', 2)).toEqual(['- Juice in place of Water: water today (moved)', '+ water today']);
  });

  it('is withdrawn when the substitute runs out, too', () => {
    zone.count('A1', 5);
    zone.count('A1', 0);
    expect(zone.count('A3', 0)).toEqual(['- Juice in place of Water: water today (no-stock)', '+ soda today']);
    expect(zone.count('A3', 5)).toEqual([]);
  });

  it('is not offered as the substitute when it never was there', () => {
    expect(zone.count('A1', 0)).toEqual([]);
    expect(zone.standing?.campaign).toBe('soda');
  });

  it('gives way to a better campaign that has its product', () => {
    zone.campaigns.push(campaign('best', SODA, { priority: 5 }));
    zone.levels.set('A2', 0);
    zone.standing = undefined;
    zone.count('A1', 5);
    zone.count('A1', 0);
    expect(zone.count('A2', 1)).toEqual(['- Juice in place of Water: water today (better)', '+ best today']);
  });
});

describe('the days of a campaign', () => {
  it('begin and end at midnight in the store', () => {
    zone.campaigns = [campaign('weekend', WATER, { from: '2026-11-21', until: '2026-11-22' })];
    zone.count('A1', 5);
    expect(zone.standing).toBeUndefined();
    expect(zone.pass(11 * HOUR - 1)).toEqual([]);
    expect(zone.pass(1)).toEqual(['+ weekend today']);
    expect(zone.standing).toMatchObject({ expires: '2026-11-22T23:00:00.000Z' });
    expect(zone.pass(48 * HOUR - 1)).toEqual([]);
    expect(zone.pass(1)).toEqual(['- weekend today (ended)']);
    expect(zone.wakeAt).toBeUndefined();
  });

  it.each([
    ['Pacific/Kiritimati', '2026-11-30T10:00:00.000Z'],
    ['Etc/GMT+12', '2026-12-01T12:00:00.000Z'],
    ['Asia/Kathmandu', '2026-11-30T18:15:00.000Z'],
    ['America/New_York', '2026-12-01T05:00:00.000Z'],
  ])('end where the store is: %s', (timezone, end) => {
    zone.timezone = timezone;
    zone.campaigns = [campaign('water', WATER), campaign('one-day', SODA, { from: '2026-11-30', priority: 2 })];
    zone.count('A1', 5);
    expect(zone.standing?.expires).toBe(end);
    zone.wall = Date.parse(end) - 1;
    zone.count('A2', 5);
    expect(zone.standing).toMatchObject({ campaign: 'one-day', expires: end });
  });

  it('are looked at anew when the clock is set', () => {
    zone.count('A1', 5);
    zone.wall = Date.parse('1970-01-01T00:00:00Z');
    expect(zone.event('retail.devices.clockstepped.v1', {})).toEqual(['- water today (ended)']);
    zone.wall = Date.parse('2026-11-20T12:00:00Z');
    expect(zone.event('retail.devices.clockstepped.v1', {})).toEqual(['+ water today']);
  });
});

describe('a campaign of which all is taken', () => {
  it('ends, and comes back when a refund gives one back; its budget for shoppers does not count', () => {
    zone.campaigns = [campaign('water', WATER, { quantity: 2, budget: 1 })];
    zone.count('A1', 5);
    zone.redeemed.set('water', 1);
    expect(zone.event('retail.offers.redeemed.v1', { campaign: 'water' })).toEqual([]);
    zone.redeemed.set('water', 2);
    expect(zone.event('retail.offers.redeemed.v1', { campaign: 'water' })).toEqual(['- water today (ended)']);
    zone.redeemed.set('water', 1);
    expect(zone.event('retail.offers.reversed.v1', { campaign: 'water' })).toEqual(['+ water today']);
  });
});

describe('another configuration', () => {
  beforeEach(() => {
    zone.count('A1', 5);
  });

  it('ends the offer of a campaign that is gone', () => {
    zone.campaigns = [];
    expect(zone.configure()).toEqual(['- water today (configuration)']);
    expect(zone.wakeAt).toBeUndefined();
  });

  it('makes it again with the new text, and with the new last day', () => {
    zone.campaigns = [campaign('water', WATER, { text: 'half price' })];
    expect(zone.configure()).toEqual(['- water today (configuration)', '+ half price']);
    zone.campaigns = [campaign('water', WATER, { text: 'half price', until: '2026-12-31' })];
    expect(zone.configure()).toEqual(['- half price (configuration)', '+ half price']);
    expect(zone.standing?.expires).toBe('2026-12-31T23:00:00.000Z');
  });

  it('ends it when its shelf is given to another product or zone', () => {
    zone.planogram = [facing('A1', WATER, 'Water', { zone: 'entrance' })];
    const changed = { shelf: 'A1', zones: ['beverages', 'entrance'] };
    expect(zone.event('local.planogram.changed.v1', changed)).toEqual(['- water today (configuration)']);
  });

  it('says better only when the one that was shown could go on', () => {
    zone.campaigns.push(campaign('best', WATER, { priority: 5 }));
    expect(zone.configure()).toEqual(['- water today (better)', '+ best today']);
  });
});

it('is decided anew after the journal had to be salvaged', () => {
  zone.levels.set('A1', 2);
  expect(zone.event('local.journal.salvaged.v1', {})).toEqual(['+ water today']);
});
