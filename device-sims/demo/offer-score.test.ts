import { expect, test } from 'vitest';
import type { ShownOffer } from '../world/facts.ts';
import { openLedger } from '../world/ledger.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { judgeOffers, type OfferEvidence } from './offer-score.ts';
import type { JournalEvent } from './score.ts';

const APP = TINY_SHOP.guest?.app ?? '';
const WHO = { number: 1, app: APP };
const KEYED = 'k'.repeat(26);
const JUICE = '09521234000013';
const OFFER: ShownOffer = { id: 'o'.repeat(26), campaign: 'juice-10', gtin: JUICE, text: '10 % off', code: 'X' };
const CLAIM = 'c'.repeat(26);

type Step = readonly [type: string, data: Record<string, unknown>];

const GRANTED: Step = ['retail.shoppers.consent.v1', { shopper: KEYED, granted: true, readingId: 'kiosk-1' }];
const WITHDRAWN: Step = ['retail.shoppers.consent.v1', { shopper: KEYED, granted: false, readingId: 'kiosk-2' }];
const LEVEL: Step = ['retail.shelves.level.v1', { shelf: 'A1-2', gtin: JUICE, count: 6 }];
const MADE: Step = [
  'retail.offers.made.v1',
  { id: OFFER.id, audience: 'shopper', zone: 'beverages', gtin: JUICE, campaign: 'juice-10', shopper: KEYED },
];
const REDEEMED: Step = [
  'retail.offers.redeemed.v1',
  { claim: CLAIM, campaign: 'juice-10', offer: OFFER.id, shopper: KEYED, by: 'claim', transaction: '000001' },
];
const SOLD: Step = ['retail.sales.sold.v1', { transaction: '000001', shopper: KEYED }];
const ATTRIBUTED: Step = [
  'retail.offers.attributed.v1',
  {
    ...{ claim: 'd'.repeat(26), campaign: 'juice-10', arm: 'treated', offer: OFFER.id, shopper: KEYED, gtin: JUICE },
    ...{ quantity: 2, transaction: '000001' },
  },
];
const GOOD: readonly Step[] = [GRANTED, LEVEL, MADE, REDEEMED, SOLD, ATTRIBUTED];

function journalOf(steps: readonly Step[]): JournalEvent[] {
  return steps.map(([type, data], n) => {
    const sequence = String(n + 1).padStart(16, '0');
    return { id: `s/i/${sequence}`, sequence, type, subject: 's', data };
  });
}

/** The guest consents, is offered juice, buys two with the coupon. */
function evidence(steps: readonly Step[] = GOOD): OfferEvidence & { time: { now: number } } {
  const time = { now: 0 };
  const ledger = openLedger(TINY_SHOP, () => time.now);
  ledger.record({ kind: 'entered', who: WHO });
  ledger.record({ kind: 'consent', who: WHO, granted: true });
  ledger.record({ kind: 'zone-entered', who: WHO, zone: 'beverages' });
  time.now = 1_000;
  ledger.record({ kind: 'offered', who: WHO, offer: OFFER });
  ledger.record({ kind: 'picked', who: WHO, shelf: 'A1-2', count: 2 });
  ledger.record({ kind: 'zone-left', who: WHO, zone: 'beverages' });
  const lines = [{ gtin: JUICE, quantity: 2, price: 149 }];
  ledger.record({ kind: 'paid', who: WHO, transaction: '000001', lines, coupons: [OFFER] });
  const said = { consents: new Map([['kiosk-1', APP]]), granted: new Map([[CLAIM, '000001']]), plays: 0 };
  return { plan: TINY_SHOP, ledger, said, journal: journalOf(steps), time };
}

function faultsOf(steps: readonly Step[]): readonly string[] {
  return judgeOffers(evidence(steps)).faults;
}

test('a day on which the guest bought what was offered has no faults', () => {
  expect(judgeOffers(evidence())).toEqual({
    ...{ made: 1, withheld: 0, withdrawn: 0, redeemed: 1, attributed: 1, withoutConsent: 0, forEmptyShelf: 0 },
    faults: [],
  });
});

