/**
 * Offers judged: what went to phones, against what their owners said at the kiosk; and what the journal says of offers
 * and purchases, against what truly was bought.
 */
import { z } from 'zod';
import type { Campaign } from './campaigns.ts';
import type { JournalEvent } from './score.ts';
import type { ShownOffer } from './shoppers-app.ts';

/** A sale as it truly was. */
export interface TrueBasket {
  readonly till: string;
  readonly transaction: string;
  /** Name of the phone's beacon, of who showed a card. */
  readonly shopper: string | undefined;
  /** GTIN -> items. */
  readonly items: ReadonlyMap<string, number>;
}

export interface OfferEvidence {
  readonly campaigns: readonly Campaign[];
  /** Name of the phone's beacon -> what its owner said. */
  readonly answers: ReadonlyMap<string, boolean>;
  readonly shown: readonly ShownOffer[];
  readonly baskets: readonly TrueBasket[];
  readonly journal: readonly JournalEvent[];
  /** Shelf -> its zone and product. */
  readonly shelves: ReadonlyMap<string, { readonly zone: string; readonly gtin: string }>;
}

export interface OfferScore {
  /** To shoppers. */
  readonly made: number;
  /** Purchases after an offer. */
  readonly attributed: number;
  readonly withoutConsent: number;
  /** Also those on screens. */
  readonly forEmptyShelf: number;
  readonly faults: readonly string[];
}

const consentData = z.object({ shopper: z.string(), granted: z.boolean() });
const levelData = z.object({ shelf: z.string(), count: z.number() });
const madeData = z.object({
  ...{ id: z.string(), audience: z.string(), zone: z.string(), gtin: z.string(), shopper: z.string().optional() },
});
const soldData = z.object({
  ...{ till: z.string(), transaction: z.string(), shopper: z.string().optional() },
  lines: z.array(z.object({ gtin: z.string() })),
});
const attributedData = z.object({
  ...{ campaign: z.string(), till: z.string(), transaction: z.string(), gtin: z.string(), quantity: z.number() },
});

type Made = z.infer<typeof madeData>;
type Attributed = z.infer<typeof attributedData>;

interface Reading {
  /** To shoppers, by id. */
  readonly offers: ReadonlyMap<string, Made>;
  readonly attributed: readonly Attributed[];
  /** `till transaction gtin` of purchases by somebody who had an offer of that product before. */
  readonly expected: ReadonlySet<string>;
  readonly withoutConsent: number;
  readonly forEmptyShelf: number;
}

/** What the journal says, read once in order. */
function read({ shelves, journal }: OfferEvidence): Reading {
  const granted = new Map<string, boolean>();
  const levels = new Map<string, number>();
  const offers = new Map<string, Made>();
  const attributed: Attributed[] = [];
  const expected = new Set<string>();
  const counts = { withoutConsent: 0, forEmptyShelf: 0 };
  const isOnShelf = ({ zone, gtin }: Made): boolean =>
    [...levels].some(([name, count]) => {
      const shelf = shelves.get(name);
      return shelf?.zone === zone && shelf.gtin === gtin && count > 0;
    });
  const made = (offer: Made): void => {
    if (!isOnShelf(offer)) counts.forEmptyShelf += 1;
    if (offer.audience !== 'shopper') return;
    offers.set(offer.id, offer);
    if (!granted.get(offer.shopper ?? '')) counts.withoutConsent += 1;
  };
  const sold = ({ till, transaction, shopper, lines }: z.infer<typeof soldData>): void => {
    if (shopper === undefined) return;
    const bought = new Set(lines.map(({ gtin }) => gtin));
    for (const { gtin, shopper: whose } of offers.values())
      if (whose === shopper && bought.has(gtin)) expected.add(`${till} ${transaction} ${gtin}`);
  };
  for (const { type, data } of journal) {
    if (type === 'retail.shoppers.consent.v1') {
      const { shopper, granted: isGranted } = consentData.parse(data);
      granted.set(shopper, isGranted);
    } else if (type === 'retail.shelves.level.v1') {
      const { shelf, count } = levelData.parse(data);
      levels.set(shelf, count);
    } else if (type === 'retail.offers.made.v1') made(madeData.parse(data));
    else if (type === 'retail.sales.sold.v1') sold(soldData.parse(data));
    else if (type === 'retail.offers.attributed.v1') attributed.push(attributedData.parse(data));
  }
  return { offers, attributed, expected, ...counts };
}

/** Counts for the summary, and what is wrong, one sentence each. */
export function judgeOffers(evidence: OfferEvidence): OfferScore {
  const { answers, shown, baskets } = evidence;
  const journal = read(evidence);
  const faults: string[] = [];
  const check = (what: string, is: number, want: number): void => {
    if (is !== want) faults.push(`${what}: ${is}, but ${want} expected`);
  };
  const withoutConsent = Math.max(
    journal.withoutConsent,
    shown.filter(({ shopper }) => answers.get(shopper) !== true).length,
  );
  check('offers without consent', withoutConsent, 0);
  check('offers of what was not on the shelf', journal.forEmptyShelf, 0);
  check('offers on phones that nobody made', shown.filter(({ id }) => !journal.offers.has(id)).length, 0);
  if (journal.offers.size === 0) faults.push('no offer was made');
  const byReceipt = new Map(baskets.map((basket) => [`${basket.till} ${basket.transaction}`, basket]));
  const credited = new Set<string>();
  for (const { campaign, till, transaction, gtin, quantity } of journal.attributed) {
    const basket = byReceipt.get(`${till} ${transaction}`);
    const bought = basket?.items.get(gtin);
    const had = shown.some((offer) => offer.campaign === campaign && offer.shopper === basket?.shopper);
    const receipt = `${transaction} of ${till}`;
    if (bought !== quantity || !had)
      faults.push(`${campaign} was credited with ${quantity} of ${receipt}, where ${bought ?? 'none'} was bought`);
    credited.add(`${till} ${transaction} ${gtin}`);
  }
  check(
    'purchases after an offer that were not attributed',
    [...journal.expected].filter((one) => !credited.has(one)).length,
    0,
  );
  check('purchases attributed twice', journal.attributed.length - credited.size, 0);
  return {
    ...{ made: journal.offers.size, attributed: journal.attributed.length },
    ...{ withoutConsent, forEmptyShelf: journal.forEmptyShelf, faults },
  };
}
