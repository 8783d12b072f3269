/**
 * A purchase by a shopper who had an offer, or would have had one but for the comparison: within `attribution` after the
 * latest moment of a campaign it is put down to it. Of an offer without a coupon it is the redemption as well, unless the
 * till said so before.
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
    const [gtin, quantity] = bought(lines, one.gtins);
    if (gtin === undefined) return [];
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
    if (isTold || !isRedeemedByPurchase(campaign, one, views)) return [attributed];
    const redeemed: Decision = {
      type: 'retail.offers.redeemed.v1',
      subject: campaign.id,
      data: { claim: views.newId(), ...about, by: 'purchase', ...receipt },
    };
    return [redeemed, attributed];
  });
}

/** A coupon that was not shown at the till is still good. */
function isRedeemedByPurchase(campaign: Campaign, { offer }: Had, views: Views): boolean {
  if (offer === undefined || campaign.coupon || !hasQuantity(campaign, views)) return false;
  return views.offers.redemptionsOf(offer).length === 0;
}

/** The first of some products that was bought more than given back, and how many of all of them. */
function bought(lines: Sale['lines'], gtins: readonly string[]): [string | undefined, number] {
  const net = gtins.map((gtin) =>
    lines
      .filter((line) => line.gtin === gtin)
      .reduce((sum, { quantity, kind }) => sum + (kind === 'sale' ? Number(quantity) : -Math.abs(Number(quantity))), 0),
  );
  // Decimal text adds up with an error far below a gram.
  const quantity = Math.round(net.reduce((sum, one) => sum + Math.max(0, one), 0) * 1e6) / 1e6;
  return [quantity > 0 ? gtins[net.findIndex((one) => one > 0)] : undefined, quantity];
}
