/**
 * For tests: a shop in which the truth is known. Shoppers walk through many zones, each with a campaign of its own; who
 * has a message on the phone buys with one probability, who has none with another. Everything goes through a real
 * writer: consent, sightings, dwell, sales and refunds; who is held out, its rules decide by themselves.
 */
import type { Campaign } from './contracts/campaigns.ts';
import type { Delivery } from './contracts/intake.ts';
import type { Facing } from './contracts/planogram.ts';
import { campaign, MINUTE, OfferShop } from './location-offers.fixture.ts';
import { delivery, LOCATION_OFFER, reading, WATER } from './writer.fixture.ts';

/** Probability to buy with the offer and without, and the share that is held out. */
export interface Truth {
  readonly treated: number;
  readonly heldOut: number;
  readonly holdout: number;
}

/** What truly happened in one campaign: shoppers, and those who kept what they bought. */
export interface Ledger {
  readonly treated: { shoppers: number; buyers: number };
  readonly holdout: { shoppers: number; buyers: number };
}

export interface StreetOptions {
  readonly truths: readonly Truth[];
  /** A multiple of the number of truths; each comes to `rounds` campaigns. */
  readonly shoppers: number;
  readonly rounds: number;
  readonly random: () => number;
}

const ATTRIBUTION = 10 * MINUTE;
const BATCH = 500;
const OTHER_PRODUCT = '09999999999994';

/** One shopper in one campaign: which sales, and what becomes of them. */
interface Visit {
  readonly shopper: string;
  readonly place: number;
  readonly comesBack: boolean;
  plan: 'buys' | 'buys later' | 'buys twice' | 'gives back' | 'too late' | 'something else' | 'nothing';
  receipt?: string;
}

export class Street {
  readonly shop: OfferShop;
  readonly campaigns: readonly Campaign[];
  readonly ledgers: readonly Ledger[];
  readonly #options: StreetOptions;
  readonly #facings: readonly Facing[];
  #receipts = 0;
  #read = 0;

