import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { dataSchemaOf, type EventType } from './contracts/events.ts';
import { campaign, DAY, HOUR, JUICE, MINUTE, OfferShop, type ShopOptions, SOAP } from './location-offers.fixture.ts';
import { LOCATION_OFFER, WATER } from './writer.fixture.ts';

const ANNA = 'loyalty-anna-4711';
const BEN = 'loyalty-ben-0815';
const DWELL = LOCATION_OFFER.dwell;
const ABSENT = LOCATION_OFFER.absent_after;

let shop: OfferShop;
afterEach(() => {
  // Every event is what its published schema says.
  for (const { type, data } of shop.events()) dataSchemaOf(type as EventType).parse(data);
  shop.close();
});

/** A shop with water on the shelf and consent of Anna. */
function opened(options: ShopOptions = {}): OfferShop {
  shop = new OfferShop(options);
  shop.level(WATER, 12);
  shop.consent(ANNA);
  return shop;
}

const sent = () => shop.sent.map(({ campaign: id, withdrawn }) => (withdrawn ? `${id} ${withdrawn}` : id));

describe('a shopper with consent who stays in a zone', () => {
  it('gets the best campaign of what is on its shelf, at their own topic, when dwell is over', () => {
    opened({ campaigns: [campaign('soda'), campaign('juice', { gtin: JUICE.gtin, priority: 5 })] });
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL - 1);
    expect(shop.sent).toEqual([]);
    shop.pass(1);
    const [present] = shop.events('retail.shoppers.present.v1');
    const [made] = shop.events('retail.offers.made.v1');
    expect(made).toMatchObject({
      subject: 'soda',
      data: {
        ...{ audience: 'shopper', campaign: 'soda', zone: 'beverages', gtin: WATER.gtin, text: '10 % off: soda' },
        ...{ first: true, shopper: present?.subject, expires: '2026-11-20T09:15:08.000Z', events: [present?.id] },
      },
    });
    const expires = '2026-11-20T09:15:08.000Z';
    const topic = `out/offers/shopper/${ANNA}`;
    expect(shop.sent).toMatchObject([{ topic, id: made?.data.id, campaign: 'soda', gtin: WATER.gtin, expires }]);
  });

  it('gets another zone its own offer; nobody is in two', () => {
    opened({
      campaigns: [
        campaign('soda', { valid: MINUTE }),
        campaign('clean', { zone: 'household', gtin: SOAP.gtin, valid: MINUTE }),
      ],
    });
    shop.level(SOAP, 3);
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL);
    shop.pass(MINUTE);
    shop.enter(ANNA, 'household');
    shop.pass(DWELL - 1);
    shop.leave(ANNA, 'beverages');
    shop.pass(1);
    expect(sent()).toEqual(['soda', 'clean']);
    const stays = shop.events('retail.shoppers.present.v1').map(({ data }) => [data.zone, data.present, data.inferred]);
    expect(stays).toEqual([
      ['beverages', true, undefined],
      ['beverages', false, true],
      ['household', true, undefined],
    ]);
  });

  it('has left when nobody sights them any more, and can come again', () => {
    opened({ campaigns: [campaign('soda', { valid: MINUTE })] });
    shop.enter(ANNA, 'beverages');
    for (let i = 0; i < 6; i += 1) {
      shop.pass(ABSENT / 2);
      // The same word again is no event, but a sighting.
      shop.enter(ANNA, 'beverages');
    }
    shop.pass(ABSENT - 1);
    expect(shop.events('retail.shoppers.present.v1')).toHaveLength(1);
    shop.pass(1);
    const [entered, left] = shop.events('retail.shoppers.present.v1');
    const gone = { zone: 'beverages', present: false, inferred: true, events: [entered?.id] };
    expect(left).toMatchObject({ subject: entered?.subject, data: gone });
    expect(shop.decided()).toEqual(['made soda']);
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL);
    expect(shop.decided()).toEqual(['made soda', 'made soda']);
  });

  it('gets nothing by records of the past', () => {
    opened();
    const { wallMs } = shop.clocks;
    shop.hand([shop.presenceOf(ANNA, 'household', true, wallMs)]);
    shop.leave(ANNA, 'household');
    const late = { ...shop.presenceOf(ANNA, 'beverages', true, wallMs - 2 * HOUR), device: 'household-gate' };
    shop.hand([late]);
    shop.pass(HOUR);
    expect(shop.events('retail.shoppers.present.v1')).toHaveLength(3);
    expect(shop.decided()).toEqual([]);
  });
});

