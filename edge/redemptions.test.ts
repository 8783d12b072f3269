/** Sales that redeem offers and refunds that undo it, on a real writer with every rule. */
import { afterEach, describe, expect, it } from 'vitest';
import { reversedSchema } from './contracts/offers.ts';
import { concealer } from './journal/identity-key.ts';
import { campaign, DAY, HOUR, JUICE, MINUTE, type ShopOptions } from './location-offers.fixture.ts';
import { codeMaker } from './rules/offer-code.ts';
import { TillShop } from './till.fixture.ts';
import { WATER } from './writer.fixture.ts';

const ANNA = 'loyalty-anna-4711';
const BEN = 'loyalty-ben-4712';
const COUPON = campaign('soda', { coupon: true });
const CAPPED = campaign('first-ten', { quantity: 2, priority: -1 });
const { gtin } = WATER;

let shop: TillShop;
afterEach(() => shop.close());

function opened(options: ShopOptions = {}): TillShop {
  shop = new TillShop({ campaigns: [COUPON, CAPPED], ...options });
  shop.level(WATER, 12);
  return shop;
}

describe('a sale', () => {
  it('that names a code redeems it, once; with another receipt it is refused, and flagged', () => {
    const { id, code } = opened().offerTo(ANNA);
    shop.sell('1', { coupon: code.toLowerCase() });
    expect(shop.events('retail.offers.redeemed.v1')).toMatchObject([
      { data: { offer: id, campaign: 'soda', by: 'sale', gtin, transaction: '1' } },
    ]);
    shop.sell('2', { coupon: code, till: 'till-2' });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'refused used 2']);
    expect(shop.events('retail.offers.flagged.v1')).toMatchObject([{ data: { reason: 'replayed-code', offer: id } }]);
    expect(shop.claim('3', { code })).toBe('used');
  });

  it('that names an offer by its id redeems it; with the code beside it, it is one redemption', () => {
    const { id } = opened().offerTo(ANNA);
    shop.sell('1', { offer: id });
    const ben = shop.offerTo(BEN);
    shop.sell('2', { offer: ben.id, coupon: ben.code });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'redeemed sale 2']);
    expect(shop.tally('soda')).toMatchObject({ redeemed: 2 });
  });

  it('of a transaction that claimed before adds nothing, however it names what it claimed', () => {
    const { id, code } = opened().offerTo(ANNA);
    expect(shop.claim('1', { code })).toBe('granted');
    const free = shop.ask('2', { campaign: 'first-ten' });
    shop.sell('1', { offer: id, coupon: code });
    shop.sell('2', { offer: free.granted ? free.claim : '' });
    expect(shop.claim('3', { campaign: 'first-ten' })).toBe('granted');
    shop.sell('3', { offer: 'first-ten' });
    expect(shop.uses()).toEqual(['redeemed claim 1', 'redeemed claim 2', 'redeemed claim 3']);
  });

  it('that names a campaign counts for it within its quantity', () => {
    opened();
    for (const transaction of ['1', '2', '3']) shop.sell(transaction, { offer: 'first-ten' });
    shop.sell('4', { offer: 'soda' });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'redeemed sale 2', 'refused capped 3', 'refused needs-code 4']);
    expect(shop.tally('first-ten')).toMatchObject({ redeemed: 2 });
  });

  it('with two codes at once does not exceed what is left of the campaign', () => {
    opened({ campaigns: [{ ...COUPON, quantity: 1 }] });
    const { id } = shop.offerTo(ANNA);
    const { code } = shop.offerTo(BEN);
    shop.sell('1', { offer: id, coupon: code });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'refused capped 1']);
  });

  it('of a shopper who holds the offer that it names is the redemption, and is put down to the offer', () => {
    const { id } = opened({ campaigns: [campaign('soda')] }).offerTo(ANNA);
    shop.sell('1', { shopper: ANNA, offer: id });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'attributed 1']);
    expect(shop.tally('soda')).toMatchObject({ redeemed: 1, treated_buyers: 1 });
  });

  it('that a till kept while it was cut off redeems its code when it comes', () => {
    const { code } = opened().offerTo(ANNA);
    shop.sell('2', { time: shop.clocks.wallMs });
    shop.sell('1', { coupon: code, time: shop.clocks.wallMs - MINUTE });
    expect(shop.uses()).toEqual(['redeemed sale 1']);
    expect(shop.claim('3', { code })).toBe('used');
  });

  it('that names the offer of a screen counts for its campaign, and the screen keeps it', () => {
    opened();
    const zone = shop.rows("SELECT id FROM offers WHERE audience = 'zone'")[0]?.id;
    shop.restart({ campaigns: [CAPPED] });
    const [now] = shop.rows("SELECT id FROM offers WHERE audience = 'zone' AND state = 'open'");
    expect(now?.id).not.toBe(zone);
    shop.sell('1', { offer: String(now?.id) });
    expect(shop.uses()).toEqual(['redeemed sale 1']);
    expect(shop.rows("SELECT id FROM offers WHERE audience = 'zone' AND state = 'open'")).toEqual([now]);
  });

  it('that names a code past its time, withdrawn, of nobody or of another store is noted as refused', () => {
    const anna = opened().offerTo(ANNA);
    shop.pass(15 * MINUTE);
    const ben = shop.offerTo(BEN);
    shop.consent(BEN, false);
    const conceal = concealer('5e'.repeat(32));
    shop.sell('1', { coupon: anna.code });
    shop.sell('2', { coupon: ben.code });
    shop.sell('3', { coupon: codeMaker('store-0042', conceal).codeOf('nobody') });
    shop.sell('4', { coupon: codeMaker('store-0043', conceal).codeOf('nobody') });
    shop.sell('5', { offer: 'nobody'.padEnd(26, '0') });
    expect(shop.uses()).toEqual([
      'refused expired 1',
      'refused withdrawn 2',
      'refused unknown-code 3',
      'refused other-store 4',
      'refused unknown-code 5',
    ]);
  });

  it('with the coupon of a brand or a promotion of the till, which is none of the hub, is not judged', () => {
    opened();
    for (const offer of ['', 'PROMO-7', '3 for 2']) shop.sell('1', { offer });
    for (const coupon of ['512345678900', '8110 0614141 12345', 'SAVE10', '']) shop.sell('1', { coupon });
    expect(shop.uses()).toEqual([]);
  });

  it('without any of it leaves no row and no event behind', () => {
    opened();
    shop.sell('1');
    shop.sell('2', { shopper: ANNA });
    shop.refund('3', '1');
    expect(shop.uses()).toEqual([]);
    expect(shop.rows("SELECT key FROM rule_states WHERE rule = 'redemption'")).toEqual([]);
  });
});

