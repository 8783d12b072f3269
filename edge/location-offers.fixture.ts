/** A shop with two zones, shoppers and offers: a writer whose clock, shelves and people are in the test's hand. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import type { Campaign } from './contracts/campaigns.ts';
import { eventId } from './contracts/ids.ts';
import type { Delivery } from './contracts/intake.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Reply, Request } from './crossing.ts';
import { JournalReader } from './journal/reader.ts';
import type { LocationOfferOptions } from './rules/location-offer.ts';
import {
  batchOf,
  Clocks,
  delivery,
  LOCATION_OFFER,
  reading,
  temporaryFolder,
  WATER,
  writerOptions,
} from './writer.fixture.ts';
import { Writer } from './writer.ts';

export const JUICE: Facing = { ...WATER, shelf: 'A1-4', gtin: '04012345678901', name: 'Apple juice 1 l' };
export const SOAP: Facing = { ...WATER, shelf: 'B2-1', zone: 'household', gtin: '09528765432108', name: 'Soap' };
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function campaign(id: string, more: Partial<Campaign> = {}): Campaign {
  return {
    ...{ id, zone: 'beverages', gtin: WATER.gtin, text: `10 % off: ${id}`, from: '2026-11-01', until: '2026-12-31' },
    ...{ priority: 0, attribution: 2 * HOUR, coupon: false },
    ...more,
  };
}

/** What went out to a shopper: an offer, or that it is taken back. */
export interface Sent {
  readonly topic: string;
  readonly id: string;
  readonly campaign: string;
  readonly gtin: string;
  readonly text: string;
  readonly expires: string;
  readonly code?: string;
  readonly withdrawn?: string;
  readonly events: readonly string[];
}

export interface Journaled {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly subject: string;
  /** Epoch ms. */
  readonly received: number;
  readonly data: Record<string, unknown>;
}

export interface ShopOptions {
  readonly planogram?: readonly Facing[];
  readonly campaigns?: readonly Campaign[];
  readonly rule?: Partial<LocationOfferOptions>;
  readonly timezone?: string;
  /** Bytes. */
  readonly diskBudget?: number;
}

export class OfferShop {
  readonly clocks = new Clocks();
  readonly folder = temporaryFolder();
  /** Everything that went out to shoppers since the start. */
  readonly sent: Sent[] = [];
  /** Whether what goes out is confirmed. */
  confirms = true;
  #options: ShopOptions;
  #writer: Writer;
  #reader: JournalReader | undefined;
  #transactions = 0;

  constructor(options: ShopOptions = {}) {
    this.#options = options;
    this.#writer = this.#open();
  }

  /** Stopped and started again after `down` ms, with another configuration where one is given. */
  restart(change: ShopOptions = {}, down = 0): void {
    this.#options = { ...this.#options, ...change };
    this.close();
    this.clocks.pass(down);
    this.#writer = this.#open();
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#writer.close();
  }

  /** Hands over what was sent, and confirms it. */
  hand(deliveries: readonly Delivery[], requests: readonly Request[] = []): Reply {
    const reply = this.#writer.process(batchOf(deliveries, requests));
    this.#take(reply.out);
    if (reply.figures.quarantined.length > 0) throw new Error(JSON.stringify(reply.figures.quarantined));
    return reply;
  }

