/** Claims at a till, on a real writer: what it is answered, what is journaled, and what stands afterwards. */
import { afterEach, describe, expect, it } from 'vitest';
import { parseEventId } from './contracts/ids.ts';
import { redeemedSchema, refusedClaimSchema } from './contracts/offers.ts';
import { STREAMS } from './contracts/streams.ts';
import { concealer } from './journal/identity-key.ts';
import { campaign, DAY, HOUR, MINUTE, type ShopOptions } from './location-offers.fixture.ts';
import { codeMaker } from './rules/offer-code.ts';
import { TillShop } from './till.fixture.ts';
import { WATER } from './writer.fixture.ts';

const ANNA = 'loyalty-anna-4711';
const BEN = 'loyalty-ben-4712';
const COUPON = campaign('soda', { coupon: true });
const CAPPED = campaign('first-ten', { quantity: 2, priority: -1 });

let shop: TillShop;
afterEach(() => shop.close());

function opened(options: ShopOptions = {}): TillShop {
  shop = new TillShop({ campaigns: [COUPON, CAPPED], ...options });
  shop.level(WATER, 12);
  return shop;
}

describe('a code', () => {
  it('is granted once, and the redemption is journaled with the offer, its shopper, the receipt and the operator', () => {
    const { id, code } = opened().offerTo(ANNA);
    const answer = shop.ask('1', { code, operator: 'eve' });
    expect(answer).toEqual({ granted: true, claim: expect.stringMatching(/^[0-9a-z]{26}$/), campaign: 'soda' });
    const [redeemed, ...others] = shop.events('retail.offers.redeemed.v1');
    expect(others).toEqual([]);
    expect(redeemedSchema.parse(redeemed?.data)).toEqual({
      ...{ claim: answer.granted && answer.claim, campaign: 'soda', offer: id, by: 'claim', gtin: WATER.gtin },
      ...{ till: 'till-1', transaction: '1', business_day: '2026-11-20', operator: 'eve', events: [] },
      shopper: shop.events('retail.shoppers.consent.v1')[0]?.subject,
    });
    expect(shop.claim('2', { code })).toBe('used');
    expect(shop.claim('1', { code, till: 'till-2' })).toBe('used');
    expect(shop.claim('1', { code, business_day: '2026-11-21' })).toBe('used');
    expect(shop.tally('soda')).toMatchObject({ redeemed: 1 });
  });

  it('asked again by the same transaction is the same answer, and nothing more is journaled, also after a restart', () => {
    const { code } = opened().offerTo(ANNA);
    const answer = shop.ask('1', { code });
    expect(shop.ask('1', { code })).toEqual(answer);
    shop.restart();
    expect(shop.ask('1', { code })).toEqual(answer);
    shop.pass(2 * HOUR);
    expect(shop.ask('1', { code })).toEqual(answer);
    expect(shop.events('retail.offers.redeemed.v1')).toHaveLength(1);
    expect(shop.events('retail.offers.refused.v1')).toEqual([]);
  });

  it('asked for by two tills in one batch is granted to one', () => {
    const { code } = opened().offerTo(ANNA);
    const asked = ['1', '2', '1'].map((transaction) => ({
      op: 'claim' as const,
      claim: { till: 'till-1', transaction, business_day: '2026-11-20', code },
    }));
    const answers = shop.hand([], asked).answers.map((answer) => answer.ok && answer.value);
    expect(answers).toMatchObject([{ granted: true }, { granted: false, reason: 'used' }, { granted: true }]);
    expect(answers[2]).toEqual(answers[0]);
    expect(shop.uses()).toEqual(['redeemed claim 1', 'refused used 2']);
  });

  it('is known however a person types it', () => {
    const { code } = opened().offerTo(ANNA);
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const typed = ` ${code.toLowerCase().replaceAll('-', '\u2013').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    expect(shop.claim('1', { code: typed })).toBe('granted');
    expect(shop.claim('1', { code: code.replaceAll('-', '') })).toBe('granted');
    expect(shop.claim('2', { code: code.replaceAll('-', ' ') })).toBe('used');
  });

  it('that nobody made, or another store of the chain, is refused by that reason', () => {
    opened();
    const conceal = concealer('5e'.repeat(32));
    const nobodys = codeMaker('store-0042', conceal).codeOf('no offer');
    expect(shop.ask('1', { code: nobodys })).toEqual({
      ...{ granted: false, reason: 'unknown-code' },
      text: 'the hub has made no offer with this code',
    });
    expect(shop.claim('1', { code: codeMaker('store-0043', conceal).codeOf('no offer') })).toBe('other-store');
    expect(shop.claim('1', { code: 'SAVE10' })).toBe('unknown-code');
    expect(shop.claim('1', { code: '- -' })).toBe('unknown-code');
    const refused = shop.events('retail.offers.refused.v1').map(({ data }) => refusedClaimSchema.parse(data));
    expect(refused.map(({ reason }) => reason)).toEqual([
      'unknown-code',
      'other-store',
      'unknown-code',
      'unknown-code',
    ]);
    expect(refused[0]).toMatchObject({ till: 'till-1', transaction: '1', business_day: '2026-11-20' });
    // What was typed is not kept: it may be a good code of somebody, but for a letter.
    expect(JSON.stringify(shop.events('retail.offers.'))).not.toContain(nobodys.slice(-4));
  });

  it('past its time is refused, by the elapsed clock, whatever becomes of the wall clock', () => {
    const { code } = opened().offerTo(ANNA);
    const later = shop.offerTo(BEN).code;
    shop.clocks.wallMs += 30 * DAY;
    shop.hand([]);
    expect(shop.claim('1', { code: later })).toBe('granted');
    shop.pass(15 * MINUTE);
    expect(shop.claim('2', { code })).toBe('expired');
    expect(shop.uses()).toEqual(['redeemed claim 1', 'refused expired 2']);
  });

  it('of an offer that was withdrawn is refused', () => {
    const { code } = opened().offerTo(ANNA);
    const other = shop.offerTo(BEN).code;
    shop.consent(ANNA, false);
    expect(shop.claim('1', { code })).toBe('withdrawn');
    expect(shop.events('retail.offers.redeemed.v1')).toEqual([]);
    expect(shop.claim('2', { code: other })).toBe('granted');
  });

  it('is good for whoever took the last one: the offer is withdrawn from the empty shelf, its code stays good as long as it said', () => {
    const { code } = opened().offerTo(ANNA);
    const other = shop.offerTo(BEN).code;
    shop.level(WATER, 0);
    expect(shop.events('retail.offers.withdrawn.v1').map(({ data }) => data.reason)).toEqual(['no-stock', 'no-stock']);
    expect(shop.claim('1', { code })).toBe('granted');
    expect(shop.claim('2', { code })).toBe('used');
    shop.pass(15 * MINUTE);
    expect(shop.claim('3', { code: other })).toBe('expired');
  });

  it("of an empty shelf is nobody's after an erasure", () => {
    const { code } = opened().offerTo(ANNA);
    shop.level(WATER, 0);
    shop.hand([], [{ op: 'erase', shopper: ANNA }]);
    expect(shop.claim('1', { code })).toBe('withdrawn');
  });

  it('is good for as long as it says, also when its campaign ends today', () => {
    const { code } = opened({ campaigns: [campaign('soda', { coupon: true, valid: 2 * DAY })] }).offerTo(ANNA);
    shop.clocks.pass(DAY);
    expect(shop.claim('1', { code })).toBe('granted');
  });
});

describe('a claim that was refused', () => {
  it('is answered again without another event, as long as it is the same receipt and code', () => {
    const { code } = opened().offerTo(ANNA);
    shop.claim('1', { code });
    for (let n = 0; n < 6; n += 1) expect(shop.claim('2', { code: n % 2 ? code : code.toLowerCase() })).toBe('used');
    shop.sell('2', { coupon: code });
    expect(shop.uses()).toEqual(['redeemed claim 1', 'refused used 2']);
    expect(shop.claim('2', { campaign: 'soda' })).toBe('needs-code');
    expect(shop.claim('3', { code })).toBe('used');
    shop.clocks.pass(DAY);
    shop.hand([]);
    expect(shop.claim('2', { code })).toBe('used');
    expect(shop.uses().slice(2)).toEqual(['refused needs-code 2', 'refused used 3', 'refused used 2']);
  });
});

describe('a campaign', () => {
  it('is granted as often as its quantity says, once for a transaction', () => {
    opened();
    const asked = { campaign: 'first-ten' };
    const answer = shop.ask('1', asked);
    expect(answer).toMatchObject({ granted: true, campaign: 'first-ten' });
    expect(shop.ask('1', asked)).toEqual(answer);
    expect(shop.claim('2', asked)).toBe('granted');
    expect(shop.claim('3', asked)).toBe('capped');
    shop.restart();
    expect(shop.claim('4', asked)).toBe('capped');
    expect(shop.ask('1', asked)).toEqual(answer);
    expect(shop.tally('first-ten')).toMatchObject({ redeemed: 2 });
  });

  it('is never granted beyond its quantity by one batch of many tills', () => {
    opened();
    const asked = Array.from({ length: 50 }, (_, i) => ({
      op: 'claim' as const,
      claim: { till: `till-${i % 7}`, transaction: `${i}`, business_day: '2026-11-20', campaign: 'first-ten' },
    }));
    const answers = shop.hand([], asked).answers;
    expect(answers.filter((answer) => answer.ok && (answer.value as { granted: boolean }).granted)).toHaveLength(2);
  });

  it('that nobody knows, or that does not run, is refused by that reason', () => {
    opened({
      campaigns: [CAPPED, campaign('past', { until: '2026-11-19' }), campaign('next', { from: '2026-11-21' })],
    });
    expect(shop.claim('1', { campaign: 'xmas' })).toBe('unknown-campaign');
    expect(shop.claim('1', { campaign: 'past' })).toBe('not-running');
    expect(shop.claim('1', { campaign: 'next' })).toBe('not-running');
    shop.clocks.pass(DAY);
    expect(shop.claim('1', { campaign: 'next' })).toBe('granted');
  });

  it('of coupons is not granted without a code: it would be good for any number of uses', () => {
    opened();
    expect(shop.claim('1', { campaign: 'soda' })).toBe('needs-code');
  });

  it('claimed by a shopper who holds an open offer of it redeems that offer', () => {
    const { id, code } = opened().offerTo(ANNA);
    const answer = shop.ask('1', { campaign: 'soda', shopper: ANNA });
    expect(answer).toMatchObject({ granted: true });
    expect(shop.events('retail.offers.redeemed.v1')).toMatchObject([{ data: { offer: id, by: 'claim' } }]);
    expect(shop.ask('1', { campaign: 'soda', shopper: ANNA })).toEqual(answer);
    expect(shop.ask('1', { campaign: 'soda' })).toEqual(answer);
    expect(shop.claim('2', { code })).toBe('used');
    expect(shop.claim('3', { campaign: 'soda', shopper: ANNA })).toBe('needs-code');
  });

  it('claimed by somebody without consent is granted, and they are nowhere', () => {
    opened();
    expect(shop.claim('1', { campaign: 'first-ten', shopper: ANNA })).toBe('granted');
    expect(shop.claim(`${ANNA}/2`, { campaign: 'first-ten', shopper: ANNA, operator: ANNA })).toBe('granted');
    const [one, two] = shop.events('retail.offers.redeemed.v1');
    expect(one?.data.shopper).toBeUndefined();
    expect(two?.data).toMatchObject({ transaction: '***/2', operator: '***' });
    expect(JSON.stringify(shop.events())).not.toContain(ANNA);
  });
});

describe('what was counted of a campaign', () => {
  it('goes on when it was away for a while, and begins anew for another one of the same id', () => {
    opened();
    for (const transaction of ['1', '2']) shop.claim(transaction, { campaign: 'first-ten' });
    shop.restart({ campaigns: [COUPON] });
    shop.restart({ campaigns: [COUPON, { ...CAPPED, text: 'said otherwise' }] });
    expect(shop.claim('3', { campaign: 'first-ten' })).toBe('capped');
    const changes = () =>
      shop
        .rows("SELECT data FROM events_local WHERE subject = 'first-ten' ORDER BY position")
        .map(({ data }) => JSON.parse(String(data)) as { anew?: boolean });
    const before = changes();
    expect(before.length).toBeGreaterThan(2);
    expect(before.filter(({ anew }) => anew !== undefined)).toEqual([]);
    shop.restart({ campaigns: [COUPON] });
    shop.restart({ campaigns: [COUPON, { ...CAPPED, from: '2026-11-19' }] });
    expect(shop.tally('first-ten')).toEqual({});
    expect(changes().at(-1)).toMatchObject({ anew: true });
    expect(shop.claim('4', { campaign: 'first-ten' })).toBe('granted');
    expect(shop.tally('first-ten')).toEqual({ redeemed: 1 });
  });
});

describe('what is kept of a claim', () => {
  it('has no card data, and its receipt is that of the sale that follows', () => {
    opened();
    const card = '4111111111111111';
    expect(shop.claim(card, { campaign: 'first-ten', operator: card })).toBe('granted');
    expect(shop.claim('2', { campaign: card })).toBe('unknown-campaign');
    expect(JSON.stringify(shop.events())).not.toContain(card);
    expect(shop.events('retail.offers.redeemed.v1')[0]?.data).toMatchObject({ transaction: '411111******1111' });
  });
});

describe('an offer that was shown', () => {
  it('is seen once, however often the phone says so', () => {
    const { id } = opened().offerTo(ANNA);
    const seen = (offer: string) => shop.hand([], [{ op: 'offer-seen', offer }]).answers;
    expect(seen(id)).toEqual([{ ok: true, value: true }]);
    expect(seen(id)).toEqual([{ ok: true, value: true }]);
    expect(shop.events('retail.offers.seen.v1')).toMatchObject([{ data: { offer: id, campaign: 'soda' } }]);
    expect(shop.tally('soda')).toMatchObject({ seen: 1 });
    expect(seen('nobody'.padEnd(26, '0'))).toEqual([{ ok: true, value: false }]);
    shop.consent(ANNA, false);
    expect(seen(id)).toEqual([{ ok: true, value: false }]);
  });
});

describe('a hub that takes no facts', () => {
  it('redeems nothing, and answers as before what was redeemed before', () => {
    const { id, code } = opened().offerTo(ANNA);
    const answer = shop.ask('1', { campaign: 'first-ten' });
    // Head office is being sent all there is, so nothing may be dropped.
    const to = Object.fromEntries(
      STREAMS.map((stream) => [stream, Number(shop.rows(`SELECT count(*) AS count FROM events_${stream}`)[0]?.count)]),
    );
    const incarnation = parseEventId(shop.events()[0]?.id ?? '')?.incarnation ?? '';
    shop.hand([], [{ op: 'reserve', request: { incarnation, from: {}, to } }]);
    shop.restart({ diskBudget: 1000 });
    shop.hand([]);
    const claim = { till: 'till-1', business_day: '2026-11-20' };
    const asked = [
      { op: 'claim' as const, claim: { ...claim, transaction: '2', code } },
      { op: 'claim' as const, claim: { ...claim, transaction: '1', campaign: 'first-ten' } },
      { op: 'offer-seen' as const, offer: id },
    ];
    const notStored = { ok: false, code: 'NOT_STORED', message: expect.stringContaining('disk budget') };
    expect(shop.hand([], asked).answers).toEqual([notStored, { ok: true, value: answer }, notStored]);
    expect(shop.uses()).toEqual(['redeemed claim 1']);
    shop.restart({ diskBudget: 2 ** 32 });
    expect(shop.claim('2', { code })).toBe('granted');
  });
});