describe('a sale whose business day is the one beside that of its claim', () => {
  const CLAIMED = { business_day: '2026-11-19' };

  it('is of the same receipt: nothing is redeemed twice, and a refund of either undoes it', () => {
    const { code } = opened().offerTo(ANNA);
    for (const transaction of ['1', '2'])
      expect(shop.claim(transaction, { campaign: 'first-ten', ...CLAIMED })).toBe('granted');
    expect(shop.claim('3', { code, ...CLAIMED })).toBe('granted');
    shop.restart();
    for (const transaction of ['1', '2']) shop.sell(transaction, { offer: 'first-ten', lines: [[gtin, 2]] });
    shop.sell('3', { coupon: code });
    shop.sell('3', { coupon: code });
    const claims = ['1', '2', '3'].map((transaction) => `redeemed claim ${transaction}`);
    expect(shop.uses()).toEqual(claims);
    expect(shop.events('retail.offers.flagged.v1')).toEqual([]);
    shop.refund('7', '1', [[gtin, 1, 'return']]);
    expect(shop.uses()).toEqual(claims);
    shop.refund('8', '1', [[gtin, 1, 'return']]);
    shop.sell('9', { lines: [[gtin, 2, 'return']], original: '2', originalDay: CLAIMED.business_day });
    expect(shop.uses().slice(3)).toEqual(['reversed redeemed 1', 'reversed redeemed 2']);
  });

  it('is another one where the sale of that very day is known, or the claim is long ago', () => {
    opened();
    expect(shop.claim('1', { campaign: 'first-ten', ...CLAIMED })).toBe('granted');
    shop.sell('1', { ...CLAIMED, lines: [[gtin, 3]] });
    shop.clocks.pass(8 * HOUR);
    shop.sell('1', { offer: 'first-ten', lines: [[gtin, 2]] });
    shop.refund('7', '1', [[gtin, 1, 'return']]);
    expect(shop.uses()).toEqual(['redeemed claim 1', 'redeemed sale 1']);
    shop.refund('8', '1', [[gtin, 1, 'return']]);
    expect(shop.uses().slice(2)).toEqual(['reversed redeemed 1']);
    expect(shop.events('retail.offers.reversed.v1')).toMatchObject([{ data: { business_day: '2026-11-20' } }]);
    expect(shop.claim('2', { campaign: 'first-ten', ...CLAIMED })).toBe('granted');
    shop.refund('9', '1', [[gtin, 3, 'return']], { originalDay: CLAIMED.business_day });
    shop.clocks.pass(37 * HOUR);
    shop.hand([]);
    shop.sell('2', { offer: 'first-ten' });
    expect(shop.uses().slice(3)).toEqual(['redeemed claim 2', 'reversed redeemed 1', 'redeemed sale 2']);
  });
});

