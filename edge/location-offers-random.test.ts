import { expect, it } from 'vitest';
import { type Random, seeded } from '../device-sims/sim/random.ts';
import type { Delivery } from './contracts/intake.ts';
import { campaign, HOUR, type Journaled, JUICE, MINUTE, OfferShop, SOAP } from './location-offers.fixture.ts';
import { LOCATION_OFFER, WATER } from './writer.fixture.ts';

const STEPS = 2000;
/** Another one is another shop. */
const SEED = Number(process.env.SEED ?? 1);
const SHOPPERS = ['anna', 'ben', 'cleo', 'dan', 'eva', 'finn'].map((name) => `loyalty-card-${name}`);
const ZONES = ['beverages', 'household'];
const PLANOGRAM = [{ ...WATER, substitute: JUICE.gtin }, JUICE, SOAP];
const CAMPAIGNS = [
  campaign('soda', { priority: 3, per_shopper: { offers: 1, within: 20 * MINUTE }, valid: 5 * MINUTE }),
  campaign('juice', { priority: 2, gtin: JUICE.gtin, budget: 60, quantity: 15, valid: MINUTE }),
  campaign('water', { priority: 1, exclude: ['clean'], per_shopper: { offers: 3, within: HOUR }, valid: MINUTE }),
  campaign('clean', { zone: 'household', gtin: SOAP.gtin, holdout: 0.4, valid: 2 * MINUTE }),
];

interface Open {
  readonly zone: string;
  readonly gtin: string;
  readonly expires: number;
}

/** What somebody knows of a shopper who only read the journal from its beginning. */
class Shopper {
  consents = false;
  zone: string | undefined;
  since = 0;
  decided = 0;
  open = new Map<string, Open>();
  /** What was withdrawn because the product ran out: whoever took the last one still gets it. */
  ranOut = new Map<string, Open>();
  /** Campaign -> moments, epoch ms; a withdrawal of consent does not undo them. */
  moments = new Map<string, number[]>();
}

/** Reads the journal event by event, and says what is wrong with a decision. */
class Oracle {
  readonly faults: string[] = [];
  readonly counts = { made: 0, moved: 0, withheld: 0, withdrawn: 0, redeemed: 0, attributed: 0 };
  readonly withdrawn = new Set<string>();
  readonly #shoppers = new Map<string, Shopper>();
  readonly #levels = new Map<string, number>();
  readonly #made = new Map<string, number>();
  readonly #redeemed = new Map<string, number>();

  read(events: readonly Journaled[]): void {
    for (const event of events) this.#event(event);
  }

  of(shopper: unknown): Shopper {
    const known = this.#shoppers.get(String(shopper)) ?? new Shopper();
    this.#shoppers.set(String(shopper), known);
    return known;
  }