  /** Time passes; what is due runs when it is due, never late by more than a millisecond. */
  pass(ms: number): void {
    for (let left = ms; left > 0; ) {
      const rest = Math.min(left, Math.max(1, Math.ceil(this.#writer.restMs())));
      this.clocks.pass(rest);
      left -= rest;
      this.hand([]);
    }
  }

  consentOf(shopper: string, granted = true): Delivery {
    const more = { shopper };
    return delivery(this.clocks, 'consent', 'app', reading('app', { granted, scope: 'offers' }, more));
  }

  presenceOf(shopper: string, zone: string, present = true, time?: number): Delivery {
    return delivery(this.clocks, 'presence', `${zone}-gate`, reading(zone, { zone, present }, { shopper, time }));
  }

  levelOf(facing: Facing, count: number): Delivery {
    const { shelf, gtin } = facing;
    return delivery(this.clocks, 'shelf', `sensor-${shelf}`, reading(shelf, { shelf, gtin, count }));
  }

  saleOf(
    shopper: string | undefined,
    ...lines: readonly [gtin: string, quantity: number | string, kind?: string][]
  ): Delivery {
    this.#transactions += 1;
    const transaction = String(this.#transactions);
    const price = { amount: 129, currency: 'EUR' };
    const body = {
      ...{ till: 'till-1', transaction, business_day: '2026-11-20' },
      lines: lines.map(([gtin, quantity, kind = 'sale']) => ({ gtin, quantity, uom: 'EA', price, kind })),
    };
    const subject = `till-1/${transaction}`;
    return delivery(this.clocks, 'sale', 'till-1', reading(subject, body, shopper === undefined ? {} : { shopper }));
  }

  consent(shopper: string, granted = true): void {
    this.hand([this.consentOf(shopper, granted)]);
  }

  enter(shopper: string, zone: string): void {
    this.hand([this.presenceOf(shopper, zone)]);
  }

  leave(shopper: string, zone: string): void {
    this.hand([this.presenceOf(shopper, zone, false)]);
  }

  level(facing: Facing, count: number): void {
    this.hand([this.levelOf(facing, count)]);
  }

  buy(shopper: string | undefined, ...lines: Parameters<OfferShop['saleOf']>[1][]): void {
    this.hand([this.saleOf(shopper, ...lines)]);
  }

  /** Comes into the zone, stays until the offer is decided, and leaves. */
  visit(shopper: string, zone = 'beverages'): void {
    this.enter(shopper, zone);
    this.pass(LOCATION_OFFER.dwell);
    this.leave(shopper, zone);
  }

  /** Journaled events of some types (by their beginning), in order from a sequence on, without what screens show. */
  events(type = '', from = 1): Journaled[] {
    this.#reader ??= JournalReader.open(this.folder);
    const { hub } = this.#reader;
    const found: Journaled[] = [];
    for (let next = from; ; ) {
      const rows = this.#reader.page({ from: next, limit: 2000 });
      for (const { sequence, incarnation, type: of, subject, received, data } of rows) {
        next = sequence + 1;
        if (!of.startsWith(type) || data.includes('"audience":"zone"')) continue;
        const id = eventId(hub, incarnation, sequence);
        found.push({ id, sequence, type: of, subject, received, data: JSON.parse(data) });
      }
      if (rows.length === 0) return found;
    }
  }

  /** What was decided about offers to shoppers: its kind and the campaign. */
  decided(): string[] {
    return this.events('retail.offers.').flatMap(({ type, data }) => {
      const [, , kind = ''] = type.split('.');
      if (kind === 'effect' || kind === 'flagged') return [];
      return [kind, data.campaign, data.reason].filter((part) => part !== undefined).join(' ');
    });
  }

  /** Moments without an offer: reason and campaign -> count. */
  none(): Record<string, number> {
    this.pass(MINUTE);
    const rows = this.rows('SELECT campaign, reason, sum(count) AS count FROM no_offers GROUP BY 1, 2');
    return Object.fromEntries(
      rows.map(({ campaign, reason, count }) => [`${reason} ${campaign}`.trim(), Number(count)]),
    );
  }

  states(): string[] {
    return this.rows("SELECT state FROM rule_states WHERE rule = 'location-offer'").map(({ state }) => String(state));
  }

  rows(sql: string): Record<string, unknown>[] {
    const db = new SQLite(join(this.folder, 'journal.db'), { readonly: true });
    try {
      return db.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      db.close();
    }
  }

  #open(): Writer {
    const {
      planogram = [WATER, JUICE, SOAP],
      campaigns = [campaign('soda')],
      rule,
      timezone,
      diskBudget,
    } = this.#options;
    const { rules } = writerOptions(this.folder);
    const writer = new Writer(
      writerOptions(this.folder, {
        ...{ planogram, campaigns, rules: { ...rules, location_offer: { ...LOCATION_OFFER, ...rule } } },
        ...(timezone !== undefined && { timezone }),
        ...(diskBudget !== undefined && { diskBudget }),
      }),
      this.clocks,
    );
    this.#writer = writer;
    this.#take(writer.leftovers().out);
    return writer;
  }

  #take(out: Reply['out']): void {
    const mine = out.filter(({ topic }) => topic.startsWith('out/offers/shopper/'));
    if (mine.length === 0) return;
    for (const { topic, payload } of mine) this.sent.push({ topic, ...JSON.parse(payload) });
    if (!this.confirms) return;
    const ids = mine.map(({ id }) => id);
    // What is due runs with it, and may send more.
    this.#take(this.#writer.process(batchOf([], [{ op: 'delivered', ids }])).out);
  }
}