describe('a moment without an offer', () => {
  it('is counted by zone; names of zones that are none of the shop are not kept', () => {
    opened({ planogram: [WATER, SOAP] });
    for (const zone of ['household', 'somewhere else']) shop.visit(ANNA, zone);
    shop.pass(MINUTE);
    expect(shop.rows('SELECT zone, reason, count FROM no_offers ORDER BY zone')).toEqual([
      { zone: '', reason: 'none-running', count: 1 },
      { zone: 'household', reason: 'none-running', count: 1 },
    ]);
  });
});

describe('without consent', () => {
  it('nothing about a shopper is in any table or file, only moments are counted', () => {
    opened();
    shop.enter(BEN, 'beverages');
    shop.pass(HOUR);
    shop.buy(BEN, [WATER.gtin, 1]);
    shop.leave(BEN, 'beverages');
    expect(shop.none()).toEqual({ 'no-consent': 1 });
    expect(shop.events('retail.shoppers.present.v1')).toEqual([]);
    expect(shop.decided()).toEqual([]);
    expect(shop.sent).toEqual([]);
    for (const name of readdirSync(shop.folder)) {
      expect(readFileSync(join(shop.folder, name)).includes(BEN), name).toBe(false);
    }
  });

  it('withdrawn in the transaction of its event: the open offer ends, and granting again is no second chance', () => {
    opened({ campaigns: [campaign('soda', { per_shopper: { offers: 1, within: DAY } })] });
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL);
    expect(shop.states()).toHaveLength(1);
    const { figures } = shop.hand([shop.consentOf(ANNA, false)]);
    expect(figures.appended.map(({ type }) => type)).toEqual([
      'retail.shoppers.consent.v1',
      'retail.offers.withdrawn.v1',
    ]);
    expect(shop.states().map((state) => Object.keys(JSON.parse(state)))).toEqual([['had']]);
    expect(sent()).toEqual(['soda', 'soda consent']);
    shop.enter(ANNA, 'beverages');
    shop.pass(HOUR);
    shop.buy(ANNA, [WATER.gtin, 1]);
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda consent']);
    shop.consent(ANNA);
    shop.visit(ANNA);
    expect(sent()).toEqual(['soda', 'soda consent']);
    shop.pass(DAY);
    shop.visit(ANNA);
    expect(sent()).toEqual(['soda', 'soda consent', 'soda']);
    const made = shop.events('retail.offers.made.v1').map(({ data }) => data.first);
    expect(made).toEqual([true, false]);
  });

  it('withdrawn in the batch in which dwell ends, nothing goes out', () => {
    opened();
    shop.enter(ANNA, 'beverages');
    shop.clocks.pass(DWELL);
    shop.hand([shop.consentOf(ANNA, false)]);
    shop.pass(HOUR);
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda consent']);
    expect(shop.sent).toEqual([]);
    shop.restart();
    expect(shop.sent).toEqual([]);
  });
});