  #event({ id, type, received, data }: Journaled): void {
    const wrong = (what: string): void => {
      this.faults.push(`${id} ${type}: ${what}`);
    };
    const shopper = this.of(data.shopper);
    const [campaign, offer] = [String(data.campaign), String(data.offer ?? data.id)];
    const open = shopper.open.get(offer);
    switch (type) {
      case 'retail.shelves.level.v1':
        this.#levels.set(String(data.shelf), Number(data.count));
        return;
      case 'retail.shoppers.consent.v1':
        shopper.consents = data.granted === true;
        shopper.zone = undefined;
        return;
      case 'retail.shoppers.present.v1':
        if (!shopper.consents) wrong('without consent');
        shopper.zone = data.present ? String(data.zone) : undefined;
        shopper.since = received;
        shopper.decided = 0;
        return;
      case 'retail.offers.made.v1':
      case 'retail.offers.withheld.v1': {
        if (!shopper.consents) wrong('without consent');
        if (data.replaces !== undefined) this.counts.moved += 1;
        else this.#moment(shopper, campaign, received, wrong);
        if (data.zone !== shopper.zone && data.replaces === undefined) wrong('somewhere else');
        if (type === 'retail.offers.withheld.v1') {
          this.counts.withheld += 1;
          return;
        }
        this.counts.made += 1;
        if (!this.#isOnShelf(String(data.zone), String(data.gtin))) wrong('for an empty shelf');
        const { budget = Number.POSITIVE_INFINITY } = CAMPAIGNS.find((one) => one.id === campaign) ?? {};
        this.#made.set(campaign, (this.#made.get(campaign) ?? 0) + 1);
        if ((this.#made.get(campaign) ?? 0) > budget) wrong('over the budget');
        for (const { expires } of shopper.open.values()) if (expires > received) wrong('while another is open');
        const expires = Date.parse(String(data.expires));
        shopper.open.set(offer, { zone: String(data.zone), gtin: String(data.gtin), expires });
        return;
      }
      case 'retail.offers.withdrawn.v1':
        this.counts.withdrawn += 1;
        this.withdrawn.add(offer);
        if (data.reason === 'no-stock' && open) shopper.ranOut.set(offer, open);
        if (!shopper.open.delete(offer)) wrong('of an offer that was not open');
        return;
      case 'retail.offers.redeemed.v1': {
        this.counts.redeemed += 1;
        if (!shopper.consents) wrong('without consent');
        if (((open ?? shopper.ranOut.get(offer))?.expires ?? 0) <= received) wrong('of an offer that did not stand');
        shopper.open.delete(offer);
        shopper.ranOut.delete(offer);
        const { quantity = Number.POSITIVE_INFINITY } = CAMPAIGNS.find((one) => one.id === campaign) ?? {};
        this.#redeemed.set(campaign, (this.#redeemed.get(campaign) ?? 0) + 1);
        if ((this.#redeemed.get(campaign) ?? 0) > quantity) wrong('over the quantity');
        return;
      }
      case 'retail.offers.attributed.v1':
        this.counts.attributed += 1;
        if (!shopper.moments.has(campaign)) wrong('without an offer');
        return;
    }
  }

  #moment(shopper: Shopper, id: string, at: number, wrong: (what: string) => void): void {
    const { per_shopper, exclude = [] } = CAMPAIGNS.find((one) => one.id === id) ?? {};
    const before = shopper.moments.get(id) ?? [];
    if (per_shopper && before.filter((one) => at - one < per_shopper.within).length >= per_shopper.offers)
      wrong('over the cap');
    if (exclude.some((other) => shopper.moments.has(other))) wrong('though excluded');
    if (at - shopper.since < LOCATION_OFFER.dwell) wrong('before dwell was over');
    shopper.decided += 1;
    if (shopper.decided > 1) wrong('twice in one stay');
    shopper.moments.set(id, [...before, at]);
  }

  #isOnShelf(zone: string, gtin: string): boolean {
    return PLANOGRAM.some(
      (facing) => facing.zone === zone && facing.gtin === gtin && (this.#levels.get(facing.shelf) ?? 0) > 0,
    );
  }

  /** Between two batches nothing may be open that should not be. */
  look(now: number): void {
    for (const [shopper, { consents, open }] of this.#shoppers) {
      for (const [offer, { zone, gtin, expires }] of open) {
        if (expires <= now) continue;
        if (!consents) this.faults.push(`${offer} of ${shopper} is open without consent`);
        if (!this.#isOnShelf(zone, gtin)) this.faults.push(`${offer} of ${shopper} is open for an empty shelf`);
      }
    }
  }
}

function randomDelivery(shop: OfferShop, random: Random): Delivery {
  const any = <T>(from: readonly T[]): T => random.pick(from, () => 1);
  const shopper = any(SHOPPERS);
  const facing = any(PLANOGRAM);
  const kinds = { enter: 8, leave: 2, consent: 1.5, withdraw: 0.7, empty: 1, fill: 2, buy: 2 } as const;
  switch (random.pick(Object.keys(kinds) as (keyof typeof kinds)[], (kind) => kinds[kind])) {
    case 'enter':
      return shop.presenceOf(shopper, any(ZONES));
    case 'leave':
      return shop.presenceOf(shopper, any(ZONES), false);
    case 'consent':
      return shop.consentOf(shopper);
    case 'withdraw':
      return shop.consentOf(shopper, false);
    case 'empty':
      return shop.levelOf(facing, 0);
    case 'fill':
      return shop.levelOf(facing, random.whole(1, 20));
    case 'buy':
      return shop.saleOf(shopper, [facing.gtin, random.whole(1, 3)]);
  }
}

/** Time that passes: often short of dwell or just that, sometimes long enough for everything to end. */
function randomTime(random: Random): number {
  const { dwell, absent_after } = LOCATION_OFFER;
  const ms = random.pick([0, 1000, dwell, dwell + 500, MINUTE, absent_after, HOUR], (time) =>
    time > MINUTE ? 0.3 : 2,
  );
  return random.chance(0.3) ? random.whole(0, ms) : ms;
}

it('random days hold every promise: consent, stock, dwell, caps, budget, one at a time', { timeout: 240_000 }, () => {
  const random = seeded(SEED);
  const shop = new OfferShop({ planogram: PLANOGRAM, campaigns: CAMPAIGNS });
  const oracle = new Oracle();
  let next = 1;
  const look = (): void => {
    const events = shop.events('', next);
    next = (events.at(-1)?.sequence ?? next - 1) + 1;
    oracle.read(events);
    oracle.look(shop.clocks.wallMs);
    expect(oracle.faults).toEqual([]);
  };
  for (let step = 0; step < STEPS; step += 1) {
    // Either what is due runs when it is due, or late, in the batch of what comes next.
    const ms = randomTime(random);
    if (ms > MINUTE || random.chance(0.3)) shop.clocks.pass(ms);
    else shop.pass(ms);
    if (random.chance(0.02)) shop.restart({}, random.chance(0.5) ? randomTime(random) : 0);
    const before = shop.sent.length;
    shop.hand(Array.from({ length: random.whole(1, 4) }, () => randomDelivery(shop, random)));
    look();
    const went = shop.sent.slice(before).filter(({ withdrawn }) => withdrawn === undefined);
    expect(went.filter(({ id }) => oracle.withdrawn.has(id))).toEqual([]);
  }
  const { counts } = oracle;
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(10);
  shop.close();
});
