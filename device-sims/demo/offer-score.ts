/**
 * Offers judged: what the journal says of consent, offers, redemptions and purchases, against what truly happened. The
 * journal names people by keyed pseudonyms; whose they are follows from the readings that told of consent.
 */
import { z } from 'zod';
import { isScreen } from '../devices/signage-screen.ts';
import type { Ledger, TrueSale } from '../world/ledger.ts';
import type { ShopPlan } from '../world/shop-plan.ts';
import type { JournalEvent } from './score.ts';
import { appsOf, pseudonymsIn } from './traces.ts';

/** What devices said and heard, to be compared. */
export interface SaidOfOffers {
  /** Pseudonyms by the id of the reading that told of their consent. */
  readonly consents: ReadonlyMap<string, string>;
  /** Transactions by the id of the claim that was granted to them. */
  readonly granted: ReadonlyMap<string, string>;
  /** Plays on screens that the hub took. */
  readonly plays: number;
}

export interface OfferEvidence {
  readonly plan: ShopPlan;
  readonly ledger: Ledger;
  readonly said: SaidOfOffers;
  readonly journal: readonly JournalEvent[];
}

export interface OfferScore {
  /** To shoppers. */
  readonly made: number;
  readonly withheld: number;
  readonly withdrawn: number;
  readonly redeemed: number;
  /** Purchases after an offer. */
  readonly attributed: number;
  readonly withoutConsent: number;
  /** Also those on screens. */
  readonly forEmptyShelf: number;
  readonly faults: readonly string[];
}

/** So long a withdrawal may be on its way to the hub, on a busy machine too; the journal's order is judged exactly. */
const ON_THE_WAY_MS = 3_000;

const consentData = z.object({ shopper: z.string(), granted: z.boolean(), readingId: z.string().optional() });
const levelData = z.object({ shelf: z.string(), count: z.number() });
const madeData = z.object({
  ...{ id: z.string(), audience: z.string(), zone: z.string(), gtin: z.string(), shopper: z.string().optional() },
});
const withdrawnData = madeData.pick({ id: true, audience: true });
const soldData = z.object({ transaction: z.string(), shopper: z.string().optional() });
const redeemedData = z.object({
  ...{ claim: z.string(), campaign: z.string(), transaction: z.string() },
  ...{ offer: z.string().optional(), shopper: z.string().optional(), by: z.string() },
});
const attributedData = z.object({
  ...{ campaign: z.string(), transaction: z.string(), gtin: z.string(), quantity: z.number() },
  ...{ shopper: z.string(), arm: z.string() },
});

type Made = z.infer<typeof madeData>;
type Redeemed = z.infer<typeof redeemedData>;
type Attributed = z.infer<typeof attributedData>;

/** What the journal says, read once in order. */
interface Reading {
  readonly people: ReadonlyMap<string, string>;
  /** `app true` and `app false`, in the order of the journal. */
  readonly consents: readonly string[];
  readonly offers: ReadonlyMap<string, Made>;
  readonly withdrawn: ReadonlySet<string>;
  readonly redeemed: readonly Redeemed[];
  readonly attributed: readonly Attributed[];
  /** `transaction gtin` of purchases by somebody who had an offer of that product before. */
  readonly expected: ReadonlySet<string>;
  readonly withheld: number;
  readonly withoutConsent: number;
  readonly forEmptyShelf: number;
}

function read({ plan, ledger, said, journal }: OfferEvidence): Reading {
  const people = new Map<string, string>();
  const granted = new Map<string, boolean>();
  const consents: string[] = [];
  const levels = new Map<string, number>();
  const offers = new Map<string, Made>();
  const withdrawn = new Set<string>();
  const redeemed: Redeemed[] = [];
  const attributed: Attributed[] = [];
  const expected = new Set<string>();
  const sales = new Map(ledger.sales.map((sale) => [sale.transaction, sale]));
  const counts = { withheld: 0, withoutConsent: 0, forEmptyShelf: 0 };

  const isOnShelf = ({ zone, gtin }: Made): boolean =>
    plan.shelves.some((shelf) => shelf.zone === zone && shelf.gtin === gtin && (levels.get(shelf.shelf) ?? 0) > 0);
  const made = (offer: Made): void => {
    if (!isOnShelf(offer)) counts.forEmptyShelf += 1;
    if (offer.audience !== 'shopper') return;
    offers.set(offer.id, offer);
    if (!granted.get(offer.shopper ?? '')) counts.withoutConsent += 1;
  };
  const sold = ({ transaction, shopper }: z.infer<typeof soldData>): void => {
    if (shopper === undefined) return;
    const bought = new Set(sales.get(transaction)?.lines.map(({ gtin }) => gtin));
    for (const { id, gtin, shopper: whose } of offers.values()) {
      if (whose === shopper && bought.has(gtin) && !withdrawn.has(id)) expected.add(`${transaction} ${gtin}`);
    }
  };
  for (const { type, data } of journal) {
    if (type === 'retail.shoppers.consent.v1') {
      const consent = consentData.parse(data);
      const app = said.consents.get(consent.readingId ?? '');
      if (app !== undefined) people.set(consent.shopper, app);
      consents.push(`${app} ${consent.granted}`);
      granted.set(consent.shopper, consent.granted);
    } else if (type === 'retail.shelves.level.v1') {
      const { shelf, count } = levelData.parse(data);
      levels.set(shelf, count);
    } else if (type === 'retail.offers.made.v1') made(madeData.parse(data));
    else if (type === 'retail.offers.withheld.v1') counts.withheld += 1;
    else if (type === 'retail.offers.withdrawn.v1') {
      const { id, audience } = withdrawnData.parse(data);
      if (audience === 'shopper') withdrawn.add(id);
    } else if (type === 'retail.sales.sold.v1') sold(soldData.parse(data));
    else if (type === 'retail.offers.redeemed.v1') redeemed.push(redeemedData.parse(data));
    else if (type === 'retail.offers.attributed.v1') attributed.push(attributedData.parse(data));
  }
  return { people, consents, offers, withdrawn, redeemed, attributed, expected, ...counts };
}

