import { dirname } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Campaign, NoOfferReason } from '../contracts/campaigns.ts';
import { idFor } from '../contracts/ids.ts';
import { type OffersReport, offersReportSchema } from '../contracts/offers.ts';
import { MINUTE, OfferJournal, SODA } from '../offer-journal.fixture.ts';
import { temporaryFolder } from '../writer.fixture.ts';
import { JournalReader } from './reader.ts';

const WALL = Date.UTC(2026, 10, 20, 9);
const TODAY = '2026-11-20';
const RECEIPT = { till: 'till-1', transaction: '1', business_day: TODAY };

let journal: OfferJournal;
let reader: JournalReader;

beforeEach(() => {
  const folder = temporaryFolder();
  journal = new OfferJournal(folder, WALL);
  reader = JournalReader.open(folder);
});

afterEach(() => {
  reader.close();
  journal.close();
});

function report(campaigns: readonly Campaign[] = [SODA], more: { today?: string; wall?: number } = {}): OffersReport {
  const said = reader.offers({ campaigns, today: TODAY, wall: WALL, ...more });
  expect(offersReportSchema.parse(said)).toEqual(said);
  return said;
}

describe('the report on offers', () => {
  it('of a campaign that nobody met says so: no counts, no lift', () => {
    expect(report()).toEqual({
      campaigns: [
        {
          ...{ campaign: 'soda-10', zone: 'beverages', gtin: '09521234543213', text: '10 % off' },
          ...{ from: '2026-11-01', until: '2026-11-30', state: 'running', open: 0 },
          ...{ made: 0, played: 0, seen: 0, redeemed: 0, withdrawn: 0, lift: null },
          ...{ treated: { shoppers: 0, buyers: 0 }, holdout: { shoppers: 0, buyers: 0 } },
        },
      ],
      none: [],
      flags: [],
    });
  });

  it('keeps the results of campaigns that left the configuration: last, in order, at most 20', () => {
    for (const name of ['a', 'b']) journal.offer(name);
    for (let n = 10; n < 35; n += 1)
      journal.decide('retail.offers.played.v1', {
        ...{ offer: idFor('a'), campaign: `old-${n}`, zone: 'dairy', screen: 's', seconds: 9 },
      });
    journal.commit();
    const { campaigns } = report([{ ...SODA, id: 'new' }]);
    expect(campaigns.map(({ campaign }) => campaign)).toEqual([
      'new',
      ...Array.from({ length: 20 }, (_, n) => `old-${n + 10}`),
    ]);
    expect(campaigns[1]).toMatchObject({ state: 'removed', zone: '', text: '', from: '', played: 1 });
    expect(report([]).campaigns).toHaveLength(20);
    expect(report([SODA]).campaigns[0]).toMatchObject({ state: 'running', made: 2 });
  });

  it('says which campaign has no shelf in its zone, if it is told of the shelves, and the zone of the store', () => {
    const asked = { campaigns: [SODA], today: TODAY, wall: WALL };
    const { zone, gtin } = SODA;
    const noShelf = (planogram: { zone: string; gtin: string }[]) =>
      reader.offers({ ...asked, planogram }).campaigns[0]?.no_shelf;
    expect(noShelf([{ zone, gtin }])).toBeUndefined();
    expect(noShelf([{ zone: 'other', gtin }])).toBe(true);
    expect(reader.offers({ ...asked, timezone: 'Europe/Berlin' }).timezone).toBe('Europe/Berlin');
  });

  it('counts what was made, seen, redeemed and bought in both groups', () => {
    for (const name of ['a', 'b', 'c', 'd']) journal.offer(name);
    journal.decide('retail.offers.seen.v1', { offer: idFor('a'), campaign: 'soda-10', zone: 'beverages' });
    journal.buys('a', 'treated');
    for (const name of ['x', 'y']) journal.withhold(name);
    journal.commit();
    const [campaign] = report([{ ...SODA, holdout: 0.1, budget: 100, quantity: 50 }]).campaigns;
    expect(campaign).toMatchObject({ made: 4, seen: 1, redeemed: 1, held_out: 0.1, budget: 100, quantity: 50 });
    expect(campaign).toMatchObject({ treated: { shoppers: 4, buyers: 1 }, holdout: { shoppers: 2, buyers: 0 } });
    expect(campaign?.lift?.difference).toBe(0.25);
  });

  it('tells running, planned, ended and used up apart, by the days of the store', () => {
    journal.offer('a');
    journal.commit();
    const stateAt = (today: string, more: Partial<Campaign> = {}) =>
      report([{ ...SODA, ...more }], { today }).campaigns[0]?.state;
    expect(stateAt('2026-10-31')).toBe('planned');
    expect(stateAt('2026-11-01')).toBe('running');
    expect(stateAt('2026-11-30', { budget: 2 })).toBe('running');
    expect(stateAt('2026-11-30', { budget: 1 })).toBe('used up');
    expect(stateAt('2026-12-01', { budget: 1 })).toBe('ended');
    expect(stateAt('2026-11-30', { quantity: 1 })).toBe('running');
    journal.decide('retail.offers.redeemed.v1', { campaign: 'soda-10', claim: idFor('1'), by: 'claim', ...RECEIPT });
    journal.commit();
    expect(stateAt('2026-11-30', { quantity: 1 })).toBe('used up');
  });

  it('counts offers that stand, those of shoppers only, also while the edge is stopped', () => {
    journal.offer('a');
    journal.offer('b');
    journal.offer('c', { audience: 'zone', shopper: undefined, first: undefined });
    journal.decide('retail.offers.withdrawn.v1', { id: idFor('b'), audience: 'shopper', campaign: 'soda-10' });
    journal.commit();
    expect(report().campaigns[0]?.open).toBe(1);
    expect(report([SODA], { wall: WALL + 15 * MINUTE - 1 }).campaigns[0]?.open).toBe(1);
    expect(report([SODA], { wall: WALL + 15 * MINUTE }).campaigns[0]?.open).toBe(0);
    // A clock that went back shortens nothing and lengthens nothing.
    expect(report([SODA], { wall: WALL - 60 * MINUTE }).campaigns[0]?.open).toBe(1);
  });

  it('says why there was no offer on the last seven days, the most frequent of a day first', () => {
    const none: readonly [string, string, NoOfferReason, number][] = [
      ['2026-11-13', 'soda-10', 'used-up', 9],
      ['2026-11-14', 'soda-10', 'used-up', 1],
      ['2026-11-20', '', 'no-consent', 2],
      ['2026-11-20', 'soda-10', 'no-stock', 3],
    ];
    for (const [day, campaign, reason, times] of none)
      for (let i = 0; i < times; i += 1) journal.book.none(day, 'beverages', campaign, reason);
    journal.commit();
    expect(report().none).toEqual([
      { day: '2026-11-20', zone: 'beverages', campaign: 'soda-10', reason: 'no-stock', count: 3 },
      { day: '2026-11-20', zone: 'beverages', reason: 'no-consent', count: 2 },
      { day: '2026-11-14', zone: 'beverages', campaign: 'soda-10', reason: 'used-up', count: 1 },
    ]);
  });

  it('shows the newest 50 flags with their evidence, and reads on from where it was', () => {
    for (let i = 1; i <= 30; i += 1) journal.flag(`flag ${i}`);
    journal.commit();
    const said = report().flags;
    expect(said).toHaveLength(30);
    expect(said[0]).toEqual({
      ...{ reason: 'guessed-code', text: 'flag 30', evidence: { tries: 5 } },
      time: '2026-11-20T09:00:00.000Z',
    });
    for (let i = 31; i <= 70; i += 1) journal.flag(`flag ${i}`);
    journal.offer('a');
    journal.commit();
    const texts = report().flags.map(({ text }) => text);
    expect([texts.length, texts[0], texts.at(-1)]).toEqual([50, 'flag 70', 'flag 21']);
    expect(report().flags.map(({ text }) => text)).toEqual(texts);
  });

  it('shows flags whatever happened since, and after a restart', () => {
    const event = { source: 'x', subject: 'x', time: WALL, received: WALL, history: false, quality: 'ok' } as const;
    journal.db.exec('BEGIN');
    journal.flag('long ago');
    const data = JSON.stringify({ offer: idFor('a'), campaign: 'soda-10', zone: 'beverages', more: 'x'.repeat(200) });
    for (let i = 0; i < 20_000; i += 1) journal.log.append({ ...event, type: 'retail.offers.seen.v1', data });
    journal.commit();
    journal.db.exec('COMMIT');
    expect(report().flags.map(({ text }) => text)).toEqual(['long ago']);
    reader.close();
    reader = JournalReader.open(dirname(journal.db.name));
    expect(report().flags.map(({ text }) => text)).toEqual(['long ago']);
  });

  it('keeps 1,000 flags for 90 days, and of somebody who is erased without the person', () => {
    journal.db.exec('BEGIN');
    for (let i = 1; i <= 1200; i += 1) journal.flag(`flag ${i}`, { shopper: idFor('anna') });
    journal.db.exec('COMMIT');
    const kept = () => journal.db.prepare('SELECT count(*) FROM flags').pluck().get();
    journal.book.forgetOld(journal);
    expect(kept()).toBe(1000);
    expect(report().flags[0]).toMatchObject({ text: 'flag 1200', shopper: idFor('anna') });
    journal.book.forgetShopper(idFor('anna'));
    expect(JSON.stringify(journal.db.prepare('SELECT * FROM flags').all())).not.toContain(idFor('anna'));
    expect(report().flags[0]).not.toHaveProperty('shopper');
    const later = (days: number) => ({ ...journal, elapsed: journal.elapsed + days * 24 * 60 * MINUTE });
    journal.book.forgetOld(later(89));
    expect(kept()).toBe(1000);
    journal.book.forgetOld(later(91));
    expect(kept()).toBe(0);
  });
});

describe('moments without an offer', () => {
  it('that were counted in a transaction which had nothing to write go with the next one that has', () => {
    journal.book.none(TODAY, 'beverages', '', 'no-consent');
    journal.book.committed();
    journal.book.none(TODAY, 'beverages', '', 'no-consent');
    journal.commit();
    journal.commit();
    expect(report().none).toEqual([{ day: TODAY, zone: 'beverages', reason: 'no-consent', count: 2 }]);
    expect(journal.book.counted['no-consent']).toBe(2);
  });

  it('of a transaction that was rolled back are written once', () => {
    journal.db.exec('BEGIN');
    journal.book.none(TODAY, 'beverages', '', 'no-consent');
    journal.book.flush();
    journal.db.exec('ROLLBACK');
    journal.book.load();
    journal.commit();
    const raw = new SQLite(journal.db.name, { readonly: true });
    expect(raw.prepare('SELECT sum(count) FROM no_offers').pluck().get()).toBe(1);
    raw.close();
  });
});
