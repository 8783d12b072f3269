/** The offer book on a real journal: codes that are taken, and what a month of offers costs. */
import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idFor } from '../contracts/ids.ts';
import { MINUTE, OfferJournal, SODA } from '../offer-journal.fixture.ts';
import { temporaryFolder } from '../writer.fixture.ts';
import { OfferBook } from './offer-book.ts';
import { codeMaker } from './offer-code.ts';

const WALL = Date.UTC(2026, 10, 20, 9);

let journal: OfferJournal;
beforeEach(() => {
  journal = new OfferJournal(temporaryFolder(), WALL);
});
afterEach(() => journal.close());

it('a code that another offer has is given to no second one: the next is drawn, always the same', () => {
  // Every offer would have the same code at first.
  const codes = codeMaker('store-0042', (text) => hash('sha256', text.replace(/\b[0-9a-z]{26}\b/, 'offer')));
  const book = new OfferBook(journal.db, codes);
  const made = ['a', 'b', 'c'].map((name) => {
    const { id: campaign, zone, gtin, text } = SODA;
    const expires = new Date(WALL + MINUTE).toISOString();
    const offer = { id: idFor(name), audience: 'shopper', campaign, zone, gtin, text, expires, shopper: idFor('x') };
    book.apply('retail.offers.made.v1', { ...offer, events: [] }, true, journal);
    return book.get(offer.id)?.code ?? '';
  });
  expect(new Set(made).size).toBe(3);
  expect(made.map((code) => book.byCode(code)?.id)).toEqual(['a', 'b', 'c'].map(idFor));
  expect(made[1]).toBe(codes.codeOf(idFor('b'), 1));
});

describe('a month of offers that are past their time', () => {
  it('costs a question for those that stand next to nothing', () => {
    journal.db.exec('BEGIN');
    for (let i = 0; i < 20_000; i += 1) journal.offer(`old ${i}`);
    journal.db.exec('COMMIT');
    const now = { ...journal, wall: WALL + 20 * MINUTE, elapsed: journal.elapsed + 20 * MINUTE };
    const { id: campaign, zone, gtin, text } = SODA;
    const expires = new Date(now.wall + MINUTE).toISOString();
    const offer = {
      id: idFor('new'),
      audience: 'shopper',
      campaign,
      zone,
      gtin,
      text,
      expires,
      shopper: idFor('anna'),
    };
    journal.book.apply('retail.offers.made.v1', { ...offer, events: [] }, false, now);
    journal.book.begin(now);
    const began = performance.now();
    for (let i = 0; i < 1000; i += 1) {
      expect(journal.book.holdersOf(zone, gtin)).toEqual([idFor('anna')]);
      expect(journal.book.holdersIn(campaign)).toEqual([idFor('anna')]);
    }
    expect(performance.now() - began).toBeLessThan(3000);
    expect(journal.book.get(idFor('old 7'))?.state).toBe('open');
  });
});
