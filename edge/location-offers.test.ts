import { afterEach, describe, expect, it } from 'vitest';
import { campaign, JUICE, OfferShop, type ShopOptions } from './location-offers.fixture.ts';
import { LOCATION_OFFER, WATER } from './writer.fixture.ts';

const ANNA = 'loyalty-anna-4711';
const DWELL = LOCATION_OFFER.dwell;

let shop: OfferShop;
afterEach(() => shop.close());

/** A shop with water on the shelf and consent of Anna. */
function opened(options: ShopOptions = {}): OfferShop {
  shop = new OfferShop(options);
  shop.level(WATER, 12);
  shop.consent(ANNA);
  return shop;
}

describe('a shopper with consent who stays in a zone', () => {
  it('gets the best campaign of what is on its shelf, at their own topic, when dwell is over', () => {
    opened({ campaigns: [campaign('soda'), campaign('juice', { gtin: JUICE.gtin, priority: 5 })] });
    shop.enter(ANNA, 'beverages');
    shop.pass(DWELL - 1);
    expect(shop.sent).toEqual([]);
    shop.pass(1);
    const [present] = shop.events('retail.shoppers.present.v1');
    const [made] = shop.events('retail.offers.made.v1');
    const keyed = present?.subject;
    expect(made).toMatchObject({
      subject: 'soda',
      data: {
        ...{ audience: 'shopper', campaign: 'soda', zone: 'beverages', gtin: WATER.gtin, text: '10 % off: soda' },
        ...{
          first: true,
          shopper: keyed,
          expires: '2026-11-20T09:15:08.000Z',
          events: [present?.id],
        },
      },
    });
    expect(shop.sent).toMatchObject([
      { topic: `out/offers/shopper/${ANNA}`, id: made?.data.id, campaign: 'soda', expires: '2026-11-20T09:15:08.000Z' },
    ]);
  });
});
