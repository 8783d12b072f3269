/**
 * The best campaign of a zone: it runs today, its product is on the zone's shelf as the hub knows it, and it is not used
 * up; of those the highest priority, then the lowest id. For a shopper who stays, and for the screens of the zone.
 */
import type { Campaign, Capped, NoOfferReason } from '../contracts/campaigns.ts';
import type { RuleTime, Views } from './rule.ts';

export type Choice =
  | { readonly campaign: Campaign }
  /** `of`: the campaign that came closest; empty when none runs. */
  | { readonly none: Extract<NoOfferReason, 'none-running' | 'no-stock' | Capped>; readonly of: string };

type Shop = Pick<Views, 'campaignsIn' | 'runs' | 'onShelf' | 'offers'>;

/** @param objection what else speaks against a campaign, such as the caps of one shopper */
export function bestCampaign(
  zone: string,
  views: Shop,
  now: RuleTime,
  objection: (campaign: Campaign) => Capped | undefined = () => undefined,
): Choice {
  const running = views.campaignsIn(zone).filter((campaign) => views.runs(campaign, now.wall));
  const [closest] = running;
  if (!closest) return { none: 'none-running', of: '' };
  const onShelf = running.filter(({ gtin }) => views.onShelf(zone, gtin) > 0);
  const [best] = onShelf;
  if (!best) return { none: 'no-stock', of: closest.id };
  const against = (one: Campaign): Capped | undefined => (hasQuantity(one, views) ? objection(one) : 'used-up');
  const campaign = onShelf.find((one) => against(one) === undefined);
  return campaign ? { campaign } : { none: against(best) ?? 'used-up', of: best.id };
}

/** Whether there is one left to redeem. */
export function hasQuantity({ id, quantity }: Campaign, { offers }: Pick<Views, 'offers'>): boolean {
  return quantity === undefined || offers.tally(id).redeemed < quantity;
}

/** Whether one more offer to a shopper may be made. */
export function hasBudget({ id, budget }: Campaign, { offers }: Pick<Views, 'offers'>): boolean {
  return budget === undefined || offers.tally(id).made < budget;
}

/** In place of a product that ran out: what its facing in the zone names, if that is on the shelf, and how the offer then reads. */
export function standIn(
  gtin: string,
  { zone, gtin: meant, text }: Campaign,
  views: Pick<Views, 'shelvesOf' | 'onShelf'>,
): { readonly gtin: string; readonly text: string } | undefined {
  const named = views.shelvesOf(zone, gtin).flatMap(({ substitute }) => substitute ?? []);
  const other = named.find((substitute) => views.onShelf(zone, substitute) > 0);
  if (other === undefined) return undefined;
  const nameOf = (product: string): string => views.shelvesOf(zone, product)[0]?.name ?? product;
  return { gtin: other, text: `${nameOf(other)} in place of ${nameOf(meant)}: ${text}` };
}