  constructor(options: StreetOptions) {
    this.#options = options;
    this.#facings = options.truths.map((_, place) => ({
      ...WATER,
      ...{ shelf: `S-${place}`, zone: `zone-${place}`, gtin: String(place).padStart(14, '0') },
    }));
    this.campaigns = this.#facings.map(({ zone, gtin }, place) =>
      campaign(`campaign-${place}`, {
        ...{ zone, gtin, valid: MINUTE, attribution: ATTRIBUTION },
        holdout: options.truths[place]?.holdout,
      }),
    );
    this.ledgers = options.truths.map(() => ({
      treated: { shoppers: 0, buyers: 0 },
      holdout: { shoppers: 0, buyers: 0 },
    }));
    this.shop = new OfferShop({ planogram: this.#facings, campaigns: this.campaigns });
  }

  /** Everybody goes everywhere they go. */
  walk(): void {
    const { shoppers, rounds, truths, random } = this.#options;
    const names = Array.from({ length: shoppers }, (_, index) => `shopper-number-${index}`);
    const strangers = Array.from({ length: Math.ceil(shoppers / 50) }, (_, index) => `stranger-number-${index}`);
    this.#hand(this.#facings.map((facing) => this.shop.levelOf(facing, 24)));
    this.#hand(names.map((name) => this.shop.consentOf(name)));
    const stride = Math.floor(truths.length / rounds);
    for (let round = 0; round < rounds; round += 1) {
      if (round === Math.floor(rounds / 2)) {
        this.shop.restart();
        // Some think better of it: from now on they are strangers.
        const gone = names.splice(0, Math.ceil(names.length / 100));
        this.#hand(gone.map((name) => this.shop.consentOf(name, false)));
        strangers.push(...gone);
      }
      const placeOf = (name: string): number => (Number(name.split('-')[2]) + round * stride) % truths.length;
      const visits = names.map(
        (shopper): Visit => ({ shopper, place: placeOf(shopper), comesBack: random() < 0.2, plan: 'nothing' }),
      );
      this.#round(visits, strangers, placeOf);
    }
    this.#wait(61 * MINUTE);
  }

  #round(visits: readonly Visit[], strangers: readonly string[], placeOf: (name: string) => number): void {
    const { shop } = this;
    this.#hand(strangers.map((name) => shop.presenceOf(name, this.#zone(placeOf(name)))));
    this.#enter(visits);
    const treated = this.#messages();
    for (const visit of visits) this.#judge(visit, treated.has(`${visit.shopper} ${this.campaigns[visit.place]?.id}`));
    this.#hand(
      strangers.map((name) => this.#sale(name, this.#gtin(placeOf(name)))),
      strangers.map(() => this.#sale(undefined, this.#gtin(0))),
    );
    this.#buy(visits, 'buys', 'buys twice', 'gives back');
    this.#hand(
      visits.filter(({ plan }) => plan === 'something else').map((one) => this.#sale(one.shopper, OTHER_PRODUCT)),
    );
    this.#hand(
      visits.filter((one) => one.comesBack).map((one) => shop.presenceOf(one.shopper, this.#zone(one.place), false)),
    );
    this.#wait(2 * MINUTE);
    this.#enter(visits.filter((one) => one.comesBack));
    this.#messages();
    // Of what was bought twice one is given back: the other stands.
    const twice = visits.filter(({ plan }) => plan === 'buys twice').map((one) => one.receipt);
    this.#buy(visits, 'buys later', 'buys twice');
    const back = visits.filter(({ plan }) => plan === 'gives back');
    this.#hand(
      back.map((one) => this.#sale(one.shopper, this.#gtin(one.place), one.receipt)),
      visits
        .filter(({ plan }) => plan === 'buys twice')
        .map((one, index) => this.#sale(one.shopper, this.#gtin(one.place), twice[index])),
    );
    this.#wait(ATTRIBUTION + MINUTE);
    this.#buy(visits, 'too late');
  }

  /** Comes into the zone and stays until the offer is decided. */
  #enter(visits: readonly Visit[]): void {
    this.#hand(visits.map((one) => this.shop.presenceOf(one.shopper, this.#zone(one.place))));
    this.shop.pass(LOCATION_OFFER.dwell + 1000);
  }

  /** Nothing that is due meanwhile has to be in time: the housekeeping of many minutes is done at once. */
  #wait(ms: number): void {
    this.shop.clocks.pass(ms - 10);
    this.shop.pass(10);
  }

  /** `<pseudonym> <campaign>` of the messages that came since it was last asked. */
  #messages(): Set<string> {
    const { sent } = this.shop;
    const fresh = sent.slice(this.#read).filter(({ withdrawn }) => withdrawn === undefined);
    this.#read = sent.length;
    return new Set(fresh.map((one) => `${one.topic.split('/')[3]} ${one.campaign}`));
  }

  /** What a shopper will do, by what came on the phone; the ledger keeps what it comes to. */
  #judge(visit: Visit, hasMessage: boolean): void {
    const { random, truths } = this.#options;
    const truth = truths[visit.place];
    const ledger = this.ledgers[visit.place]?.[hasMessage ? 'treated' : 'holdout'];
    if (!truth || !ledger) throw new Error(`there is no place ${visit.place}`);
    ledger.shoppers += 1;
    if (random() < (hasMessage ? truth.treated : truth.heldOut)) {
      ledger.buyers += 1;
      const later = visit.comesBack && random() < 0.5;
      visit.plan = later ? 'buys later' : random() < 0.2 ? 'buys twice' : 'buys';
      return;
    }
    const fate = random();
    visit.plan = fate < 0.1 ? 'gives back' : fate < 0.2 ? 'too late' : fate < 0.3 ? 'something else' : 'nothing';
  }

  #buy(visits: readonly Visit[], ...plans: readonly Visit['plan'][]): void {
    const buying = visits.filter(({ plan }) => plans.includes(plan));
    this.#hand(
      buying.map((visit) => {
        const sale = this.#sale(visit.shopper, this.#gtin(visit.place));
        visit.receipt = String(this.#receipts);
        return sale;
      }),
    );
  }

  /** With `original` it comes back. */
  #sale(shopper: string | undefined, gtin: string, original?: string): Delivery {
    this.#receipts += 1;
    const receipt = { till: 'till-1', business_day: '2026-11-20' };
    const transaction = String(this.#receipts);
    const body = {
      ...receipt,
      transaction,
      lines: [{ gtin, quantity: 1, uom: 'EA', kind: original === undefined ? 'sale' : 'return' }],
      ...(original !== undefined && { original: { ...receipt, transaction: original } }),
    };
    const more = shopper === undefined ? {} : { shopper };
    return delivery(this.shop.clocks, 'sale', 'till-1', reading(`till-1/${transaction}`, body, more));
  }

  #hand(...lists: readonly (readonly Delivery[])[]): void {
    const all = lists.flat();
    for (let at = 0; at < all.length; at += BATCH) this.shop.hand(all.slice(at, at + BATCH));
  }

  #zone(place: number): string {
    return this.#facings[place]?.zone ?? '';
  }

  #gtin(place: number): string {
    return this.#facings[place]?.gtin ?? '';
  }
}

/** Mulberry32: numbers from 0 to 1 that a seed repeats. */
export function randomBy(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
