/**
 * Zone offer: what the screens of a zone show to whoever stands there, with nobody identified. It is the best running
 * campaign of the zone of which the hub knows something on the zone's shelves.
 *
 *   nothing is shown, and one has stock ....... made
 *   its product runs out ...................... moved to the substitute of its facing if that is there, else withdrawn
 *   the product is back ....................... moved back
 *   a better one runs, or has stock again ..... withdrawn (better), the better one made
 *   its last day is over, or all is taken ..... withdrawn (ended)
 *   another text, place or product is meant ... withdrawn (configuration), made again as it is meant now
 *
 * A campaign's budget counts offers to shoppers, so none is used here; its quantity counts.
 */
import { byRank, type Campaign } from '../contracts/campaigns.ts';
import { bestCampaign, hasQuantity, standIn } from './best-campaign.ts';
import type { KnownOffer } from './offer-views.ts';
import {
  type Decision,
  isWake,
  type Rule,
  type RuleEvent,
  type RuleInput,
  type RuleTime,
  type Step,
  type Views,
} from './rule.ts';

/** What stands is in the offer book; a row is kept for its wake. */
export type ZoneOfferState = Readonly<Record<string, never>>;

type Shown = Pick<KnownOffer, 'campaign' | 'gtin' | 'text' | 'expires'>;
type Reason = 'no-stock' | 'moved' | 'ended' | 'configuration' | 'better';

const HOUR_MS = 3_600_000;

export const zoneOffer: Rule<ZoneOfferState> = {
  name: 'zone-offer',
  version: 1,
  subscribes: [
    'retail.shelves.level.v1',
    'retail.offers.redeemed.v1',
    'retail.offers.reversed.v1',
    'retail.devices.clockstepped.v1',
    'local.campaigns.changed.v1',
    'local.planogram.changed.v1',
    'local.journal.salvaged.v1',
  ],
  initial: {},
  keyOf,
  step: (state, input, views, now, zone): Step<ZoneOfferState> => {
    const standing = views.offers.ofZone(zone);
    const next = choose(zone, standing, views, now);
    const decisions = isSame(standing, next) ? [] : replace(zone, standing, next, input, views, now);
    // Campaigns begin and end with the store's days.
    const isOver = views.campaignsIn(zone).every((campaign) => endOf(campaign, views) <= now.wall);
    if (isOver) return { state, decisions };
    return { state, decisions, wakeAt: now.elapsed + views.nextDay(now.wall) - now.wall };
  },
};

function keyOf(event: RuleEvent, views: Views): string | readonly string[] | undefined {
  const { type, data } = event;
  if (type === 'retail.shelves.level.v1') return event.history ? undefined : zoneOfLevel(event.subject, views);
  if (type === 'retail.offers.redeemed.v1' || type === 'retail.offers.reversed.v1') {
    const campaign = views.campaigns.find(({ id }) => id === data.campaign);
    return campaign?.quantity === undefined ? undefined : campaign.zone;
  }
  if (type === 'local.campaigns.changed.v1' || type === 'local.planogram.changed.v1')
    return (data.zones ?? []) as string[];
  return [...new Set(views.campaigns.map(({ zone }) => zone))];
}

/** Levels are many, and few of them change what a zone shows. */
function zoneOfLevel(shelf: string, views: Views): string | undefined {
  const facing = views.facing(shelf);
  if (!facing) return undefined;
  const { zone, gtin } = facing;
  const campaigns = views.campaignsIn(zone);
  const isOffered = campaigns.some((campaign) => campaign.gtin === gtin);
  if (!isOffered && !campaigns.some((campaign) => isSubstitute(gtin, campaign, views))) return undefined;
  const standing = views.offers.ofZone(zone);
  const hasStock = views.onShelf(zone, gtin) > 0;
  if (standing?.gtin === gtin) return hasStock ? undefined : zone;
  if (!hasStock) return undefined;
  const shown = campaigns.find(({ id }) => id === standing?.campaign);
  const isWanted = campaigns.some(
    (campaign) => campaign.gtin === gtin && (!shown || campaign === shown || byRank(campaign, shown) < 0),
  );
  return isWanted ? zone : undefined;
}