describe('the product of an open offer', () => {
  it('runs out: withdrawn; with a substitute on the shelf: moved to it', () => {
    opened({ planogram: [{ ...WATER, substitute: JUICE.gtin }, JUICE] });
    shop.consent(BEN);
    shop.visit(ANNA);
    shop.level(JUICE, 3);
    shop.visit(BEN);
    shop.level(WATER, 0);
    const moved = { gtin: JUICE.gtin, text: 'Apple juice 1 l in place of Spring water 1 l: 10 % off: soda' };
    expect(shop.sent.slice(-4).filter(({ withdrawn }) => !withdrawn)).toMatchObject([moved, moved]);
    shop.level(JUICE, 0);
    expect(shop.decided().slice(2)).toEqual([
      ...['withdrawn soda moved', 'made soda', 'withdrawn soda moved', 'made soda'],
      ...['withdrawn soda no-stock', 'withdrawn soda no-stock'],
    ]);
    const replaced = shop.events('retail.offers.made.v1').map(({ data }) => data.replaces);
    const [first, second] = shop.events('retail.offers.made.v1').map(({ data }) => data.id);
    expect(replaced.slice(0, 2)).toEqual([undefined, undefined]);
    expect(new Set(replaced.slice(2))).toEqual(new Set([first, second]));
  });

  it('runs out in the batch in which dwell ends: nothing goes out', () => {
    opened();
    shop.enter(ANNA, 'beverages');
    shop.clocks.pass(DWELL);
    shop.hand([shop.levelOf(WATER, 0)]);
    expect(shop.sent).toEqual([]);
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda no-stock']);
  });

  it('runs out just before dwell ends: there is none, and that is counted', () => {
    opened();
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL - 1);
    shop.level(WATER, 0);
    shop.pass(1);
    expect(shop.decided()).toEqual([]);
    expect(shop.none()).toEqual({ 'no-stock soda': 1 });
  });

  it('is not what the sensor sees there: withdrawn', () => {
    opened();
    shop.visit(ANNA);
    shop.level({ ...JUICE, shelf: WATER.shelf }, 5);
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda no-stock']);
  });

  it('gives its shelf to another at a change of the planogram: withdrawn at start', () => {
    opened();
    shop.visit(ANNA);
    shop.restart({ planogram: [{ ...JUICE, shelf: WATER.shelf }] });
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda no-stock']);
    expect(sent()).toEqual(['soda', 'soda no-stock']);
  });
});

describe('over a restart', () => {
  it('caps, budget, quantity and exclusions hold', () => {
    const campaigns = [
      campaign('daily', { priority: 3, per_shopper: { offers: 1, within: DAY }, valid: MINUTE }),
      campaign('few', { priority: 2, budget: 2, valid: MINUTE }),
      campaign('taken', { priority: 1, quantity: 1, valid: MINUTE }),
      campaign('other', { exclude: ['daily'] }),
    ];
    opened({ campaigns });
    const visits = (count: number): void => {
      for (let i = 0; i < count; i += 1) {
        shop.visit(ANNA);
        shop.restart();
        shop.pass(MINUTE);
      }
    };
    visits(3);
    shop.visit(ANNA);
    shop.buy(ANNA, [WATER.gtin, 1]);
    shop.restart();
    shop.pass(MINUTE);
    visits(2);
    expect(shop.events('retail.offers.made.v1').map(({ data }) => data.campaign)).toEqual([
      ...['daily', 'few', 'few', 'taken'],
    ]);
    expect(shop.none()).toEqual({ 'per-shopper daily': 2 });
    shop.restart({}, DAY);
    visits(1);
    expect(shop.events('retail.offers.made.v1')).toHaveLength(5);
  });

  it('a dwell that ended meanwhile is decided, a stay that nobody saw for long is over', () => {
    opened();
    shop.enter(ANNA, 'beverages');
    shop.restart({}, MINUTE);
    shop.pass(1);
    expect(sent()).toEqual(['soda']);
    shop.consent(BEN);
    shop.enter(BEN, 'beverages');
    shop.restart({}, HOUR);
    shop.pass(1);
    expect(shop.events('retail.shoppers.present.v1').filter(({ data }) => !data.present)).toHaveLength(2);
    expect(sent()).toEqual(['soda']);
  });

  it.each([
    ['goes when it still stands', () => {}, ['soda']],
    ['does not go when its product ran out', () => shop.level(WATER, 0), ['soda no-stock']],
    ['does not go when it is past its time', () => shop.clocks.pass(HOUR), []],
  ])('an offer that waited to go out %s', (_, meanwhile, expected) => {
    opened();
    shop.confirms = false;
    shop.visit(ANNA);
    meanwhile();
    shop.sent.length = 0;
    shop.restart();
    expect(sent()).toEqual(expected);
  });

  it('a campaign that is gone is withdrawn; one that is new is offered', () => {
    opened();
    shop.visit(ANNA);
    shop.restart({ campaigns: [campaign('else')] });
    expect(sent()).toEqual(['soda', 'soda configuration']);
    shop.visit(ANNA);
    expect(sent()).toEqual(['soda', 'soda configuration', 'else']);
  });
});

