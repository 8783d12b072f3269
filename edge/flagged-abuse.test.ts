/** Abuse of offers on a real writer: what devices and tills do, and the flag in the journal. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Claim, flaggedSchema } from './contracts/offers.ts';
import type { Request } from './crossing.ts';
import { concealer } from './journal/identity-key.ts';
import { codeMaker } from './rules/offer-code.ts';
import {
  batchOf,
  Clocks,
  delivery,
  openWriter,
  reading,
  shelfCount,
  temporaryFolder,
  WATER,
  writerOptions,
} from './writer.fixture.ts';
import type { Writer } from './writer.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const ANNA = 'loyalty-4711-anna';
const OFFER = 'offer'.padEnd(26, '0');
const RULES = writerOptions('').rules;
const CAMPAIGN = {
  ...{ id: 'soda-10', zone: 'beverages', gtin: WATER.gtin, text: '10 % off spring water' },
  ...{ from: '2026-11-01', until: '2026-12-31', priority: 1, attribution: 2 * HOUR, coupon: true },
};
/** Redeemed without a code. */
const FREE = { ...CAMPAIGN, id: 'water-5', coupon: false };

class Shop {
  readonly folder = temporaryFolder();
  readonly clocks = new Clocks();
  writer: Writer = this.#open();
  #receipts = 0;

  consents(shopper: string, granted = true): void {
    this.#hear('consent', reading('', { granted, scope: 'offers' }, { shopper }));
  }

  sees(shopper: string, zone: string, present = true): void {
    this.#hear('presence', reading('', { zone, present }, { shopper }));
  }

  claims(claim: Partial<Claim>): unknown {
    this.#receipts += 1;
    const receipt = { till: 'till-2', transaction: String(this.#receipts), business_day: '2026-11-20' };
    return this.#ask({ op: 'claim', claim: { ...receipt, ...claim } });
  }

  erases(shopper: string): unknown {
    return this.#ask({ op: 'erase', shopper });
  }

  pass(ms: number): void {
    this.clocks.pass(ms);
    this.writer.tick(true);
  }

  restart(): void {
    this.writer.close();
    this.writer = this.#open();
  }

  /** Somebody stays before the shelf and gets an offer; returns its code. */
  offers(): string {
    this.writer.process(batchOf([shelfCount(this.clocks, 12)]));
    this.consents(ANNA);
    this.sees(ANNA, 'beverages');
    this.pass(RULES.location_offer.dwell);
    const code = "SELECT code FROM offers WHERE audience = 'shopper'";
    return this.sql((db) => db.prepare(code).pluck().get() as string);
  }

  flags() {
    const rows = this.sql(
      (db) =>
        db
          .prepare(
            "SELECT data FROM events_offers JOIN event_types ON code = events_offers.type WHERE event_types.type = 'retail.offers.flagged.v1' ORDER BY position",
          )
          .pluck()
          .all() as string[],
    );
    return rows.map((text) => flaggedSchema.parse(JSON.parse(text)));
  }

  states(): string {
    return this.sql((db) =>
      JSON.stringify(db.prepare("SELECT key, state FROM rule_states WHERE rule = 'offer-abuse'").all()),
    );
  }

  sql<T>(ask: (db: SQLite.Database) => T): T {
    const db = new SQLite(join(this.folder, 'journal.db'));
    try {
      return ask(db);
    } finally {
      db.close();
    }
  }

  #open(): Writer {
    const rules = { ...RULES, location_offer: { ...RULES.location_offer, identities_per_device: 3 } };
    return openWriter(this.folder, this.clocks, { campaigns: [CAMPAIGN, FREE], rules });
  }

  #hear(kind: 'consent' | 'presence', what: ReturnType<typeof reading>): void {
    this.writer.process(batchOf([delivery(this.clocks, kind, 'gateway-1', what)]));
  }

  #ask(request: Request): unknown {
    const [answer] = this.writer.process(batchOf([], [request])).answers;
    if (!answer?.ok) throw new Error(`refused: ${JSON.stringify(answer)}`);
    return answer.value;
  }
}

