/** What stays of whoever withdrew consent, and until when. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { campaign, DAY, OfferShop } from './location-offers.fixture.ts';
import { WATER } from './writer.fixture.ts';

const ANNA = 'anna-of-the-dairy';
const BOB = 'bob-of-the-dairy';

let shop: OfferShop;
beforeEach(() => {
  shop = new OfferShop({ campaigns: [campaign('soda')] });
  shop.level(WATER, 20);
});
afterEach(() => shop.close());

function known(): unknown[] {
  const db = new SQLite(join(shop.folder, 'shoppers.db'), { readonly: true });
  try {
    return db.prepare('SELECT pseudonym FROM shoppers ORDER BY 1').pluck().all();
  } finally {
    db.close();
  }
}

const erased = () => shop.events('retail.shoppers.erased.v1').map(({ subject }) => subject);

/** So many days, and the housekeeping after them. */
function days(count: number): void {
  shop.clocks.pass(count * DAY);
  for (let times = 0; times < 2; times += 1) {
    shop.hand([]);
    shop.clocks.pass(11_000);
  }
  shop.hand([]);
}

/** Sees the offer, buys what it is of, withdraws; its id. */
function boughtAndWithdrew(shopper: string): string {
  shop.consent(shopper);
  shop.visit(shopper);
  const id = shop.sent.at(-1)?.id ?? '';
  shop.buy(shopper, [WATER.gtin, 1]);
  shop.consent(shopper, false);
  return id;
}

it('is erased by itself after 100 days, whoever has consent stays', () => {
  boughtAndWithdrew(ANNA);
  shop.consent(BOB);
  shop.consent(BOB, false);
  shop.pass(20_000);
  days(99);
  shop.consent(BOB);
  const anna = shop.events('retail.shoppers.consent.v1')[0]?.subject ?? '';
  shop.restart();
  expect([known(), erased()]).toEqual([[ANNA, BOB], []]);
  days(0);
  expect(known()).toEqual([ANNA, BOB]);
  days(1);
  expect([known(), erased()]).toEqual([[BOB], [anna]]);
  const bytes = readdirSync(shop.folder).map((name) => readFileSync(join(shop.folder, name), 'latin1'));
  expect(bytes.join()).not.toContain(ANNA);
  for (const table of ['offers', 'uses', 'sensed', 'rule_states'])
    expect([table, JSON.stringify(shop.rows(`SELECT * FROM ${table}`))]).not.toEqual([
      table,
      expect.stringContaining(anna),
    ]);
  days(100);
  expect([known(), erased()]).toEqual([[BOB], [anna]]);
});

it('goes a portion at a time where there are many', () => {
  const many = Array.from({ length: 120 }, (_, at) => `shopper-of-the-dairy-${at}`);
  shop.hand(many.map((shopper) => shop.consentOf(shopper)));
  shop.hand(many.map((shopper) => shop.consentOf(shopper, false)));
  shop.pass(20_000);
  shop.clocks.pass(100 * DAY);
  const steps: number[] = [];
  for (let left = 120; left > 0; ) {
    shop.hand([]);
    shop.clocks.pass(11_000);
    steps.push(left - known().length);
    left = known().length;
    expect(steps.length).toBeLessThan(9);
  }
  expect(Math.max(...steps)).toBeLessThanOrEqual(50);
  expect(new Set(erased()).size).toBe(120);
});

it('keeps nothing of where somebody is, and counts no more what they see', () => {
  const id = boughtAndWithdrew(ANNA);
  expect(shop.rows("SELECT * FROM sensed WHERE kind = 'zone'")).toEqual([]);
  const [before] = shop.rows("SELECT state, seen FROM offers WHERE audience = 'shopper'");
  expect(shop.hand([], [{ op: 'offer-seen', offer: id }]).answers).toMatchObject([{ value: false }]);
  shop.hand([], [{ op: 'erase', shopper: ANNA }]);
  expect(shop.hand([], [{ op: 'offer-seen', offer: id }]).answers).toMatchObject([{ value: false }]);
  expect(shop.events('retail.offers.seen.v1')).toEqual([]);
  expect(shop.rows("SELECT state, seen FROM offers WHERE audience = 'shopper'")).toEqual([before]);
  expect(before?.state).toBe('redeemed');
});
