/**
 * Whether an offer may be redeemed: a till asks before it grants one (by the code of a coupon, or by a campaign), or a
 * sale says that it did. Pure: what is known goes in, decisions and the answer come out; both are committed before the
 * till hears of it.
 *
 *   the same receipt asked before, even if refunded since ... the same answer, nothing is redeemed again
 *   an offer that stands, of somebody who still consents .... granted, once; also when the shelf is empty by now: who is
 *                                                             at the till has one in hand
 *   a campaign that runs, with some left .................... granted, and counted; when the shopper holds an open offer
 *                                                             of it, that one is redeemed
 *   anything else ........................................... refused, with the reason; the same receipt asked again for
 *                                                             the same is answered, and not journaled once more
 *
 * A till that asks by campaign does not know who is held out for comparison: they are granted it as everybody is. What
 * is redeemed says nothing of the groups; only shoppers and those of them who bought are counted by group.
 */
import type { ClaimAnswer, ClaimRefusal, Receipted } from '../contracts/offers.ts';
import type { KnownOffer, Use } from './offer-views.ts';
import type { Decision, RuleTime, Views } from './rule.ts';

/** Who asks for what, with the shopper's keyed pseudonym where there is consent. One of code, offer and campaign. */
export interface Asked extends Receipted {
  readonly code?: string | undefined;
  /** The id of an offer, as a sale may name it. */
  readonly offer?: string | undefined;
  readonly campaign?: string | undefined;
  readonly shopper?: string | undefined;
  readonly operator?: string | undefined;
}

export interface Verdict {
  readonly decisions: readonly Decision[];
  readonly answer: ClaimAnswer;
}

/** What is asked for, as far as it is known. An offer on a screen is nobody's: it stands for its campaign. */
interface Wanted {
  readonly offer?: KnownOffer | undefined;
  readonly campaign?: string | undefined;
}

const OFFER_ID = /^[0-9a-z]{26}$/;

const TEXTS: Readonly<Record<ClaimRefusal, string>> = {
  'unknown-code': 'the hub has made no offer with this code',
  'unknown-campaign': 'there is no such campaign',
  'other-store': 'this code belongs to another store',
  used: 'this code was used already',
  expired: 'this offer is past its time',
  withdrawn: 'this offer was withdrawn',
  capped: 'all of this campaign are taken',
  'not-running': 'this campaign does not run today',
  'needs-code': 'this campaign is redeemed with the code of an offer',
};

/** A till asks. */
export function judgeClaim(asked: Asked, views: Views, now: RuleTime): Verdict {
  const wanted = wantedBy(asked, views, now);
  const before = usesOf(asked, views).find((use) =>
    asked.code === undefined ? use.campaign === asked.campaign : use.offer === wanted.offer?.id,
  );
  if (before && (wanted.offer || asked.code === undefined)) return { decisions: [], answer: granted(before) };
  return judge(asked, wanted, 'claim', [], views, now);
}

/** A sale that exchanges something names the receipt of that. */
export interface AskedBySale extends Asked {
  readonly original?: Receipted | undefined;
}

/**
 * A sale names what it redeemed. `taken`: what was decided in the same step, and is in no book yet. Nothing: a
 * redemption of this receipt is known, by whatever the till said before; or what it names is none of the hub's.
 */
export function judgeSale(
  asked: AskedBySale,
  taken: readonly Decision[],
  views: Views,
  now: RuleTime,
): Verdict | undefined {
  const wanted = wantedBy(asked, views, now);
  const { offer, campaign } = wanted;
  if (campaign === undefined && !isOurs(asked, views)) return undefined;
  const before = asked.original ? usesOf(asked.original, views).filter(({ reversed }) => !reversed) : [];
  const known = [...usesOf(asked, views), ...before].some((use) => {
    if (use.claim === asked.offer) return true;
    if (use.campaign !== campaign) return false;
    return offer === undefined || use.offer === undefined || use.offer === offer.id;
  });
  const decided = taken.some(
    ({ data }) => campaign !== undefined && data.campaign === campaign && data.offer === offer?.id,
  );
  return known || decided ? undefined : judge(asked, wanted, 'sale', taken, views, now);
}

/** Tills tell of other people's coupons and promotions, too. */
function isOurs({ code, offer }: Asked, views: Views): boolean {
  return code === undefined ? OFFER_ID.test(String(offer)) : views.offers.isCode(code);
}

function usesOf(receipt: Receipted, views: Views): readonly Use[] {
  return views.offers.usesOf(receipt).filter(({ what }) => what === 'redeemed');
}

