/**
 * A purchase by a shopper who had an offer, or would have had one but for the comparison: within `attribution` after the
 * latest moment of a campaign it is put down to it. Both groups are judged by the same products: the campaign's own and
 * those that may stand in for it, whatever was moved. While an offer without a coupon stands it is the redemption as well,
 * unless the till said so before.
 */
import type { Campaign } from '../contracts/campaigns.ts';
import type { Receipted } from '../contracts/offers.ts';
import { hasQuantity } from './best-campaign.ts';
import { freed, type Had, latest } from './offer-moments.ts';
import type { KnownOffer } from './offer-views.ts';
import type { Decision, RuleEvent, RuleTime, Views } from './rule.ts';

interface Sale extends Receipted {
  readonly lines: readonly {
    readonly gtin: string;
    readonly quantity: number | string;
    readonly kind: 'sale' | 'return' | 'void';
  }[];
}

/** What a purchase comes to, and what the shopper had after it. */
export interface Attributed {
  readonly decisions: readonly Decision[];
  readonly had: readonly Had[];
}

export function attribute(
  event: RuleEvent,
  had: readonly Had[],
  views: Views,
  now: RuleTime,
  shopper: string,
): Attributed {
  const sale = event.data as unknown as Sale;
  const decisions: Decision[] = [];
  const after = had.map((one) => {
    const campaign = views.campaigns.find(({ id }) => id === one.campaign);
    if (!campaign || now.elapsed - latest(one) > campaign.attribution) return one;
    const bought = boughtIn(sale, campaign, views);
    const made = bought.size === 0 ? [] : purchase(sale, campaign, one, bought, views, now, shopper);
    if (made.length === 0) return one;
    decisions.push(...made);
    const isOver = one.withheld && wouldBeRedeemed(campaign, bought, views);
    return { ...(isOver ? freed(one) : one), bought: true as const };
  });
  return { decisions, had: decisions.length > 0 ? after : had };
}

/** @param bought product -> quantity, the campaign's own before its substitutes */
function purchase(
  { till, transaction, business_day }: Sale,
  campaign: Campaign,
  one: Had,
  bought: ReadonlyMap<string, number>,
  views: Views,
  now: RuleTime,
  shopper: string,
): Decision[] {
  const receipt = { till, transaction, business_day };
  const uses = views.offers.usesOf(receipt).filter((use) => !use.reversed && use.campaign === campaign.id);
  if (uses.some((use) => use.what === 'attributed' && use.shopper === shopper)) return [];
  const about = {
    campaign: campaign.id,
    ...(one.offer !== undefined && { offer: one.offer }),
    shopper,
  };
  const [product] = bought;
  if (!product) return [];
  const [gtin, quantity] = product;
  const attributed: Decision = {
    type: 'retail.offers.attributed.v1',
    subject: campaign.id,
    data: { claim: views.newId(), ...about, arm: one.arm, gtin, quantity, first: !one.bought, ...receipt },
  };
  const isTold = uses.some((use) => use.what === 'redeemed');
  const offer = isTold ? undefined : redeemable(campaign, one, shopper, views, now);
  const redeemed = [offer?.gtin, campaign.gtin].find((wanted) => wanted !== undefined && bought.has(wanted));
  if (!offer || redeemed === undefined) return [attributed];
  const redemption: Decision = {
    type: 'retail.offers.redeemed.v1',
    subject: campaign.id,
    data: { claim: views.newId(), ...about, by: 'purchase', gtin: redeemed, ...receipt },
  };
  return [redemption, attributed];
}

/** The offer, while it stands, as a till would redeem it that asked; but a coupon that was not shown is still good. */
function redeemable(
  campaign: Campaign,
  { offer }: Had,
  shopper: string,
  views: Views,
  now: RuleTime,
): KnownOffer | undefined {
  if (offer === undefined || campaign.coupon || !hasQuantity(campaign, views)) return undefined;
  const known = views.offers.get(offer);
  // The shelf may be empty by now: this is who took the last one.
  const stands = known?.state === 'open' || known?.state === 'run-out';
  return stands && known.shopper === shopper && known.expiresElapsed > now.elapsed ? known : undefined;
}

/** Whether a purchase ends what is withheld, as it would redeem an offer: of a substitute, if the offer would be moved. */
function wouldBeRedeemed({ zone, gtin }: Campaign, bought: ReadonlyMap<string, number>, views: Views): boolean {
  return bought.has(gtin) || views.onShelf(zone, gtin) === 0;
}

/** What was bought of a campaign, more than was given back: its product, then all that offers of it may be moved to. */
function boughtIn({ lines }: Sale, { zone, gtin }: Campaign, views: Views): ReadonlyMap<string, number> {
  // Of a set what is added while it is walked through is walked through as well.
  const products = new Set([gtin]);
  for (const product of products) {
    for (const { substitute } of views.shelvesOf(zone, product)) if (substitute !== undefined) products.add(substitute);
  }
  const net = [...products].map((product): [string, number] => {
    const all = lines.filter((line) => line.gtin === product).map(signed);
    // Decimal text adds up with an error far below a gram.
    return [product, Math.round(all.reduce((sum, one) => sum + one, 0) * 1e6) / 1e6];
  });
  return new Map(net.filter(([, quantity]) => quantity > 0));
}

function signed({ quantity, kind }: Sale['lines'][number]): number {
  return kind === 'sale' ? Number(quantity) : -Math.abs(Number(quantity));
}
