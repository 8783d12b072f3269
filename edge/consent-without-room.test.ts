/** A disk budget that is used up by what must be kept: nobody's withdrawal waits for room, and no offer is made without. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseEventId } from './contracts/ids.ts';
import { STREAMS } from './contracts/streams.ts';
import { campaign, MINUTE } from './location-offers.fixture.ts';
import { TillShop } from './till.fixture.ts';
import { delivery, reading, WATER } from './writer.fixture.ts';

const ANNA = 'anna-of-the-dairy';
const BOB = 'bob-of-the-dairy';
const FULL = 'the disk budget is used up, and nothing of it may be dropped';

let shop: TillShop;
beforeEach(() => {
  shop = new TillShop({ campaigns: [campaign('soda')] });
  shop.level(WATER, 12);
  shop.consent(ANNA);
  shop.enter(ANNA, 'beverages');
  // Head office is about to get all of it: none of it may be dropped.
  const count = (stream: string) => Number(shop.rows(`SELECT count(*) AS count FROM events_${stream}`)[0]?.count);
  const to = Object.fromEntries(STREAMS.map((stream) => [stream, count(stream)] as const).filter(([, n]) => n > 0));
  const incarnation = parseEventId(shop.events()[0]?.id ?? '')?.incarnation ?? '';
  shop.hand([], [{ op: 'reserve', request: { incarnation, from: {}, to } }]);
  shop.restart({ diskBudget: 1000 });
  shop.hand([]);
  expect(shop.hand([]).figures.refusing).toBe(FULL);
});
afterEach(() => shop.close());

it('no offer is made; it is when there is room again', () => {
  shop.pass(MINUTE);
  expect(shop.sent).toEqual([]);
  expect(shop.hand([shop.consentOf(BOB)]).receipts).toEqual([{ outcome: 'not-stored', reason: FULL }]);
  shop.restart({ diskBudget: 4 * 2 ** 30 });
  shop.hand([]);
  expect(shop.sent).toHaveLength(1);
});

it('a withdrawal is taken, and stands', () => {
  const told = shop.hand([shop.consentOf(ANNA, false)]);
  expect(told.receipts).toEqual([undefined]);
  expect(shop.events('retail.shoppers.consent.v1').map(({ data }) => data.granted)).toEqual([true, false]);
  shop.restart({ diskBudget: 4 * 2 ** 30 });
  shop.pass(MINUTE);
  shop.visit(ANNA);
  expect(shop.sent).toEqual([]);
});

it('of several words at once a withdrawal is taken also where a grant must wait', () => {
  const word = (shopper: string, granted: boolean) => reading('app', { granted, scope: 'offers' }, { shopper });
  const both = delivery(shop.clocks, 'consent', 'app', word(BOB, true), word(ANNA, false));
  expect(shop.hand([both]).receipts).toEqual([{ outcome: 'not-stored', reason: FULL }]);
  expect(shop.events('retail.shoppers.consent.v1').map(({ data }) => data.granted)).toEqual([true, false]);
  shop.restart({ diskBudget: 4 * 2 ** 30 });
  expect(shop.hand([both]).receipts).toMatchObject([{ outcome: 'accepted' }]);
  expect(shop.events('retail.shoppers.consent.v1').map(({ data }) => data.granted)).toEqual([true, false, true]);
});