describe('a refund', () => {
  it('of all of the product gives the code back until it expires, and the quantity', () => {
    const { id, code } = opened().offerTo(ANNA);
    shop.sell('1', { coupon: code, lines: [[gtin, 2]] });
    shop.refund('9', '1', [[gtin, 2, 'return']], { till: 'till-2' });
    const [reversed] = shop.events('retail.offers.reversed.v1');
    expect(reversedSchema.parse(reversed?.data)).toMatchObject({
      ...{ what: 'redeemed', campaign: 'soda', offer: id, till: 'till-1', transaction: '1' },
      refund: { till: 'till-2', transaction: '9', business_day: '2026-11-20' },
      shopper: shop.events('retail.shoppers.consent.v1')[0]?.subject,
    });
    expect(shop.tally('soda')).toMatchObject({ redeemed: 0 });
    expect(shop.claim('2', { code })).toBe('granted');
    shop.sell('2');
    shop.refund('10', '2');
    shop.pass(15 * MINUTE);
    expect(shop.claim('3', { code })).toBe('expired');
  });

  it('gives no code back to somebody who was erased, or has withdrawn consent', () => {
    const anna = opened().offerTo(ANNA);
    const ben = shop.offerTo(BEN);
    shop.sell('1', { coupon: anna.code });
    shop.sell('2', { coupon: ben.code });
    shop.hand([], [{ op: 'erase', shopper: ANNA }]);
    shop.consent(BEN, false);
    for (const original of ['1', '2']) shop.refund(`9${original}`, original);
    expect(shop.tally('soda')).toMatchObject({ redeemed: 0 });
    expect(shop.claim('3', { code: anna.code })).toBe('used');
    expect(shop.rows("SELECT id FROM offers WHERE audience = 'shopper' AND state = 'open'")).toEqual([]);
  });

  it('gives the quantity of a campaign back', () => {
    opened();
    for (const transaction of ['1', '2']) {
      expect(shop.claim(transaction, { campaign: 'first-ten' })).toBe('granted');
      shop.sell(transaction);
    }
    expect(shop.claim('3', { campaign: 'first-ten' })).toBe('capped');
    shop.refund('9', '2');
    expect(shop.claim('3', { campaign: 'first-ten' })).toBe('granted');
    expect(shop.claim('4', { campaign: 'first-ten' })).toBe('capped');
  });

  it('of a part leaves it, also over a restart; of the rest undoes it, once', () => {
    opened();
    expect(shop.claim('1', { campaign: 'first-ten' })).toBe('granted');
    // Nothing in this sale names the claim: the hub knows the receipt.
    shop.sell('1', { lines: [[gtin, 3]] });
    shop.refund('7', '1', [[gtin, 1, 'return']]);
    shop.restart();
    shop.refund('8', '1', [[gtin, '1.000', 'return']]);
    expect(shop.uses()).toEqual(['redeemed claim 1']);
    shop.refund('9', '1', [[gtin, -1]]);
    shop.refund('10', '1', [[gtin, 1, 'return']]);
    expect(shop.uses()).toEqual(['redeemed claim 1', 'reversed redeemed 1']);
    expect(shop.tally('first-ten')).toMatchObject({ redeemed: 0 });
  });

  it('knows the receipt of a claim whose sale comes after a restart', () => {
    opened();
    expect(shop.claim('1', { campaign: 'first-ten' })).toBe('granted');
    shop.restart();
    shop.sell('1', { lines: [[gtin, 2]] });
    shop.refund('9', '1');
    expect(shop.uses()).toEqual(['redeemed claim 1']);
  });

  it('of something else leaves it', () => {
    const { code } = opened().offerTo(ANNA);
    const lines = [[gtin, 1] as const, [JUICE.gtin, 1] as const];
    shop.sell('1', { coupon: code, lines });
    shop.refund('9', '1', [[JUICE.gtin, 1, 'return']]);
    shop.refund('10', '2', [[gtin, 1, 'return']]);
    expect(shop.uses()).toEqual(['redeemed sale 1']);
  });

  it('that comes before its sale undoes the claim', () => {
    opened();
    expect(shop.claim('1', { campaign: 'first-ten' })).toBe('granted');
    shop.refund('9', '1');
    shop.sell('1');
    expect(shop.uses()).toEqual(['redeemed claim 1', 'reversed redeemed 1']);
  });

  it('leaves the same transaction nothing more to redeem: what it asks late is answered as before', () => {
    const { code } = opened().offerTo(ANNA);
    const answer = shop.ask('1', { code });
    shop.sell('1', { coupon: code });
    shop.refund('9', '1');
    expect(shop.ask('1', { code })).toEqual(answer);
    shop.sell('1', { coupon: code });
    expect(shop.uses()).toEqual(['redeemed claim 1', 'reversed redeemed 1']);
  });

  it('that repeats the coupon of its original is no attempt to use it again', () => {
    const { code } = opened().offerTo(ANNA);
    shop.sell('1', { coupon: code, lines: [[gtin, 2]] });
    shop.refund('8', '1', [[gtin, 1, 'return']], { coupon: code });
    shop.refund('9', '1', [[gtin, 1, 'return']], { coupon: code });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'reversed redeemed 1']);
    expect(shop.events('retail.offers.flagged.v1')).toEqual([]);
  });

  it('in exchange for the same may use the code again; for less than all of it nothing changes', () => {
    const { code } = opened().offerTo(ANNA);
    shop.sell('1', { coupon: code });
    const swap = [[gtin, 1, 'return'] as const, [gtin, 1, 'sale'] as const];
    shop.refund('2', '1', swap, { coupon: code });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'reversed redeemed 1', 'redeemed sale 2']);
    const ben = shop.offerTo(BEN);
    shop.sell('3', { coupon: ben.code, lines: [[gtin, 2]] });
    shop.refund('4', '3', swap, { coupon: ben.code });
    expect(shop.uses().slice(3)).toEqual(['redeemed sale 3']);
  });
});