function wantedBy(asked: Asked, views: Views, now: RuleTime): Wanted {
  const { code, offer: id, shopper } = asked;
  const named = code === undefined ? id !== undefined && views.offers.get(id) : views.offers.byCode(code);
  if (named && named.audience === 'shopper') return { offer: named, campaign: named.campaign };
  // Some tills know no ids of offers, and name the campaign where a sale has its offer.
  const said = id !== undefined && views.campaigns.some((known) => known.id === id) ? id : asked.campaign;
  const campaign = named ? named.campaign : said;
  return { campaign, offer: heldBy(shopper, campaign, views, now) };
}

/** The open offer of a campaign that a shopper holds; of several the one that ends first. */
function heldBy(
  shopper: string | undefined,
  campaign: string | undefined,
  views: Views,
  now: RuleTime,
): KnownOffer | undefined {
  if (shopper === undefined || campaign === undefined) return undefined;
  return views.offers
    .openOf(shopper)
    .filter((offer) => offer.campaign === campaign && offer.expiresElapsed > now.elapsed)
    .sort((a, b) => a.expiresElapsed - b.expiresElapsed)[0];
}

function judge(
  asked: Asked,
  wanted: Wanted,
  by: 'claim' | 'sale',
  taken: readonly Decision[],
  views: Views,
  now: RuleTime,
): Verdict {
  const reason = refusalOf(asked, wanted, taken, views, now);
  if (reason === undefined) return redeemed(asked, wanted, by, views);
  const presented = views.offers.digestOf(asked.code ?? asked.offer ?? asked.campaign ?? '');
  const isKnown = views.offers.wasRefused(asked, presented);
  const decisions = isKnown ? [] : [refused(asked, wanted, reason, presented)];
  return { decisions, answer: { granted: false, reason, text: TEXTS[reason] } };
}

function refusalOf(
  { code, campaign: named }: Asked,
  { offer, campaign: id }: Wanted,
  taken: readonly Decision[],
  views: Views,
  now: RuleTime,
): ClaimRefusal | undefined {
  if (id === undefined) return code !== undefined && views.offers.isForeign(code) ? 'other-store' : 'unknown-code';
  if (offer?.state === 'redeemed') return 'used';
  if (offer?.state === 'withdrawn' || (offer && !isConsented(offer, views))) return 'withdrawn';
  if (offer && offer.expiresElapsed <= now.elapsed) return 'expired';
  const campaign = views.campaigns.find((known) => known.id === id);
  if (!campaign) return named === undefined ? 'withdrawn' : 'unknown-campaign';
  // An offer that stands is good for as long as it says.
  if (!offer && !views.runs(campaign, now.wall)) return 'not-running';
  if (!offer && campaign.coupon) return 'needs-code';
  const count = views.offers.tally(id).redeemed + taken.filter((use) => isRedeemed(use) && use.subject === id).length;
  return campaign.quantity !== undefined && count >= campaign.quantity ? 'capped' : undefined;
}

/** A refund may have opened an offer again whose shopper has withdrawn consent meanwhile. */
function isConsented({ shopper }: KnownOffer, views: Views): boolean {
  return shopper === undefined || views.consented(shopper);
}

export function isRedeemed({ type }: Decision): boolean {
  return type === 'retail.offers.redeemed.v1';
}

function redeemed(asked: Asked, { offer, campaign = '' }: Wanted, by: 'claim' | 'sale', views: Views): Verdict {
  const claim = views.newId();
  const shopper = offer?.shopper ?? asked.shopper;
  const gtin = offer?.gtin ?? views.campaigns.find(({ id }) => id === campaign)?.gtin;
  const data = {
    ...{ claim, campaign, by },
    ...(offer && { offer: offer.id }),
    ...(shopper !== undefined && { shopper }),
    ...(gtin !== undefined && { gtin }),
    ...saidBy(asked),
  };
  return {
    decisions: [{ type: 'retail.offers.redeemed.v1', subject: campaign, data }],
    answer: granted({ claim, campaign }),
  };
}

function granted({ claim, campaign }: Pick<Use, 'claim' | 'campaign'>): ClaimAnswer {
  return { granted: true, claim, campaign };
}

function refused(asked: Asked, { offer, campaign }: Wanted, reason: ClaimRefusal, presented: string): Decision {
  const data = {
    ...{ reason, presented },
    ...(campaign !== undefined && { campaign }),
    ...(offer && { offer: offer.id }),
    ...(asked.shopper !== undefined && { shopper: asked.shopper }),
    ...saidBy(asked),
  };
  return { type: 'retail.offers.refused.v1', subject: campaign ?? asked.till, data };
}

function saidBy({ till, transaction, business_day, operator }: Asked): Receipted & { readonly operator?: string } {
  return { till, transaction, business_day, ...(operator !== undefined && { operator }) };
}
