/** Which sightings keep somebody present: new ones that say so, nothing that is repeated, late or of a leaving. */
import { afterEach, expect, it } from 'vitest';
import type { Delivery } from './contracts/intake.ts';
import { MINUTE, OfferShop } from './location-offers.fixture.ts';
import { delivery, LOCATION_OFFER, reading } from './writer.fixture.ts';

const ANNA = 'anna-of-the-dairy';
const CAMERA = 'beverages-gate';

let shop: OfferShop;
afterEach(() => shop.close());

function sighting(id: string | undefined, time?: number, present = true, zone = 'beverages'): Delivery {
  const identity = id && `shopper ${id}`;
  return delivery(shop.clocks, 'presence', CAMERA, reading('', { zone, present }, { shopper: ANNA, identity, time }));
}

/** Whether Anna is still taken to be there when `each` was said every minute for longer than absent_after. */
function isThereAfter(each: () => Delivery): boolean {
  shop = new OfferShop();
  shop.consent(ANNA);
  shop.hand([sighting('enter-1', shop.clocks.wallMs)]);
  for (let passed = 0; passed < LOCATION_OFFER.absent_after + 2 * MINUTE; passed += MINUTE) {
    shop.pass(MINUTE);
    shop.hand([each()]);
  }
  return !shop.events('retail.shoppers.present.v1').some(({ data }) => data.inferred === true);
}

const BEGIN = Date.UTC(2026, 10, 20, 9, 0, 0);

it.each([
  ['a new sighting', true, () => sighting(undefined, shop.clocks.wallMs)],
  ['one without a time', true, () => sighting(undefined)],
  ['the first one, sent again', false, () => sighting('enter-1', BEGIN)],
  ['one from before the first', false, () => sighting(undefined, BEGIN - MINUTE)],
  ['that somebody left another zone', false, () => sighting(undefined, shop.clocks.wallMs, false, 'household')],
])('%s: present %s', (_, present, each) => {
  expect(isThereAfter(each)).toBe(present);
});
