/**
 * Sales and refunds, as far as offers are concerned. A sale that names an offer or a code redeems it, unless the till
 * had claimed it before; one that names what cannot be redeemed is noted as refused. A refund undoes what its original
 * receipt redeemed, and what was attributed to it, once nothing of the product is left with the customer.
 *
 *   sale names offer or coupon ........ redeemed, refused, or known already
 *   sale of a receipt that redeemed ... how much of each product it sold is kept, for a refund in parts
 *   refund of a part .................. kept
 *   refund of all of the product ...... reversed, each use once
 *
 * A sale that carries no business day of its own has that of its time, which around midnight may be the day beside the
 * one that its till claimed with. So a claim of the same transaction on the day before or after, made lately, is of the
 * same receipt, unless the sale of that very day is known; the sale is then judged as the claim's receipt.
 *
 * The offer book is its view; a key is a receipt, `till/transaction/business_day`, and its state goes when the book
 * forgets the receipt's uses.
 */
import type { Receipted } from '../contracts/offers.ts';
import { isRedeemed, judgeSale } from './claims.ts';
import type { Use } from './offer-views.ts';
import { moved, namesMore, type Quantities, type SaleData } from './receipt-lines.ts';
import { type Decision, isWake, type Rule, type RuleTime, type Step, type Views } from './rule.ts';

const SOLD = 'retail.sales.sold.v1';
/** As long as the offer book keeps uses. */
const KEEP_MS = 100 * 86_400_000;
/** So long after a claim its sale may come, with the day beside the claim's. */
const BESIDE_MS = 36 * 3_600_000;
/** Fractions of a kilogram do not add up exactly. */
const NOTHING = 1e-6;

export interface Receipt {
  /** What the receipt sold, by product; unknown until its sale came. */
  readonly bought?: Quantities;
  /** Business day with which the sale came, if it is the one beside the claim's. */
  readonly day?: string;
  /** What came back of it. */
  readonly returned?: Quantities;
}

export const redemption: Rule<Receipt> = {
  name: 'redemption',
  version: 1,
  subscribes: [SOLD],
  initial: {},
  glance: (_type, data, subject, offers) => namesMore(data) || offers.expects(subject),
  keyOf: (event, views) => {
    const sale = event.data as unknown as SaleData;
    const { original } = sale;
    const own = sale.offer !== undefined || sale.coupon !== undefined || views.offers.expects(event.subject);
    // What comes back first: an exchange may use a code again that it has just set free.
    const receipts = [
      ...(original ? [original, ...besides(original, Number.POSITIVE_INFINITY, views)] : []),
      ...(own ? [...besides(sale, BESIDE_MS, views), sale] : []),
    ];
    return [...new Set(receipts.map(receiptKey))];
  },
  step: (state, input, views, now, key) => {
    if (isWake(input)) return { state: {}, decisions: [] };
    const sale = input.data as unknown as SaleData;
    const { original } = sale;
    const [beside] = besides(sale, BESIDE_MS, views);
    // Judged already, as the receipt beside it.
    if (receiptKey(sale) === key) return beside ? kept(state, [], now) : sold(sale, state, views, now);
    if (original && receiptKey(original) === key) return refunded(sale, original, state, views, now);
    if (beside && receiptKey(beside) === key) return soldBeside(sale, beside, state, views, now);
    const [claimed] = original ? besides(original, Number.POSITIVE_INFINITY, views) : [];
    const isClaimed = claimed && receiptKey(claimed) === key && state.day === original?.business_day;
    return isClaimed ? refunded(sale, claimed, state, views, now) : kept(state, [], now);
  },
};

/** Parts are encoded, so that a slash in one of them makes no other receipt. */
export function receiptKey({ till, transaction, business_day }: Receipted): string {
  return [till, transaction, business_day].map((part) => part.replace(/[%/]/g, encodeURIComponent)).join('/');
}

/** The receipt of a claim that may be the same one, of the day before or after; none where this very day redeemed something. */
function besides(receipt: Receipted, within: number, { offers }: Views): readonly Receipted[] {
  return offers.usesOf(receipt).length > 0 ? [] : offers.claimsBeside(receipt, within).slice(0, 1);
}

function kept(state: Receipt, decisions: readonly Decision[], now: RuleTime): Step<Receipt> {
  const known = state.bought !== undefined || state.returned !== undefined;
  return { state, decisions, ...(known && { wakeAt: now.elapsed + KEEP_MS }) };
}

