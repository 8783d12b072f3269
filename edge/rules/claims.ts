/**
 * A till asks whether an offer may be redeemed: by the code of a coupon, or by a campaign. Pure: what is known goes in,
 * one decision and the answer come out; both are committed before the till hears of it.
 *
 *   the same transaction asked before ...... the same answer
 *   code of an offer that stands ........... granted, once
 *   campaign that runs, with some left ..... granted, and counted
 *   anything else .......................... refused, with the reason
 */
import type { ClaimAnswer, ClaimRefusal } from '../contracts/offers.ts';
import type { KnownOffer } from './offer-views.ts';
import type { Decision, RuleTime, Views } from './rule.ts';

/** As a till asks, with the shopper's keyed pseudonym where there is consent. */
export interface JudgedClaim {
  readonly till: string;
  readonly transaction: string;
  readonly business_day: string;
  readonly code?: string | undefined;
  readonly campaign?: string | undefined;
  readonly shopper?: string | undefined;
  /** Who works at the till. */
  readonly operator?: string | undefined;
}

export interface Verdict {
  readonly decisions: readonly Decision[];
  readonly answer: ClaimAnswer;
}

const TEXTS: Readonly<Record<ClaimRefusal, string>> = {
  'unknown-code': 'the hub has made no offer with this code',
  'unknown-campaign': 'there is no such campaign',
  'other-store': 'this code belongs to another store',
  used: 'this code was used already',
  expired: 'this offer is past its time',
  withdrawn: 'this offer was withdrawn',
  capped: 'all of this campaign are taken',
  'not-running': 'this campaign does not run today',
};

export function judgeClaim(claim: JudgedClaim, views: Views, now: RuleTime): Verdict {
  const { code } = claim;
  const offer = code === undefined ? undefined : views.offers.byCode(code);
  const campaign = offer?.campaign ?? claim.campaign;
  const before = views.offers
    .usesOf(claim)
    .find((use) => use.what === 'redeemed' && !use.reversed && use.campaign === campaign && use.offer === offer?.id);
  if (before) return { decisions: [], answer: { granted: true, claim: before.claim, campaign: before.campaign } };
  const reason = refusalOf(claim, offer, campaign, views, now);
  return reason === undefined
    ? granted(claim, offer, String(campaign), views)
    : refused(claim, offer, campaign, reason);
}

function refusalOf(
  { code }: JudgedClaim,
  offer: KnownOffer | undefined,
  campaignId: string | undefined,
  views: Views,
  now: RuleTime,
): ClaimRefusal | undefined {
  if (code !== undefined && !offer) return views.offers.isForeign(code) ? 'other-store' : 'unknown-code';
  if (offer?.state === 'redeemed') return 'used';
  if (offer?.state === 'withdrawn') return 'withdrawn';
  if (offer && offer.expiresElapsed <= now.elapsed) return 'expired';
  const campaign = views.campaigns.find(({ id }) => id === campaignId);
  if (!campaign) return 'unknown-campaign';
  // An offer that stands is good for as long as it says.
  if (!offer && !views.runs(campaign, now.wall)) return 'not-running';
  const taken = views.offers.tally(campaign.id).redeemed;
  return campaign.quantity !== undefined && taken >= campaign.quantity ? 'capped' : undefined;
}

function granted(claim: JudgedClaim, offer: KnownOffer | undefined, campaign: string, views: Views): Verdict {
  const { till, transaction, business_day, operator } = claim;
  const id = views.newId();
  const shopper = offer?.shopper ?? claim.shopper;
  const data = {
    ...{ claim: id, campaign, by: 'claim' as const, till, transaction, business_day },
    ...(offer && { offer: offer.id }),
    ...(shopper !== undefined && { shopper }),
    ...(operator !== undefined && { operator }),
  };
  return {
    decisions: [{ type: 'retail.offers.redeemed.v1', subject: campaign, data }],
    answer: { granted: true, claim: id, campaign },
  };
}

function refused(
  { till, transaction, business_day, shopper, operator }: JudgedClaim,
  offer: KnownOffer | undefined,
  campaign: string | undefined,
  reason: ClaimRefusal,
): Verdict {
  const data = {
    ...{ reason, till, transaction, business_day },
    ...(campaign !== undefined && { campaign }),
    ...(offer && { offer: offer.id }),
    ...(shopper !== undefined && { shopper }),
    ...(operator !== undefined && { operator }),
  };
  return {
    decisions: [{ type: 'retail.offers.refused.v1', subject: campaign ?? till, data }],
    answer: { granted: false, reason, text: TEXTS[reason] },
  };
}