describe('abuse of offers', () => {
  it('flags a code that is presented again after a restart, with both receipts, once an hour', () => {
    const shop = new Shop();
    const code = shop.offers();
    expect(shop.claims({ code })).toMatchObject({ granted: true });
    shop.restart();
    for (let n = 0; n < 3; n += 1) expect(shop.claims({ code, till: 'till-5' })).toMatchObject({ reason: 'used' });
    expect(shop.flags()).toMatchObject([
      {
        reason: 'replayed-code',
        offer: expect.stringMatching(/^.{26}$/),
        campaign: 'soda-10',
        evidence: {
          receipt: { till: 'till-5', transaction: '2' },
          used: { till: 'till-2', transaction: '1' },
        },
        events: [expect.stringMatching(/^store-0042\//)],
      },
    ]);
    shop.restart();
    shop.pass(HOUR);
    expect(shop.flags().map(({ evidence }) => evidence.count)).toEqual([undefined, 2]);
    shop.pass(HOUR);
    expect(shop.flags()).toHaveLength(2);
    expect(shop.states()).not.toContain('code/');
  });

  it('flags codes that are guessed, and codes of another store', () => {
    const shop = new Shop();
    const other = codeMaker('store-0001', concealer('01'.repeat(32))).codeOf(OFFER);
    expect(shop.claims({ code: other })).toMatchObject({ reason: 'other-store' });
    const own = codeMaker('store-0042', concealer('00'.repeat(32)));
    const guess = (n: number) => shop.claims({ code: own.codeOf(OFFER, n) });
    // One that was mistyped is no guess, however many receipts it is tried with.
    for (let n = 0; n < 9; n += 1) expect(guess(0)).toMatchObject({ reason: 'unknown-code' });
    for (let n = 0; n < 4; n += 1) guess(n);
    expect(shop.flags()).toHaveLength(1);
    guess(4);
    expect(shop.flags()).toMatchObject([
      { reason: 'other-store', evidence: { receipt: { till: 'till-2' } } },
      { reason: 'guessed-code', evidence: { till: 'till-2', codes: 5 } },
    ]);
    expect(new Set(shop.flags()[1]?.events).size).toBe(5);
  });

  it('flags a shopper who is in two zones by turns, also over a restart, but nobody without consent', () => {
    const shop = new Shop();
    shop.consents(ANNA);
    for (const zone of ['dairy', 'bakery', 'dairy', 'bakery', 'dairy', 'bakery', 'dairy']) {
      shop.sees(ANNA, zone);
      shop.sees('somebody-else', zone);
      shop.pass(SECOND);
      if (shop.flags().length === 0) shop.restart();
    }
    const [flag] = shop.flags();
    expect(shop.flags()).toHaveLength(1);
    expect(flag).toMatchObject({ reason: 'impossible-movement', evidence: { zones: ['dairy', 'bakery'] } });
    expect(flag?.shopper).toHaveLength(26);
    expect(flag?.events).toHaveLength(3);
    expect(JSON.stringify(flag)).not.toContain(ANNA);
  });

  it('flags a device that tells of more shoppers than pass by', () => {
    const shop = new Shop();
    for (let n = 0; n < 4; n += 1) {
      shop.consents(`card-100${n}`);
      expect(shop.flags()).toHaveLength(0);
      shop.sees(`card-100${n}`, 'dairy');
    }
    expect(shop.flags()).toMatchObject([
      { reason: 'many-identities', device: 'gateway-1', evidence: { identities: 4, limit: 3 } },
    ]);
  });

  it('flags who is here for hours and redeems, and an operator with a favourite', () => {
    const shop = new Shop();
    shop.consents(ANNA);
    const redeem = () => shop.claims({ campaign: FREE.id, shopper: ANNA, operator: 'jo' });
    redeem();
    for (let minutes = 0; minutes <= 4 * 60 + 5; minutes += 5) {
      shop.sees(ANNA, 'dairy');
      shop.pass(300 * SECOND);
    }
    shop.sees(ANNA, 'dairy');
    expect(shop.flags()).toEqual([]);
    redeem();
    redeem();
    expect(shop.flags()).toMatchObject([
      { reason: 'works-here', evidence: { limit_s: 14_400 } },
      { reason: 'same-operator', evidence: { operator: 'jo', offers: 3 }, events: { length: 3 } },
    ]);
  });

  it('never keeps the pseudonym that a till says as the operator or in a transaction', () => {
    const shop = new Shop();
    shop.consents(ANNA);
    for (let n = 0; n < 3; n += 1)
      shop.claims({ campaign: FREE.id, shopper: ANNA, operator: ANNA, transaction: `${n}/${ANNA}` });
    expect(shop.flags()).toMatchObject([{ reason: 'same-operator', evidence: { operator: '***' } }]);
    const kept = shop.sql((db) => JSON.stringify(db.prepare('SELECT data, subject FROM events_offers').all()));
    expect(kept).not.toContain(ANNA);
  });

  it('keeps nothing under a shopper who withdraws consent or is erased', () => {
    const shop = new Shop();
    shop.consents(ANNA);
    const leave = (): void => {
      for (const zone of ['dairy', 'bakery', 'dairy', 'bakery', 'dairy', 'bakery', 'dairy', 'bakery'])
        shop.sees(ANNA, zone);
      for (let n = 0; n < 5; n += 1) shop.claims({ campaign: FREE.id, shopper: ANNA, operator: 'jo' });
    };
    leave();
    const { shopper = '' } = shop.flags()[0] ?? {};
    expect(shop.states()).toContain(`shopper/${shopper}`);
    shop.consents(ANNA, false);
    expect(shop.states()).not.toContain(shopper);
    shop.consents(ANNA);
    leave();
    expect(shop.states()).toContain(shopper);
    expect(shop.erases(ANNA)).toBe(true);
    expect(shop.states()).not.toContain(shopper);
    const before = shop.flags().length;
    shop.pass(2 * HOUR);
    expect(shop.flags()).toHaveLength(before);
  });
});
