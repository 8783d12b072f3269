import { expect, test } from 'vitest';
import type { Fact, ShownOffer } from '../world/facts.ts';
import { openLedger } from '../world/ledger.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { alertWatch } from './alert-watch.ts';
import { narrator } from './narrator.ts';
import { type Story, story } from './story.ts';

const APP = TINY_SHOP.guest?.app ?? '';
const WHO = { number: 1, app: APP };
const KEYED = 'k'.repeat(26);
const OFFER: ShownOffer = {
  id: 'o'.repeat(26),
  campaign: 'juice-10',
  gtin: '09521234000013',
  text: '10 % off',
  code: 'X1',
};

/** A story whose lines are caught, without their times. */
function told(): { tell: Story; lines: string[] } {
  const lines: string[] = [];
  const ledger = openLedger(TINY_SHOP, () => 0);
  const voice = narrator((line) => lines.push(line.slice(9).trim().replace(/\s+/g, ' ')), false);
  const watch = alertWatch(ledger, () => 0);
  return { tell: story({ plan: TINY_SHOP, narrator: voice, ledger, watch, staff: 'Mia' }), lines };
}

const eventId = (n: number) => `s/i/${String(n).padStart(16, '0')}`;

function event(n: number, type: string, data: Record<string, unknown>) {
  return { id: eventId(n), type, subject: 's', data };
}

function reading(device: string, id: string, text: string, shopper: string) {
  return { device, id, text, about: undefined, shopper };
}

/** Up to the offer on the phone, of which the phone knows sooner than who reads the journal. */
function offered(tell: Story, who: { app: string; keyed: string; n: number }): void {
  const { app, keyed, n } = who;
  tell.reading(reading('loyalty-kiosk', `c${n}`, `${app} grants consent`, app));
  tell.event(event(n, 'retail.shoppers.consent.v1', { readingId: `c${n}`, shopper: keyed, granted: true }));
  tell.offer({ kind: 'shown', app, offer: OFFER });
  const made = { id: OFFER.id, audience: 'shopper', campaign: 'juice-10', gtin: OFFER.gtin, shopper: keyed };
  tell.event(event(n + 1, 'retail.offers.made.v1', { ...made, events: [eventId(n)] }));
}

test("the guest's offer is told step by step, the phone after the offer, with its places in Kafka", () => {
  const { tell, lines } = told();
  const facts: Fact[] = [
    { kind: 'entered', who: WHO },
    { kind: 'zone-entered', who: WHO, zone: 'beverages' },
  ];
  facts.forEach(tell.fact);
  offered(tell, { app: APP, keyed: KEYED, n: 5 });
  tell.record({ id: eventId(6), type: 'retail.offers.made.v1', subject: 's', readingId: undefined, place: 'place 1' });
  tell.offer({
    ...{ kind: 'claimed', app: APP, transaction: '000001', offer: OFFER },
    answer: { granted: true, claim: 'c', campaign: 'juice-10' },
  });
  // Head office was quicker than the reader of the journal.
  tell.record({
    id: eventId(9),
    type: 'retail.offers.attributed.v1',
    subject: 's',
    readingId: undefined,
    place: 'place 2',
  });
  tell.event(event(9, 'retail.offers.attributed.v1', { campaign: 'juice-10', shopper: KEYED, events: [eventId(8)] }));
  expect(lines).toEqual([
    'shop a shopper walks to the beverages',
    `reading loyalty-kiosk: ${APP} grants consent`,
    'event #5 retail.shoppers.consent.v1 is in the journal',
    'offer juice-10 for the shopper known as kkkkkk...: A1-2 holds 9',
    '#6 retail.offers.made.v1, because of #5',
    'phone shows "10 % off", code X1',
    'kafka place 1: #6, offer made',
    'till till-1 asks about the code X1: granted (juice-10)',
    'offer #9 retail.offers.attributed.v1: juice-10, because of #8',
    'kafka place 2: #9, offer attributed',
  ]);
});

test("nobody else's offer is told, and none of a screen", () => {
  const { tell, lines } = told();
  offered(tell, { app: 'app-other', keyed: 'x'.repeat(26), n: 5 });
  tell.event(event(9, 'retail.offers.made.v1', { id: 'z', audience: 'zone', campaign: 'juice-10' }));
  expect(lines).toEqual([]);
});
