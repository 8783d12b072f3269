import { describe, expect, it } from 'vitest';
import { openForWriting } from '../journal/database.ts';
import { temporaryFolder } from '../writer.fixture.ts';
import { addressed, offerIn, offerMessage, shopperTopic } from './offer-topics.ts';
import { Outbox } from './outbox.ts';

const ANNA = 'a'.repeat(26);
const BOB = 'b'.repeat(26);
const OFFER = {
  ...{
    id: 'o'.repeat(26),
    audience: 'shopper' as const,
    campaign: 'soda',
    zone: 'dairy & more',
    gtin: '09521234543213',
  },
  ...{ text: '10 %', expires: '2026-11-20T10:00:00.000Z', shopper: ANNA, events: ['e-1'] },
} as const;

describe('an offer to a shopper', () => {
  it('is stored under the keyed pseudonym, which its content does not say', () => {
    const message = offerMessage('retail.offers.made.v1', OFFER, 'AAAA-BBBB-CCCC') ?? expect.unreachable();
    expect(message).toMatchObject({ topic: `out/offers/shopper/@${ANNA}`, retain: false });
    expect(JSON.parse(message.payload)).toEqual({
      ...{ id: OFFER.id, campaign: 'soda', gtin: OFFER.gtin, text: '10 %', expires: OFFER.expires },
      ...{ code: 'AAAA-BBBB-CCCC', events: ['e-1'] },
    });
    expect(offerIn(message)).toBe(OFFER.id);
  });

  it('that is withdrawn is sent again and says so', () => {
    const message = offerMessage('retail.offers.withdrawn.v1', { ...OFFER, reason: 'consent' }) ?? expect.unreachable();
    expect(message.topic).toBe(`out/offers/shopper/@${ANNA}`);
    expect(JSON.parse(message.payload)).toMatchObject({ id: OFFER.id, withdrawn: 'consent' });
    expect(offerIn(message)).toBeUndefined();
  });

  it('leaves under the name that devices know, encoded, and to nobody once that is gone', () => {
    const name = (shopper: string) => (shopper === ANNA ? 'anna/ä 1+#' : undefined);
    expect(addressed(shopperTopic(ANNA), name)).toBe('out/offers/shopper/anna%2F%C3%A4%201%2B%23');
    expect(addressed(shopperTopic(BOB), name)).toBeUndefined();
    expect(addressed('out/offers/zone/dairy', name)).toBe('out/offers/zone/dairy');
    // A name that looks like a keyed one is encoded, and so never taken for it.
    expect(addressed(shopperTopic(ANNA), () => `@${BOB}`)).toBe(`out/offers/shopper/%40${BOB}`);
  });
});

it('an offer of a zone is retained, and cleared when it is withdrawn; what only counts is not sent', () => {
  const offer = { ...OFFER, audience: 'zone' as const };
  expect(offerMessage('retail.offers.made.v1', offer)).toMatchObject({
    topic: 'out/offers/zone/dairy%20%26%20more',
    retain: true,
  });
  expect(offerMessage('retail.offers.withdrawn.v1', offer)).toMatchObject({ payload: '', retain: true });
  expect(offerMessage('retail.offers.seen.v1', OFFER)).toBeUndefined();
});

describe('the outbox', () => {
  it('keeps no name, and after an erasure gives up what waits for nobody', () => {
    const db = openForWriting(temporaryFolder(), 2 ** 30);
    let names: Readonly<Record<string, string>> = { [ANNA]: 'anna-4410', [BOB]: 'bob-9102' };
    const outbox = new Outbox(db, (topic) => addressed(topic, (shopper) => names[shopper]));
    expect(outbox.add(shopperTopic(ANNA), 'a', false).topic).toBe('out/offers/shopper/anna-4410');
    outbox.add(shopperTopic(BOB), 'b', false);
    outbox.add('out/offers/zone/dairy', 'z', true);
    expect(outbox.waiting().map(({ topic }) => topic)).toEqual([
      'out/offers/shopper/anna-4410',
      'out/offers/shopper/bob-9102',
      'out/offers/zone/dairy',
    ]);
    const stored = () => db.prepare('SELECT topic FROM outbox ORDER BY id').pluck().all();
    expect(stored()).toEqual([shopperTopic(ANNA), shopperTopic(BOB), 'out/offers/zone/dairy']);
    names = { [BOB]: 'bob-9102' };
    expect(outbox.waiting().map(({ payload }) => payload)).toEqual(['b', 'z']);
    expect(stored()).toEqual([shopperTopic(BOB), 'out/offers/zone/dairy']);
    outbox.removeTo(shopperTopic(BOB));
    expect(stored()).toEqual(['out/offers/zone/dairy']);
    db.close();
  });
});