/** Offers that a phone showed though its owner had not consented, or no more. */
function shownWithoutConsent({ offers, consents }: Ledger): number {
  return offers.filter(({ who, at }) => {
    const last = consents.findLast((one) => one.who.number === who.number && one.at <= at);
    return !last || (!last.granted && at - last.at > ON_THE_WAY_MS);
  }).length;
}

/** One sentence for each thing that was redeemed or attributed and not truly bought so. */
function judgePurchases({ ledger, plan }: OfferEvidence, journal: Reading): string[] {
  const faults: string[] = [];
  const sales = new Map<string, TrueSale>(ledger.sales.map((sale) => [sale.transaction, sale]));
  const used = new Set<string>();
  const products = new Map(plan.campaigns.map(({ id, gtin }) => [id, gtin]));
  for (const { transaction, offer, campaign, shopper } of journal.redeemed) {
    const made = offer === undefined ? undefined : journal.offers.get(offer);
    const gtin = made?.gtin ?? products.get(campaign);
    const sale = sales.get(transaction);
    const app = journal.people.get(shopper ?? made?.shopper ?? '');
    if (!sale?.lines.some((line) => line.gtin === gtin) || (app !== undefined && app !== sale.who.app))
      faults.push(`${campaign} was redeemed with ${transaction}, which is no such purchase`);
    if (offer === undefined) continue;
    if (used.has(offer)) faults.push(`an offer of ${campaign} was redeemed twice, the second time with ${transaction}`);
    used.add(offer);
  }
  for (const { transaction, gtin, quantity, shopper, campaign } of journal.attributed) {
    const sale = sales.get(transaction);
    const bought = sale?.lines.find((line) => line.gtin === gtin)?.quantity;
    if (bought !== quantity || journal.people.get(shopper) !== sale?.who.app)
      faults.push(`${campaign} was credited with ${quantity} of ${transaction}, where ${bought ?? 'none'} was bought`);
  }
  return faults;
}

/** Counts for the summary, and what is wrong, one sentence each. */
export function judgeOffers(evidence: OfferEvidence): OfferScore {
  const { ledger, said, plan } = evidence;
  const journal = read(evidence);
  const faults = judgePurchases(evidence, journal);
  const check = (what: string, is: number, want: number): void => {
    if (is !== want) faults.push(`${what}: ${is}, but ${want} expected`);
  };
  const treated = journal.attributed.filter(({ arm }) => arm === 'treated');
  const withoutConsent = Math.max(journal.withoutConsent, shownWithoutConsent(ledger));
  check('offers without consent', withoutConsent, 0);
  check('offers of what was not on the shelf', journal.forEmptyShelf, 0);
  const told = ledger.consents.map(({ who, granted }) => `${who.app} ${granted}`);
  if (journal.consents.join() !== told.join()) faults.push('the journal tells of consent otherwise than it was given');
  check(
    'offers that a phone showed and nobody made',
    ledger.offers.filter(({ offer }) => !journal.offers.has(offer.id)).length,
    0,
  );
  check(
    'coupons granted and not journaled',
    [...said.granted].filter(
      ([claim, transaction]) => !journal.redeemed.some((one) => one.claim === claim && one.transaction === transaction),
    ).length,
    0,
  );
  check(
    'coupons journaled and not granted',
    journal.redeemed.filter(({ claim, by }) => by === 'claim' && !said.granted.has(claim)).length,
    0,
  );
  const credited = new Set(treated.map(({ transaction, gtin }) => `${transaction} ${gtin}`));
  check(
    'purchases after an offer that were not attributed',
    [...journal.expected].filter((one) => !credited.has(one)).length,
    0,
  );
  check('purchases attributed twice', treated.length - credited.size, 0);
  const text = Buffer.from(JSON.stringify(evidence.journal));
  // Whoever opens the page of a screen while this runs plays it, too.
  const isOurs = ({ type, data }: JournalEvent) => type === 'retail.offers.played.v1' && isScreen(data.screen);
  const played = evidence.journal.filter(isOurs).length;
  check('journaled plays on screens', played, said.plays);
  check('pseudonyms in the journal', pseudonymsIn(text, appsOf(ledger)).length, 0);
  const guests = plan.guest === undefined ? [] : [...journal.people].filter(([, app]) => app === plan.guest?.app);
  if (plan.guest && !treated.some(({ shopper }) => guests.some(([keyed]) => keyed === shopper)))
    faults.push('the guest was to buy what is offered, and no such purchase was attributed');
  return {
    ...{ made: journal.offers.size, withheld: journal.withheld, withdrawn: journal.withdrawn.size },
    ...{ redeemed: journal.redeemed.length, attributed: treated.length },
    ...{ withoutConsent, forEmptyShelf: journal.forEmptyShelf, faults },
  };
}
