/** What becomes of offers when their shopper withdraws consent, or is erased. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { salvage } from './journal/salvage.ts';
import { campaign, HOUR, OfferShop } from './location-offers.fixture.ts';
import { TillShop } from './till.fixture.ts';
import { WATER } from './writer.fixture.ts';

const ANNA = 'anna-of-the-dairy';
const BOB = 'bob-of-the-dairy';
const TO_ANNA = `out/offers/shopper/${ANNA}`;

let shop: OfferShop;
beforeEach(() => {
  shop = new OfferShop({ campaigns: [campaign('soda', { coupon: true })] });
});
afterEach(() => shop.close());

/** Both stand before a full shelf and have an offer. */
function offered(): string {
  shop.level({ shelf: 'A1-3', zone: 'beverages', gtin: '09521234543213', name: '', capacity: 24, minimum: 4 }, 20);
  for (const shopper of [ANNA, BOB]) shop.consent(shopper);
  for (const shopper of [ANNA, BOB]) shop.enter(shopper, 'beverages');
  shop.pass(10_000);
  expect(shop.sent.map(({ topic }) => topic).sort()).toEqual([TO_ANNA, `out/offers/shopper/${BOB}`]);
  return shop.events('retail.shoppers.consent.v1')[0]?.subject ?? '';
}

const outbox = () => shop.rows("SELECT topic, payload FROM outbox WHERE topic LIKE 'out/offers/shopper/%'");

describe.each([
  ['a withdrawal', () => shop.hand([shop.consentOf(ANNA, false)])],
  ['an erasure', () => shop.hand([], [{ op: 'erase', shopper: ANNA }])],
])('after %s', (_, end) => {
  it('what had not gone out yet does not, and the notice does', () => {
    shop.confirms = false;
    const shopper = offered();
    expect(outbox()).toHaveLength(2);
    const reply = end();
    expect(reply.silenced).toEqual([TO_ANNA]);
    expect(reply.out.filter(({ topic }) => topic === TO_ANNA).map(({ payload }) => JSON.parse(payload))).toMatchObject([
      { campaign: 'soda', withdrawn: 'consent' },
    ]);
    const waiting = outbox();
    expect(waiting.filter(({ topic }) => String(topic).endsWith(`@${shopper}`))).toHaveLength(1);
    expect(waiting).toHaveLength(2);
    expect(JSON.stringify(shop.rows('SELECT * FROM outbox'))).not.toContain(ANNA);
  });

  it('nothing is offered, whatever they do, and time goes on', () => {
    offered();
    end();
    const before = shop.sent.length;
    for (let hour = 0; hour < 3; hour += 1) {
      shop.visit(ANNA);
      shop.pass(HOUR);
    }
    expect(shop.sent.slice(before).filter(({ topic }) => topic === TO_ANNA)).toEqual([]);
  });

  it('an offer that was due in the same batch is not made', () => {
    shop.level({ shelf: 'A1-3', zone: 'beverages', gtin: '09521234543213', name: '', capacity: 24, minimum: 4 }, 20);
    shop.consent(ANNA);
    shop.enter(ANNA, 'beverages');
    shop.clocks.pass(20_000);
    // The wake is due, and runs before what was sent.
    end();
    expect(shop.sent.filter(({ withdrawn }) => withdrawn === undefined)).toEqual([]);
  });
});

it('an erasure leaves offers, redemptions and rules without the person', () => {
  const shopper = offered();
  const code = shop.sent.find(({ topic }) => topic === TO_ANNA)?.code;
  const claim = { till: 'till-1', transaction: '77', business_day: '2026-11-20', code, shopper: ANNA };
  shop.hand([], [{ op: 'claim', claim }]);
  expect(shop.rows(`SELECT 1 FROM uses WHERE shopper = '${shopper}'`)).toHaveLength(1);
  expect(shop.rows(`SELECT 1 FROM rule_states WHERE key LIKE '%${shopper}%'`).length).toBeGreaterThan(0);
  shop.hand([], [{ op: 'erase', shopper: ANNA }]);
  for (const table of ['offers', 'uses']) {
    expect(shop.rows(`SELECT 1 FROM ${table} WHERE shopper = '${shopper}'`)).toEqual([]);
    expect(shop.rows(`SELECT 1 FROM ${table}`).length).toBeGreaterThan(0);
  }
  expect(shop.rows(`SELECT rule, key FROM rule_states WHERE key LIKE '%${shopper}%'`)).toEqual([]);
  expect(shop.rows(`SELECT topic FROM outbox WHERE topic LIKE '%${ANNA}%'`)).toEqual([]);
});

it('a salvage keeps the offer book', () => {
  offered();
  const rows = () =>
    ['offers', 'tallies', 'consents', 'rule_states'].map((table) => shop.rows(`SELECT * FROM ${table}`));
  const before = rows();
  expect(before.every((found) => found.length > 0)).toBe(true);
  shop.close();
  salvage(shop.folder, 'store-0042', 'a test', shop.clocks.wallMs);
  expect(rows()).toEqual(before);
  shop = new OfferShop();
});

it('a withdrawal ends the offer also where the rule had failed for the shopper, and its state goes', () => {
  const shopper = offered();
  shop.restart();
  const journal = new SQLite(join(shop.folder, 'journal.db'));
  journal.prepare("UPDATE rule_states SET fault = 'it failed', wake_at = NULL WHERE key = ?").run(shopper);
  journal.close();
  const from = shop.sent.length;
  shop.hand([shop.consentOf(ANNA, false)]);
  expect(shop.sent.slice(from)).toMatchObject([{ topic: TO_ANNA, campaign: 'soda', withdrawn: 'consent' }]);
  expect(shop.rows(`SELECT 1 FROM rule_states WHERE key LIKE '%${shopper}%'`)).toEqual([]);
});

it('a refund after a withdrawal is known when consent is granted again: the next purchase is the first that counts', () => {
  const till = new TillShop({ campaigns: [campaign('soda', { holdout: 1 })] });
  till.level(WATER, 20);
  till.consent(ANNA);
  till.visit(ANNA);
  till.sell('1', { shopper: ANNA });
  till.consent(ANNA, false);
  till.refund('2', '1');
  expect(till.tally('soda')).toMatchObject({ holdout_shoppers: 1, holdout_buyers: 0 });
  till.consent(ANNA);
  till.sell('3', { shopper: ANNA });
  till.sell('4', { shopper: ANNA });
  expect(till.uses()).toEqual(['attributed 1', 'reversed attributed 1', 'attributed 3', 'attributed 4']);
  expect(till.tally('soda')).toMatchObject({ holdout_shoppers: 1, holdout_buyers: 1 });
  till.close();
});