describe('the wall clock', () => {
  it('decides on which days a campaign runs; its steps move no dwell, no cap and no expiry', () => {
    opened({
      campaigns: [campaign('soda', { until: '2026-11-20', per_shopper: { offers: 1, within: HOUR }, valid: 2 * HOUR })],
    });
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL - 1);
    shop.clocks.wallMs += 2 * HOUR;
    shop.pass(1);
    expect(sent()).toEqual(['soda']);
    shop.leave(ANNA, 'beverages');
    shop.clocks.wallMs -= 20 * DAY;
    shop.pass(HOUR);
    shop.visit(ANNA);
    shop.clocks.wallMs += 21 * DAY;
    shop.visit(ANNA);
    shop.clocks.wallMs -= DAY;
    shop.visit(ANNA);
    // It stands for two hours, then there is room again.
    shop.pass(HOUR);
    shop.visit(ANNA);
    expect(sent()).toEqual(['soda', 'soda']);
    expect(shop.none()).toEqual({ 'none-running': 2, 'open-offer soda': 1 });
  });
});

describe('the hold-out', () => {
  it('is the configured share, gets nothing and is counted; purchases of both groups are attributed', () => {
    opened({ campaigns: [campaign('soda', { holdout: 0.3 })] });
    const shoppers = Array.from({ length: 300 }, (_, index) => `loyalty-${index}`);
    shop.hand(shoppers.map((shopper) => shop.consentOf(shopper)));
    shop.hand(shoppers.map((shopper) => shop.presenceOf(shopper, 'beverages')));
    shop.pass(MINUTE);
    const withheld = shop.events('retail.offers.withheld.v1').length;
    // The keyed pseudonyms are random: five standard deviations.
    expect(Math.abs(withheld / 300 - 0.3)).toBeLessThan(0.132);
    expect(shop.sent).toHaveLength(300 - withheld);
    expect(shop.none()).toEqual({ 'hold-out soda': withheld });
    shop.hand(shoppers.map((shopper) => shop.saleOf(shopper, [WATER.gtin, 1])));
    const arms = shop.events('retail.offers.attributed.v1').map(({ data }) => data.arm);
    expect(arms.filter((arm) => arm === 'holdout')).toHaveLength(withheld);
    expect(shop.events('retail.offers.redeemed.v1')).toHaveLength(300 - withheld);
    const tallies = Object.fromEntries(
      shop.rows("SELECT what, count FROM tallies WHERE campaign = 'soda'").map(({ what, count }) => [what, count]),
    );
    expect(tallies).toMatchObject({
      ...{ made: 300 - withheld, treated_shoppers: 300 - withheld, treated_buyers: 300 - withheld },
      ...{ withheld, holdout_shoppers: withheld, holdout_buyers: withheld },
    });
  });
});

describe('an erased shopper', () => {
  it('leaves no state, and what comes later of the same person is of somebody new', () => {
    opened();
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL);
    const [before] = shop.events('retail.shoppers.present.v1');
    shop.hand([], [{ op: 'erase', shopper: ANNA }]);
    expect(sent()).toEqual(['soda', 'soda consent']);
    expect(shop.states()).toEqual([]);
    shop.consent(ANNA);
    shop.visit(ANNA);
    const after = shop.events('retail.shoppers.present.v1').at(-1);
    expect(after?.subject).not.toBe(before?.subject);
    expect(shop.decided()).toEqual(['made soda', 'withdrawn soda consent', 'made soda']);
  });
});