/** The sale of a receipt that names an offer, or that claimed one. */
function sold(sale: SaleData, state: Receipt, views: Views, now: RuleTime): Step<Receipt> {
  // Said once more, with other lines: what they void is taken back of what was sold before.
  if (state.bought) return refunded(sale, sale, state, views, now);
  const { bought, returned } = moved(sale);
  const isVoid = (gtin: string): boolean => returned[gtin] !== undefined && (bought[gtin] ?? 0) < NOTHING;
  const decisions = named(sale, views, now, bought).filter(({ data }) => !isVoid(String(data.gtin)));
  const uses = views.offers.usesOf(sale);
  if (uses.length === 0 && !decisions.some(isRedeemed)) return kept(state, decisions, now);
  return kept({ ...state, bought }, [...decisions, ...reversals(uses, sale, returned, isVoid, views)], now);
}

/** A sale with the day beside that of a claim of its transaction. */
function soldBeside(
  sale: SaleData,
  { business_day }: Receipted,
  state: Receipt,
  views: Views,
  now: RuleTime,
): Step<Receipt> {
  const isAnother = state.bought !== undefined && state.day !== sale.business_day;
  if (isAnother) return kept(state, named(sale, views, now, moved(sale).bought), now);
  const step = sold({ ...sale, business_day }, state, views, now);
  return { ...step, state: { ...step.state, day: sale.business_day } };
}

/** What becomes of the offers that a sale names. Where nothing was bought a till only repeats what the original named. */
function named(sale: SaleData, views: Views, now: RuleTime, bought: Quantities): Decision[] {
  if (Object.values(bought).every((quantity) => quantity < NOTHING)) return [];
  const { till, transaction, business_day, shopper, original, offer, coupon } = sale;
  const asked = { till, transaction, business_day, shopper, original };
  const decisions: Decision[] = [];
  for (const by of [offer !== undefined && { offer }, coupon !== undefined && { code: coupon }]) {
    if (by) decisions.push(...(judgeSale({ ...asked, ...by }, decisions, views, now)?.decisions ?? []));
  }
  return decisions;
}

/** Something of a receipt comes back. */
function refunded(sale: SaleData, original: Receipted, state: Receipt, views: Views, now: RuleTime): Step<Receipt> {
  const uses = views.offers.usesOf(original).filter(({ reversed }) => !reversed);
  if (uses.length === 0) return kept(state, [], now);
  const { returned } = moved(sale);
  const back: Record<string, number> = { ...state.returned };
  for (const [gtin, quantity] of Object.entries(returned)) back[gtin] = (back[gtin] ?? 0) + quantity;
  const isAllBack = (gtin: string): boolean => {
    // Of a claim whose sale never came nobody knows how much was bought: then whatever comes back is all.
    const bought = state.bought?.[gtin] ?? boughtBy(uses, gtin);
    return (back[gtin] ?? 0) > bought - NOTHING;
  };
  return kept({ ...state, returned: back }, reversals(uses, sale, returned, isAllBack, views), now);
}

/** As attributions say. */
function boughtBy(uses: readonly Use[], gtin: string): number {
  return Math.max(0, ...uses.filter((use) => use.gtin === gtin).map(({ quantity }) => quantity));
}

/** Undoes the uses whose product is among `returned` and of which nothing is left. */
function reversals(
  uses: readonly Use[],
  refund: Receipted,
  returned: Quantities,
  isAllBack: (gtin: string) => boolean,
  views: Views,
): Decision[] {
  const undone = uses.filter((use) => {
    const gtin = productOf(use, views);
    return !use.reversed && gtin !== undefined && returned[gtin] !== undefined && isAllBack(gtin);
  });
  return undone.map((use, index) => {
    const { claim, what, campaign, arm, offer, shopper, till, transaction, business_day } = use;
    const last = what === 'attributed' ? isLast(use, undone, undone.slice(index + 1), views) : undefined;
    const data = {
      ...{ claim, what, campaign },
      ...(arm !== undefined && { arm }),
      ...(offer !== undefined && { offer }),
      ...(shopper !== undefined && views.consented(shopper) && { shopper }),
      ...(last !== undefined && { last }),
      ...{ till, transaction, business_day },
      refund: { till: refund.till, transaction: refund.transaction, business_day: refund.business_day },
    };
    return { type: 'retail.offers.reversed.v1', subject: campaign, data };
  });
}

function productOf({ gtin, offer, campaign }: Use, { offers, campaigns }: Views): string | undefined {
  const offered = offer === undefined ? undefined : offers.get(offer)?.gtin;
  return gtin ?? offered ?? campaigns.find(({ id }) => id === campaign)?.gtin;
}

/** Whether the shopper has no purchase left that counts: neither one that stands, nor one that is undone after this. */
function isLast({ shopper, campaign }: Use, undone: readonly Use[], after: readonly Use[], views: Views): boolean {
  if (shopper === undefined) return false;
  const gone = new Set(undone.map(({ claim }) => claim));
  const sameShopper = (use: Use) => use.what === 'attributed' && use.shopper === shopper && use.campaign === campaign;
  if (after.some(sameShopper)) return false;
  return views.offers.attributedTo(shopper, campaign).every(({ claim }) => gone.has(claim));
}
