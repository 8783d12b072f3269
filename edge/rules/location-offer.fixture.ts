/** A shopper, the shop around them and its clocks, for the rule of location offers as pure steps. */
import { expect } from 'vitest';
import { byRank, type Campaign } from '../contracts/campaigns.ts';
import type { EventType } from '../contracts/events.ts';
import type { Arm } from '../contracts/offers.ts';
import type { Facing } from '../contracts/planogram.ts';
import { type LocationOfferState, locationOffer } from './location-offer.ts';
import { armOf } from './offer-moments.ts';
import type { KnownOffer, Use } from './offer-views.ts';
import type { RuleInput } from './rule.ts';
import { EMPTY_TALLY, offersWith, viewsWith } from './views.fixture.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const DWELL = 8 * SECOND;
export const VALID = 15 * MINUTE;
export const ABSENT = 10 * MINUTE;
const START = Date.parse('2026-11-20T09:00:00Z');

export function campaign(id: string, more: Partial<Campaign> = {}): Campaign {
  const days = { from: '2026-11-01', until: '2026-11-30' };
  const rest = {
    zone: 'beverages',
    gtin: 'water',
    text: `buy ${id}`,
    priority: 0,
    attribution: 2 * HOUR,
    coupon: false,
  };
  return { id, ...days, ...rest, ...more };
}

export const facing = (shelf: string, zone: string, gtin: string, more: Partial<Facing> = {}): Facing => ({
  ...{ shelf, zone, gtin, name: `The ${gtin}`, capacity: 24, minimum: 4 },
  ...more,
});

/** A shopper of one group of a campaign. */
export function shopperIn(arm: Arm, one: Campaign): string {
  for (let i = 0; ; i += 1) if (armOf(one, `shopper-${i}`) === arm) return `shopper-${i}`;
}

/** Each action is one step of the rule, wakes run when they are due. */
export class Visit {
  readonly rule = locationOffer({
    ...{ dwell: DWELL, valid: VALID, absent_after: ABSENT },
    ...{ identities_per_device: 200, works_here: 4 * HOUR },
  });
  readonly #shopper: string;
  state: LocationOfferState = this.rule.initial;
  elapsed = 1_000_000;
  /** The wall clock's lead over the elapsed one. */
  wallAhead = START - 1_000_000;
  wakeAt: number | undefined;
  hasConsent = true;
  seen: number | undefined;
  campaigns: Campaign[];
  planogram = [
    facing('A1', 'beverages', 'water'),
    facing('A2', 'beverages', 'juice'),
    facing('B1', 'household', 'soap'),
  ];
  readonly levels = new Map<string, number>([['A1', 5]]);
  readonly offers: KnownOffer[] = [];
  readonly uses: Use[] = [];
  readonly made = new Map<string, number>();
  readonly none: string[] = [];
  /** Of each moment, whether the shopper was new to the campaign. */
  readonly firsts: unknown[] = [];
  #events = 0;
  #ids = 0;
  readonly #views = viewsWith({
    zones: ['beverages', 'household'],
    facing: (shelf) => this.planogram.find((one) => one.shelf === shelf),
    shelvesOf: (zone, gtin) => this.planogram.filter((one) => one.zone === zone && one.gtin === gtin),
    onShelf: (zone, gtin) =>
      this.planogram
        .filter((one) => one.zone === zone && one.gtin === gtin)
        .reduce((sum, { shelf }) => sum + (this.levels.get(shelf) ?? 0), 0),
    runs: ({ from, until }, wall) => {
      const day = new Date(wall).toISOString().slice(0, 10);
      return from <= day && day <= until;
    },
    nextDay: (wall) => (Math.floor(wall / DAY) + 1) * DAY,
    consented: () => this.hasConsent,
    sighted: () => this.seen,
    offers: offersWith({
      get: (id) => this.offers.find((offer) => offer.id === id),
      openOf: () => this.open(),
      holdersOf: (zone, gtin) =>
        this.open().some((one) => one.zone === zone && one.gtin === gtin) ? [this.#shopper] : [],
      holdersIn: (id) => (this.open().some((one) => one.campaign === id) ? [this.#shopper] : []),
      usesOf: ({ transaction }) => this.uses.filter((use) => use.transaction === transaction),
      redemptionsOf: (id) => this.uses.filter((use) => use.what === 'redeemed' && use.offer === id && !use.reversed),
      attributedTo: (_, id) =>
        this.uses.filter((use) => use.what === 'attributed' && use.campaign === id && !use.reversed),
      tally: (id) => ({
        ...EMPTY_TALLY,
        made: this.made.get(id) ?? 0,
        redeemed: this.uses.filter((use) => use.what === 'redeemed' && use.campaign === id && !use.reversed).length,
      }),
    }),
    newId: () => {
      this.#ids += 1;
      return `id-${this.#ids}`;
    },
  });

  constructor(campaigns: readonly Campaign[] = [campaign('soda')], shopper = 'shopper') {
    this.#shopper = shopper;
    this.campaigns = [...campaigns].sort(byRank);
  }

  open(): KnownOffer[] {
    return this.offers.filter((offer) => offer.state === 'open' && offer.expiresElapsed > this.elapsed);
  }

  /** What was decided, in short: `made soda`, `withdrawn soda no-stock`. */
  enter(zone = 'beverages'): string[] {
    return this.#event('retail.shoppers.present.v1', this.#shopper, { zone, shopper: this.#shopper, present: true });
  }

  leave(zone = 'beverages'): string[] {
    return this.#event('retail.shoppers.present.v1', this.#shopper, { zone, shopper: this.#shopper, present: false });
  }

  /** Enters, stays for as long as it takes, and leaves. */
  stay(zone = 'beverages'): string[] {
    const decided = [...this.enter(zone), ...this.pass(DWELL), ...this.leave(zone)];
    this.elapsed += 1;
    return decided;
  }

  consent(granted: boolean): string[] {
    this.hasConsent = granted;
    return this.#event('retail.shoppers.consent.v1', this.#shopper, { granted, shopper: this.#shopper });
  }

  level(shelf: string, count: number): string[] {
    this.levels.set(shelf, count);
    const gtin = this.planogram.find((one) => one.shelf === shelf)?.gtin;
    return this.#event('retail.shelves.level.v1', shelf, { shelf, gtin, count });
  }

  configure(id: string): string[] {
    return this.#event('local.campaigns.changed.v1', id, { campaign: id, zones: [] });
  }

  planogramChanged(shelf: string, was: { zone: string; gtin: string }): string[] {
    return this.#event('local.planogram.changed.v1', shelf, { shelf, was });
  }

  buy(transaction: string, ...lines: [gtin: string, quantity: number | string, kind?: string][]): string[] {
    return this.#event('retail.sales.sold.v1', `till-1/${transaction}`, {
      ...{ till: 'till-1', transaction, business_day: '2026-11-20', shopper: this.#shopper },
      lines: lines.map(([gtin, quantity, kind = 'sale']) => ({ gtin, quantity, kind })),
    });
  }