test('an offer before consent was journaled, or after it was withdrawn, is one without consent', () => {
  expect(faultsOf([LEVEL, MADE, GRANTED, REDEEMED, SOLD, ATTRIBUTED])).toEqual([
    'offers without consent: 1, but 0 expected',
  ]);
  expect(faultsOf([GRANTED, WITHDRAWN, LEVEL, MADE, REDEEMED, SOLD, ATTRIBUTED])).toContain(
    'offers without consent: 1, but 0 expected',
  );
});

test('a phone that shows an offer long after its owner withdrew is noticed, though the journal knows of no withdrawal', () => {
  const day = evidence();
  day.ledger.record({ kind: 'consent', who: WHO, granted: false });
  day.time.now += 2_900;
  day.ledger.record({ kind: 'offered', who: WHO, offer: OFFER });
  expect(judgeOffers(day).withoutConsent).toBe(0);
  day.time.now += 200;
  day.ledger.record({ kind: 'offered', who: WHO, offer: OFFER });
  const { faults, withoutConsent } = judgeOffers(day);
  expect(withoutConsent).toBe(1);
  expect(faults).toContain('the journal tells of consent otherwise than it was given');
});

test('an offer of what was not on the shelf is a fault, also on a screen', () => {
  const empty: Step = ['retail.shelves.level.v1', { shelf: 'A1-2', gtin: JUICE, count: 0 }];
  const screen: Step = ['retail.offers.made.v1', { id: 'z', audience: 'zone', zone: 'beverages', gtin: JUICE }];
  expect(faultsOf([GRANTED, MADE, LEVEL, REDEEMED, SOLD, ATTRIBUTED])).toEqual([
    'offers of what was not on the shelf: 1, but 0 expected',
  ]);
  expect(judgeOffers(evidence([...GOOD, empty, screen])).forEmptyShelf).toBe(1);
  expect(judgeOffers(evidence([...GOOD, screen])).forEmptyShelf).toBe(0);
});

test('what was redeemed or credited must have been bought so, by whom it was offered to, and once', () => {
  const elsewhere = (step: Step, change: object): Step => [step[0], { ...step[1], ...change }];
  const again = elsewhere(REDEEMED, { claim: 'e'.repeat(26), by: 'sale' });
  expect(faultsOf([...GOOD, again])).toEqual(['an offer of juice-10 was redeemed twice, the second time with 000001']);
  expect(faultsOf([...GOOD, elsewhere(again, { offer: undefined, transaction: '000009' })])).toEqual([
    'juice-10 was redeemed with 000009, which is no such purchase',
  ]);
  const more = elsewhere(ATTRIBUTED, { quantity: 3 });
  expect(faultsOf([GRANTED, LEVEL, MADE, REDEEMED, SOLD, more])).toEqual([
    'juice-10 was credited with 3 of 000001, where 2 was bought',
  ]);
  expect(faultsOf([...GOOD, ATTRIBUTED])).toEqual(['purchases attributed twice: 1, but 0 expected']);
});

test('what the hub left out is named', () => {
  expect(faultsOf([GRANTED, LEVEL, MADE, REDEEMED, SOLD])).toEqual([
    'purchases after an offer that were not attributed: 1, but 0 expected',
    'the guest was to buy what is offered, and no such purchase was attributed',
  ]);
  expect(faultsOf([GRANTED, LEVEL, MADE, SOLD, ATTRIBUTED])).toEqual([
    'coupons granted and not journaled: 1, but 0 expected',
  ]);
  expect(faultsOf([...GOOD, ['retail.offers.played.v1', { screen: 'screen-beverages' }]])).toEqual([
    'journaled plays on screens: 1, but 0 expected',
  ]);
  expect(faultsOf([...GOOD, ['retail.offers.played.v1', { screen: 'beverages' }]])).toEqual([]);
  expect(faultsOf([GRANTED, LEVEL, REDEEMED, SOLD, ATTRIBUTED])).toContain(
    'offers that a phone showed and nobody made: 1, but 0 expected',
  );
});

test('a pseudonym in the journal is found wherever it stands', () => {
  const leak: Step = ['retail.devices.seen.v1', { device: `phone of ${APP}` }];
  expect(faultsOf([...GOOD, leak])).toEqual(['pseudonyms in the journal: 1, but 0 expected']);
});
