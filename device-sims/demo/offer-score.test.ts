import { expect, test } from 'vitest';
import { judgeOffers, type OfferEvidence } from './offer-score.ts';
import type { JournalEvent } from './score.ts';

const PHONE = 'uuid:1:2';
const KEYED = 'k'.repeat(26);
const MILK = '09521234000013';
const SHOWN = { shopper: PHONE, id: 'o'.repeat(26), campaign: 'dairy-10', gtin: MILK, text: '10 % off' };
const BASKET = { till: 'till-1', transaction: '000001', shopper: PHONE, items: new Map([[MILK, 2]]) };

type Step = readonly [type: string, data: Record<string, unknown>];

const GRANTED: Step = ['retail.shoppers.consent.v1', { shopper: KEYED, granted: true }];
const REFUSED: Step = ['retail.shoppers.consent.v1', { shopper: KEYED, granted: false }];
const LEVEL: Step = ['retail.shelves.level.v1', { shelf: 'dairy-1', gtin: MILK, count: 6 }];
const MADE: Step = [
  'retail.offers.made.v1',
  { id: SHOWN.id, audience: 'shopper', zone: 'dairy', gtin: MILK, campaign: 'dairy-10', shopper: KEYED },
];
const SOLD: Step = [
  'retail.sales.sold.v1',
  { till: 'till-1', transaction: '000001', shopper: KEYED, lines: [{ gtin: MILK, quantity: 2 }] },
];
const ATTRIBUTED: Step = [
  'retail.offers.attributed.v1',
  { campaign: 'dairy-10', till: 'till-1', transaction: '000001', gtin: MILK, quantity: 2 },
];
const GOOD: readonly Step[] = [GRANTED, LEVEL, MADE, SOLD, ATTRIBUTED];

function journalOf(steps: readonly Step[]): JournalEvent[] {
  return steps.map(([type, data], n) => {
    const sequence = String(n + 1).padStart(16, '0');
    return { id: `s/i/${sequence}`, sequence, type, subject: 's', data };
  });
}

/** A member says yes, is offered milk, and buys two. */
function judge(steps: readonly Step[] = GOOD, change: Partial<OfferEvidence> = {}) {
  return judgeOffers({
    ...{ campaigns: [], answers: new Map([[PHONE, true]]), shown: [SHOWN], baskets: [BASKET] },
    shelves: new Map([['dairy-1', { zone: 'dairy', gtin: MILK }]]),
    journal: journalOf(steps),
    ...change,
  });
}

test('an afternoon on which a member bought what was offered has no faults', () => {
  expect(judge()).toEqual({ made: 1, attributed: 1, withoutConsent: 0, forEmptyShelf: 0, faults: [] });
});

test('an offer before consent was journaled, or after it was refused, is one without consent', () => {
  expect(judge([LEVEL, MADE, GRANTED, SOLD, ATTRIBUTED]).faults).toEqual(['offers without consent: 1, but 0 expected']);
  expect(judge([GRANTED, REFUSED, LEVEL, MADE, SOLD, ATTRIBUTED]).withoutConsent).toBe(1);
});

test('a phone that shows an offer though its owner said no, or was never asked, is noticed, whatever the journal says', () => {
  expect(judge(GOOD, { answers: new Map([[PHONE, false]]) }).withoutConsent).toBe(1);
  expect(judge(GOOD, { answers: new Map() }).faults).toEqual(['offers without consent: 1, but 0 expected']);
});

test('an offer of what was not on the shelf is a fault, also on a screen', () => {
  const empty: Step = ['retail.shelves.level.v1', { shelf: 'dairy-1', gtin: MILK, count: 0 }];
  const screen: Step = ['retail.offers.made.v1', { id: 'z', audience: 'zone', zone: 'dairy', gtin: MILK }];
  expect(judge([GRANTED, MADE, LEVEL, SOLD, ATTRIBUTED]).faults).toEqual([
    'offers of what was not on the shelf: 1, but 0 expected',
  ]);
  expect(judge([...GOOD, empty, screen]).forEmptyShelf).toBe(1);
  expect(judge([...GOOD, screen]).forEmptyShelf).toBe(0);
});

test('what was credited must have been bought so, by whom it was offered to, and once; and nothing is forgotten', () => {
  const more: Step = [ATTRIBUTED[0], { ...ATTRIBUTED[1], quantity: 3 }];
  expect(judge([GRANTED, LEVEL, MADE, SOLD, more]).faults).toEqual([
    'dairy-10 was credited with 3 of 000001 of till-1, where 2 was bought',
  ]);
  expect(judge(GOOD, { baskets: [{ ...BASKET, shopper: 'uuid:3:4' }] }).faults).toHaveLength(1);
  expect(judge([...GOOD, ATTRIBUTED]).faults).toEqual(['purchases attributed twice: 1, but 0 expected']);
  expect(judge([GRANTED, LEVEL, MADE, SOLD]).faults).toEqual([
    'purchases after an offer that were not attributed: 1, but 0 expected',
  ]);
});

test('an offer on a phone that nobody made is a fault, and so is an afternoon without any', () => {
  const stranger = { ...SHOWN, id: 'x'.repeat(26) };
  expect(judge(GOOD, { shown: [SHOWN, stranger] }).faults).toEqual([
    'offers on phones that nobody made: 1, but 0 expected',
  ]);
  expect(judge([GRANTED, LEVEL], { shown: [] }).faults).toEqual(['no offer was made']);
});