describe('a void', () => {
  it('of the product in the same receipt undoes the claim, or redeems nothing', () => {
    const { code } = opened().offerTo(ANNA);
    const voided = [[gtin, 1] as const, [JUICE.gtin, 1] as const, [gtin, 1, 'void'] as const];
    shop.sell('1', { coupon: code, lines: voided });
    expect(shop.uses()).toEqual([]);
    expect(shop.claim('2', { code })).toBe('granted');
    shop.sell('2', { lines: voided });
    expect(shop.uses()).toEqual(['redeemed claim 2', 'reversed redeemed 2']);
    expect(shop.claim('3', { code })).toBe('granted');
  });

  it('of a part of it leaves it', () => {
    const { code } = opened().offerTo(ANNA);
    shop.sell('1', {
      coupon: code,
      lines: [
        [gtin, 2],
        [gtin, 1, 'void'],
      ],
    });
    expect(shop.uses()).toEqual(['redeemed sale 1']);
    shop.refund('9', '1');
    expect(shop.uses()).toEqual(['redeemed sale 1', 'reversed redeemed 1']);
  });

  it('of a finished receipt, told under its own number, takes back what it voids', () => {
    const { code } = opened().offerTo(ANNA);
    shop.sell('1', { coupon: code, lines: [[gtin, 2]] });
    shop.sell('1', { lines: [[gtin, 1, 'void']] });
    expect(shop.uses()).toEqual(['redeemed sale 1']);
    shop.sell('1', { lines: [[gtin, 1, 'void']] });
    expect(shop.uses()).toEqual(['redeemed sale 1', 'reversed redeemed 1']);
  });
});

