/** For tests: a journal.db with offers, written as the bookkeeper writes decisions about them, without rules. */
import type { Campaign } from './contracts/campaigns.ts';
import type { EventType } from './contracts/events.ts';
import { idFor } from './contracts/ids.ts';
import { type Database, openForWriting } from './journal/database.ts';
import { EventLog } from './journal/event-log.ts';
import { OfferBook } from './rules/offer-book.ts';
import { codeMaker } from './rules/offer-code.ts';

export const MINUTE = 60_000;
export const SODA: Campaign = {
  ...{ id: 'soda-10', zone: 'beverages', gtin: '09521234543213', text: '10 % off', priority: 1 },
  ...{ from: '2026-11-01', until: '2026-11-30', attribution: 7_200_000, coupon: false },
};

export class OfferJournal {
  readonly db: Database;
  readonly log: EventLog;
  readonly book: OfferBook;
  readonly elapsed = 1_000_000;
  /** Epoch ms. */
  readonly wall: number;

  constructor(folder: string, wall: number) {
    this.wall = wall;
    this.db = openForWriting(folder);
    this.log = new EventLog(this.db);
    this.log.load();
    this.log.openIncarnation('new database', this);
    this.book = new OfferBook(
      this.db,
      codeMaker('store-0042', () => '00'.repeat(32)),
    );
    this.commit();
  }

  commit(): void {
    this.book.flush();
    this.book.committed();
    this.log.flush(this);
  }

  close(): void {
    this.commit();
    this.db.close();
  }

  decide(type: EventType, data: Record<string, unknown>): void {
    const { wall } = this;
    const event = { type, source: 'rules/x', subject: 'x', time: wall, received: wall, history: false } as const;
    this.log.append({ ...event, quality: 'ok', data: JSON.stringify(data) });
    this.book.apply(type, data, false, this);
  }

  /** To a shopper of this name, for 15 minutes. */
  offer(name: string, more: object = {}): void {
    const { id: campaign, zone, gtin, text } = SODA;
    const expires = new Date(this.wall + 15 * MINUTE).toISOString();
    const to = { shopper: idFor(`shopper ${name}`), first: true };
    const what = { id: idFor(name), audience: 'shopper', campaign, zone, gtin, text, expires, ...to };
    this.decide('retail.offers.made.v1', { ...what, events: [], ...more });
  }

  withhold(name: string, campaign = SODA.id): void {
    const { zone, gtin } = SODA;
    const what = { campaign, zone, gtin, shopper: idFor(`shopper ${name}`), first: true, reason: 'hold-out' };
    this.decide('retail.offers.withheld.v1', { ...what, events: [] });
  }

  /** A first purchase of this shopper. */
  buys(name: string, arm: 'treated' | 'holdout', campaign = SODA.id): void {
    const receipt = { till: 'till-1', transaction: `${campaign} ${name}`, business_day: '2026-11-20' };
    const use = { claim: idFor(`${campaign} ${name} buys`), campaign, shopper: idFor(`shopper ${name}`), ...receipt };
    const bought = { arm, gtin: SODA.gtin, quantity: 1, first: true, events: [] };
    this.decide('retail.offers.attributed.v1', { ...use, ...bought });
    if (arm === 'treated') {
      const claim = idFor(`${campaign} ${name} redeems`);
      this.decide('retail.offers.redeemed.v1', { ...use, claim, offer: idFor(name), by: 'purchase' });
    }
  }

  flag(text: string, more: object = {}): void {
    const evidence = { tries: 5 };
    this.decide('retail.offers.flagged.v1', { reason: 'guessed-code', text, evidence, events: ['e'], ...more });
  }
}
