/** What a rule that fails may do to others: nothing. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { campaign, JUICE } from './location-offers.fixture.ts';
import { TillShop } from './till.fixture.ts';
import { delivery, reading, WATER } from './writer.fixture.ts';

const HOLDERS = 2000;
const ANNA = 'anna-of-the-dairy';

let shop: TillShop;
beforeEach(() => {
  shop = new TillShop({ campaigns: [campaign('soda', { coupon: true })] });
  shop.level(WATER, 12);
});
afterEach(() => shop.close());

function sabotage(sql: string): void {
  const db = new SQLite(join(shop.folder, 'journal.db'));
  db.exec(sql);
  db.close();
}

/** No offer to one of these shoppers can be written. */
function refuseOffersTo(shoppers: readonly string[]): void {
  const names = shoppers.map((shopper) => `'${shopper}'`).join();
  sabotage(
    `CREATE TRIGGER no BEFORE INSERT ON offers WHEN NEW.shopper IN (${names}) BEGIN SELECT raise(ABORT, 'no such code'); END`,
  );
}

const keyed = (): string[] => shop.events('retail.shoppers.consent.v1').map(({ subject }) => subject);
const quarantined = () => shop.rows("SELECT key FROM rule_states WHERE fault LIKE '%no such code%'");

describe('a decision that cannot be carried out', () => {
  it('sets its key aside, stores the readings of the batch, and leaves the offers of others', () => {
    for (const name of ['a', 'b', 'c']) shop.consent(`${ANNA}-${name}`);
    const [, bad = ''] = keyed();
    for (const name of ['a', 'b', 'c']) shop.enter(`${ANNA}-${name}`, 'beverages');
    refuseOffersTo([bad]);
    shop.clocks.pass(8000);
    expect(() => shop.hand([shop.levelOf(JUICE, 3), shop.saleOf(undefined, [WATER.gtin, 1])])).toThrow(
      `[{"rule":"location-offer","key":"${bad}","fault":"no such code"}]`,
    );
    expect(shop.events('retail.sales.sold.v1')).toHaveLength(1);
    expect(shop.rows('SELECT 1 FROM dead_letters')).toEqual([]);
    expect(shop.sent.map(({ topic }) => topic.split('/').at(-1)).sort()).toEqual([`${ANNA}-a`, `${ANNA}-c`]);
    // Half of what was decided would be an event without its row.
    expect(shop.events('retail.offers.made.v1').filter(({ data }) => data.shopper === bad)).toEqual([]);
    expect(() => shop.hand([])).toThrow('no such code');
    expect(quarantined()).toEqual([{ key: bad }]);
    sabotage('DROP TRIGGER no');
    shop.restart();
    shop.hand([]);
    expect(shop.sent).toHaveLength(3);
  });

  it('does so with many keys, a portion in each batch, and never ends the process', () => {
    const names = Array.from({ length: 50 }, (_, index) => `${ANNA}-${index}`);
    shop.hand(names.map((name) => shop.consentOf(name)));
    refuseOffersTo(keyed());
    shop.hand(names.map((name) => shop.presenceOf(name, 'beverages')));
    shop.clocks.pass(8000);
    expect(() => shop.hand([shop.saleOf(undefined, [WATER.gtin, 1])])).toThrow('no such code');
    expect(shop.events('retail.sales.sold.v1')).toHaveLength(1);
    expect(quarantined()).toHaveLength(33);
    expect(() => shop.hand([])).toThrow('no such code');
    expect(quarantined()).toHaveLength(50);
  });
});

it('takes a sale whose receipt is no whole text, and what it names', () => {
  const lines = [{ gtin: WATER.gtin, quantity: 1, uom: 'EA', kind: 'sale' }];
  for (const [index, transaction] of ['\ud800', 'a\udc00b'].entries()) {
    const body = { till: 'till-1', transaction, business_day: '2026-11-20', lines, offer: 'soda' };
    const sale = delivery(shop.clocks, 'sale', 'till-1', reading(`till-1/${index}`, body));
    expect(shop.hand([sale]).receipts).toEqual([undefined]);
  }
  expect(shop.events('retail.sales.sold.v1')).toHaveLength(2);
  expect(shop.events('retail.offers.re')).toHaveLength(2);
});

describe('a batch that is done again one by one', () => {
  const outbox = () => shop.rows("SELECT topic FROM outbox WHERE topic LIKE 'out/offers/shopper/%'");
  const dueOffer = (): void => {
    shop.consent(ANNA);
    shop.enter(ANNA, 'beverages');
    sabotage("CREATE TRIGGER no BEFORE INSERT ON events_sales BEGIN SELECT raise(ABORT, 'no sale'); END");
    shop.clocks.pass(8000);
  };

  it.each([
    ['a withdrawal', () => shop.consentOf(ANNA, false)],
    ['a product that has run out', () => shop.levelOf(WATER, 0)],
  ])('sends no offer that is ended by %s in it', (_, end) => {
    dueOffer();
    const reply = shop.hand([shop.levelOf(JUICE, 3), end(), shop.saleOf(undefined, [WATER.gtin, 1])]);
    expect(reply.receipts.map((receipt) => receipt?.outcome)).toEqual([undefined, undefined, 'refused']);
    expect(shop.events('retail.offers.made.v1').filter(({ data }) => data.gtin === WATER.gtin)).toHaveLength(1);
    expect(shop.sent.filter(({ gtin }) => gtin === WATER.gtin)).toEqual([]);
    expect(outbox()).toEqual([]);
  });

  it('sends once what its parts decide', () => {
    dueOffer();
    const reply = shop.hand([shop.levelOf(JUICE, 3), shop.saleOf(undefined, [WATER.gtin, 1])]);
    expect(reply.out.filter(({ topic }) => topic.includes('shopper'))).toHaveLength(1);
    expect(shop.sent).toHaveLength(1);
  });
});

it('a product that runs out in the hands of very many is told to all of them, in parts that devices can wait for', () => {
  const names = Array.from({ length: HOLDERS }, (_, index) => `${ANNA}-${index}`);
  shop.hand(names.map((name) => shop.consentOf(name)));
  shop.hand(names.map((name) => shop.presenceOf(name, 'beverages')));
  shop.pass(8000 + 500);
  expect(shop.sent).toHaveLength(HOLDERS);
  shop.confirms = false;
  const told = () => shop.sent.filter(({ withdrawn }) => withdrawn === 'no-stock').length;
  shop.level(WATER, 0);
  expect(told()).toBeLessThan(HOLDERS / 2);
  for (let batches = 0; told() < HOLDERS && batches < HOLDERS / 50; batches += 1) shop.hand([]);
  expect(told()).toBe(HOLDERS);
});