describe('a purchase that was put down to an offer', () => {
  const FREE = campaign('soda');
  const buyers = () => shop.tally('soda');

  it('is undone with its redemption, and its shopper is no buyer any more', () => {
    opened({ campaigns: [FREE] }).offerTo(ANNA);
    shop.sell('1', { shopper: ANNA });
    expect(shop.uses()).toEqual(['redeemed purchase 1', 'attributed 1']);
    expect(buyers()).toMatchObject({ redeemed: 1, treated_buyers: 1 });
    shop.refund('9', '1');
    expect(shop.uses().slice(2).sort()).toEqual(['reversed attributed 1', 'reversed redeemed 1']);
    const reversed = shop.events('retail.offers.reversed.v1').map(({ data }) => data);
    expect(reversed.find(({ what }) => what === 'attributed')).toMatchObject({ arm: 'treated', last: true });
    expect(buyers()).toMatchObject({ redeemed: 0, treated_buyers: 0 });
  });

  it('leaves a shopper a buyer who has bought it another time', () => {
    opened({ campaigns: [FREE] }).offerTo(ANNA);
    shop.sell('1', { shopper: ANNA });
    shop.sell('2', { shopper: ANNA, lines: [[gtin, 2]] });
    shop.refund('8', '1');
    expect(buyers()).toMatchObject({ treated_buyers: 1 });
    shop.refund('9', '2', [[gtin, 1, 'return']]);
    expect(buyers()).toMatchObject({ treated_buyers: 1 });
    shop.refund('10', '2', [[gtin, 1, 'return']]);
    expect(buyers()).toMatchObject({ treated_buyers: 0 });
    shop.sell('3', { shopper: ANNA });
    expect(buyers()).toMatchObject({ treated_buyers: 1 });
  });

  it('is undone for the hold-out, too', () => {
    opened({ campaigns: [campaign('soda', { holdout: 1 })] });
    shop.consent(ANNA);
    shop.visit(ANNA);
    shop.sell('1', { shopper: ANNA });
    expect(buyers()).toMatchObject({ holdout_buyers: 1 });
    shop.refund('9', '1');
    expect(shop.uses()).toEqual(['attributed 1', 'reversed attributed 1']);
    expect(buyers()).toMatchObject({ holdout_buyers: 0 });
  });

  it('names nobody who has withdrawn consent since', () => {
    opened({ campaigns: [FREE] }).offerTo(ANNA);
    shop.sell('1', { shopper: ANNA });
    shop.consent(ANNA, false);
    shop.refund('9', '1');
    const reversed = shop.events('retail.offers.reversed.v1');
    expect(reversed.map(({ data }) => data.shopper)).toEqual([undefined, undefined]);
    expect(buyers()).toMatchObject({ treated_buyers: 0 });
  });
});

it('keeps what a receipt sold for as long as it can be refunded', () => {
  const { code } = opened().offerTo(ANNA);
  shop.sell('a/b', { coupon: code });
  const kept = () => shop.rows("SELECT key, state FROM rule_states WHERE rule = 'redemption'");
  expect(kept()).toEqual([{ key: 'till-1/a%2Fb/2026-11-20', state: `{"bought":{"${gtin}":1}}` }]);
  shop.clocks.pass(99 * DAY);
  shop.hand([]);
  expect(kept()).toHaveLength(1);
  shop.clocks.pass(DAY);
  shop.hand([]);
  expect(kept()).toEqual([]);
});