  /** A refund undid the redemption of an offer, which opens it again. */
  reverse(offer: string): string[] {
    this.#change(offer, 'open');
    const data = { what: 'redeemed', offer, shopper: this.#shopper };
    return this.#event('retail.offers.reversed.v1', 'soda', data);
  }

  /** A refund undid what was attributed to a receipt; after a withdrawal the event names nobody. */
  giveBack(transaction: string, last = true): string[] {
    const index = this.uses.findIndex((use) => use.what === 'attributed' && use.transaction === transaction);
    const use = this.uses[index];
    if (!use) throw new Error(`nothing is attributed to ${transaction}`);
    this.uses[index] = { ...use, reversed: true };
    const { claim, what, campaign: id, arm, till, business_day } = use;
    const about = { claim, what, campaign: id, arm, last, till, transaction, business_day };
    const shopper = this.hasConsent ? { shopper: this.#shopper } : {};
    return this.#event('retail.offers.reversed.v1', id, { ...about, ...shopper });
  }

  /** The till redeemed an offer. */
  redeem(offer: string): void {
    this.#change(offer, 'redeemed');
  }

  history(type: EventType, data: Record<string, unknown>): unknown {
    return this.rule.keyOf(this.#input(type, this.#shopper, data, true), this.#views);
  }

  pass(ms: number): string[] {
    const until = this.elapsed + ms;
    const decided: string[] = [];
    while (this.wakeAt !== undefined && this.wakeAt <= until) {
      this.elapsed = Math.max(this.elapsed, this.wakeAt);
      this.wakeAt = undefined;
      decided.push(...this.#step({ wake: true }));
      expect(this.wakeAt ?? Number.POSITIVE_INFINITY).toBeGreaterThan(this.elapsed);
    }
    this.elapsed = until;
    return decided;
  }

  #event(type: EventType, subject: string, data: Record<string, unknown>): string[] {
    const input = this.#input(type, subject, data, false);
    const keys = [this.rule.keyOf(input, this.#views) ?? []].flat();
    return keys.flatMap(() => this.#step(input));
  }

  #input(type: EventType, subject: string, data: Record<string, unknown>, history: boolean) {
    this.#events += 1;
    return { id: `event-${this.#events}`, type, source: 'device', subject, history, data };
  }

  #step(input: RuleInput): string[] {
    const campaignsIn = (zone: string) => this.campaigns.filter((one) => one.zone === zone);
    const views = { ...this.#views, campaigns: this.campaigns, campaignsIn };
    const now = { elapsed: this.elapsed, wall: this.elapsed + this.wallAhead };
    const { state, decisions, wakeAt, noOffer } = this.rule.step(this.state, input, views, now, this.#shopper);
    this.state = JSON.parse(JSON.stringify(state));
    this.wakeAt = wakeAt;
    if (noOffer) this.none.push(`${noOffer.reason} ${noOffer.campaign}`.trim());
    return decisions.map(({ type, data }) => {
      this.#book(type, data as never);
      if (data.first !== undefined && type !== 'retail.offers.attributed.v1') this.firsts.push(data.first);
      const [, , kind] = type.split('.');
      return [kind, data.campaign, data.reason ?? data.arm].filter((part) => part !== undefined).join(' ');
    });
  }

  #book(type: EventType, data: KnownOffer & Use & { gtin: string }): void {
    if (type === 'retail.offers.made.v1') {
      const expiresElapsed = this.elapsed + Date.parse(data.expires) - this.elapsed - this.wallAhead;
      this.offers.push({ ...data, expiresElapsed, state: 'open' });
      this.made.set(data.campaign, (this.made.get(data.campaign) ?? 0) + 1);
    }
    if (type === 'retail.offers.withdrawn.v1') this.#change(data.id, 'withdrawn');
    if (type === 'retail.offers.redeemed.v1' || type === 'retail.offers.attributed.v1') {
      const what = type === 'retail.offers.redeemed.v1' ? 'redeemed' : 'attributed';
      this.uses.push({ ...data, what, reversed: false });
      if (what === 'redeemed' && data.offer !== undefined) this.#change(data.offer, 'redeemed');
    }
  }

  #change(id: string, state: KnownOffer['state']): void {
    const index = this.offers.findIndex((offer) => offer.id === id);
    const offer = this.offers[index];
    if (offer) this.offers[index] = { ...offer, state };
  }
}
