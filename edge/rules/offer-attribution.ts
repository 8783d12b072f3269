/**
 * A purchase by a shopper who had an offer, or would have had one but for the comparison: within `attribution` after the
 * latest moment of a campaign it is put down to it. While an offer without a coupon stands it is the redemption as well,
 * unless the till said so before.
 */
import type { Campaign } from '../contracts/campaigns.ts';
import type { Receipted } from '../contracts/offers.ts';
import { hasQuantity } from './best-campaign.ts';
import { type Had, latest } from './offer-moments.ts';
import type { Decision, RuleEvent, RuleTime, Views } from './rule.ts';

interface Sale extends Receipted {
  readonly lines: readonly {
    readonly gtin: string;
    readonly quantity: number | string;
    readonly kind: 'sale' | 'return' | 'void';
  }[];
}

export function attribute(
  event: RuleEvent,
  had: readonly Had[],
  views: Views,
  now: RuleTime,
  shopper: string,
): Decision[] {
  const { till, transaction, business_day, lines } = event.data as unknown as Sale;
  const receipt = { till, transaction, business_day };
  return had.flatMap((one) => {
    const campaign = views.campaigns.find(({ id }) => id === one.campaign);
    if (!campaign || now.elapsed - latest(one) > campaign.attribution) return [];
    const product = bought(lines, one.gtins);
    if (!product) return [];
    const [gtin, quantity] = product;
    const uses = views.offers.usesOf(receipt).filter((use) => !use.reversed && use.campaign === campaign.id);
    if (uses.some((use) => use.what === 'attributed' && use.shopper === shopper)) return [];
    const about = {
      campaign: campaign.id,
      ...(one.offer !== undefined && { offer: one.offer }),
      shopper,
    };
    const first = views.offers.attributedTo(shopper, campaign.id).length === 0;
    const attributed: Decision = {
      type: 'retail.offers.attributed.v1',
      subject: campaign.id,
      data: { claim: views.newId(), ...about, arm: one.arm, gtin, quantity, first, ...receipt },
    };
    const isTold = uses.some((use) => use.what === 'redeemed');
    if (isTold || !isRedeemedByPurchase(campaign, one, shopper, views)) return [attributed];
    const redeemed: Decision = {
      type: 'retail.offers.redeemed.v1',
      subject: campaign.id,
      data: { claim: views.newId(), ...about, by: 'purchase', gtin, ...receipt },
    };
    return [redeemed, attributed];
  });
}

/** While the offer stands, as a till would redeem it that asked; but a coupon that was not shown is still good. */
function isRedeemedByPurchase(campaign: Campaign, { offer }: Had, shopper: string, views: Views): boolean {
  if (offer === undefined || campaign.coupon || !hasQuantity(campaign, views)) return false;
  return views.offers.openOf(shopper).some(({ id }) => id === offer);
}

/** Of some products the latest that was bought more than given back, and how much of it. */
function bought(lines: Sale['lines'], gtins: readonly string[]): [gtin: string, quantity: number] | undefined {
  const net = gtins.map((gtin): [string, number] => {
    const all = lines.filter((line) => line.gtin === gtin).map(signed);
    // Decimal text adds up with an error far below a gram.
    return [gtin, Math.round(all.reduce((sum, one) => sum + one, 0) * 1e6) / 1e6];
  });
  return net.findLast(([, quantity]) => quantity > 0);
}

function signed({ quantity, kind }: Sale['lines'][number]): number {
  return kind === 'sale' ? Number(quantity) : -Math.abs(Number(quantity));
}