function isSubstitute(gtin: string, campaign: Campaign, views: Views): boolean {
  return views.shelvesOf(campaign.zone, campaign.gtin).some(({ substitute }) => substitute === gtin);
}

/** What the zone is to show now. */
function choose(zone: string, standing: KnownOffer | undefined, views: Views, now: RuleTime): Shown | undefined {
  const choice = bestCampaign(zone, views, now);
  const best = 'campaign' in choice ? choice.campaign : undefined;
  // Only what was shown moves to a substitute: a campaign does not begin with another product than its own.
  const shown = views.campaignsIn(zone).find(({ id }) => id === standing?.campaign);
  const moves = shown && isOpen(shown, views, now) && shown !== best && (!best || byRank(shown, best) < 0);
  const instead = moves && standIn(shown.gtin, shown, views);
  if (instead) return { campaign: shown.id, ...instead, expires: expiryOf(shown, views) };
  return best && { campaign: best.id, gtin: best.gtin, text: best.text, expires: expiryOf(best, views) };
}

function isOpen(campaign: Campaign, views: Views, now: RuleTime): boolean {
  return views.runs(campaign, now.wall) && hasQuantity(campaign, views);
}

function isSame(standing: KnownOffer | undefined, next: Shown | undefined): boolean {
  if (!standing || !next) return standing === next;
  const { campaign, gtin, text, expires } = standing;
  return campaign === next.campaign && gtin === next.gtin && text === next.text && expires === next.expires;
}

function replace(
  zone: string,
  standing: KnownOffer | undefined,
  next: Shown | undefined,
  input: RuleInput,
  views: Views,
  now: RuleTime,
): Decision[] {
  const decisions: Decision[] = [];
  const reason = standing && reasonOf(standing, next, input, views, now);
  if (standing) {
    const { id, campaign, gtin, text, expires } = standing;
    const data = { id, audience: 'zone', campaign, zone, gtin, text, expires, reason };
    decisions.push({ type: 'retail.offers.withdrawn.v1', subject: campaign, data });
  }
  if (next) {
    const replaces = reason === 'moved' && standing ? { replaces: standing.id } : {};
    const data = { id: views.newId(), audience: 'zone', zone, ...next, ...replaces };
    decisions.push({ type: 'retail.offers.made.v1', subject: next.campaign, data });
  }
  return decisions;
}

function reasonOf(
  standing: KnownOffer,
  next: Shown | undefined,
  input: RuleInput,
  views: Views,
  now: RuleTime,
): Reason {
  const campaign = views.campaignsIn(standing.zone).find(({ id }) => id === standing.campaign);
  if (!campaign) return 'configuration';
  if (!isOpen(campaign, views, now)) return 'ended';
  const isReconfigured = !isWake(input) && input.type.startsWith('local.');
  if (next?.campaign === campaign.id) return next.gtin === standing.gtin || isReconfigured ? 'configuration' : 'moved';
  if (views.onShelf(standing.zone, standing.gtin) === 0) return isReconfigured ? 'configuration' : 'no-stock';
  return next ? 'better' : 'configuration';
}

function expiryOf(campaign: Campaign, views: Views): string {
  return new Date(endOf(campaign, views)).toISOString();
}

/**
 * Epoch ms at which the campaign's last day ends in the store's time. At 09:00 UTC of a date it is that date or the day
 * before, wherever on Earth the store is.
 */
function endOf(campaign: Campaign, views: Views): number {
  const morning = Date.parse(`${campaign.until}T00:00:00Z`) + 9 * HOUR_MS;
  const at = views.nextDay(morning);
  return views.runs(campaign, at) ? views.nextDay(at) : at;
}
