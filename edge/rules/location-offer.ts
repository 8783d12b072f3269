/**
 * Location offer: a shopper with consent who stays in a zone for `dwell` gets that zone's best campaign, once a stay.
 * One row of state is one shopper, by keyed pseudonym.
 *
 *   in a zone for dwell ................... made; in the hold-out withheld; or none, with the reason
 *   seen elsewhere, or left ............... the stay is over; what was offered stands until it expires
 *   not sighted for absent_after .......... has left, though nobody said so
 *   product ran out ....................... moved to its substitute, or withdrawn (no-stock)
 *   campaign gone, or about something else  withdrawn (configuration)
 *   consent withdrawn ..................... withdrawn (consent); the stay is forgotten, the moments so far are not
 *   bought within attribution ............. attributed, and redeemed (offer-attribution.ts)
 *
 * Which offers stand is in the offer book alone. What the rule remembers is the stay and the moments so far
 * (offer-moments.ts); when it needs neither, the row goes.
 */
import type { Campaign } from '../contracts/campaigns.ts';
import type { Receipted } from '../contracts/offers.ts';
import { bestCampaign, hasBudget, hasQuantity, standIn } from './best-campaign.ts';
import { attribute } from './offer-attribution.ts';
import {
  armOf,
  cappedBy,
  freed,
  gaveBack,
  type Had,
  moved,
  ofTheSame,
  stillNeeded,
  tidyAt,
  withMoment,
} from './offer-moments.ts';
import type { KnownOffer } from './offer-views.ts';
import { type Decision, isWake, type Rule, type RuleEvent, type RuleTime, type Step, type Views } from './rule.ts';

/** Durations in milliseconds. */
export interface LocationOfferOptions {
  readonly dwell: number;
  readonly valid: number;
  readonly absent_after: number;
  readonly identities_per_device: number;
  readonly works_here: number;
}

/** Times in elapsed ms. */
interface Stay {
  readonly zone: string;
  readonly since: number;
  /** The latest sighting that was known when the wait for the next began. */
  readonly seen: number;
  /** Id of the event that began it: what is decided of it is caused by that. */
  readonly event: string;
  readonly decided?: true;
}

export interface LocationOfferState {
  readonly stay?: Stay;
  readonly had?: readonly Had[];
}

/** What one step works on: the parts of the state, and what is decided so far. */
interface Work {
  readonly shopper: string;
  readonly views: Views;
  readonly now: RuleTime;
  readonly options: LocationOfferOptions;
  readonly decisions: Decision[];
  stay: Stay | undefined;
  had: readonly Had[];
  noOffer?: NonNullable<Step<unknown>['noOffer']>;
}

/** A sale's shopper is put at its end, with consent: sales are many, and may be long. */
const SHOPPER = '"shopper":"';
const SHOPPER_LENGTH = SHOPPER.length + 26 + '"}'.length;

export function locationOffer(options: LocationOfferOptions): Rule<LocationOfferState> {
  return {
    name: 'location-offer',
    version: 1,
    subscribes: [
      'retail.shoppers.present.v1',
      'retail.shoppers.consent.v1',
      'retail.shelves.level.v1',
      'retail.sales.sold.v1',
      'retail.offers.reversed.v1',
      'local.campaigns.changed.v1',
      'local.planogram.changed.v1',
    ],
    initial: {},
    // An offer is a promise of many more rows; without room for what is sensed nobody knows where the shopper is, either.
    needsRoom: true,
    glance: (type, data) => type !== 'retail.sales.sold.v1' || data.startsWith(SHOPPER, data.length - SHOPPER_LENGTH),
    keyOf,
    step: (state, input, views, now, shopper) => {
      const { stay } = state;
      const had = ofTheSame(state.had ?? [], views.campaigns);
      const work: Work = { shopper, views, now, options, decisions: [], stay, had };
      const event = isWake(input) ? undefined : input;
      if (event?.type === 'retail.offers.reversed.v1') reversed(work, event);
      if (!views.consented(shopper)) {
        end(work);
        return stepOf(work, state);
      }
      if (event?.type === 'retail.shoppers.present.v1') work.stay = stayAfter(stay, event, now);
      if (event?.type === 'retail.sales.sold.v1') bought(work, event);
      const open = review(work, event);
      age(work);
      decide(work, open);
      return stepOf(work, state);
    },
  };
}

function keyOf(event: RuleEvent, views: Views): string | readonly string[] | undefined {
  if (event.history) return undefined;
  const { data, subject } = event;
  switch (event.type) {
    case 'retail.shoppers.present.v1':
      return subject;
    case 'retail.shoppers.consent.v1':
      return data.granted === true ? undefined : subject;
    case 'retail.shelves.level.v1': {
      const facing = views.facing(subject);
      const ranOut = data.count === 0 || data.gtin !== facing?.gtin;
      return facing && ranOut ? views.offers.holdersOf(facing.zone, facing.gtin) : undefined;
    }
    case 'local.planogram.changed.v1': {
      const was = data.was as { zone: string; gtin: string } | undefined;
      return was && views.offers.holdersOf(was.zone, was.gtin);
    }
    case 'local.campaigns.changed.v1':
      return views.offers.holdersIn(String(data.campaign));
    case 'retail.offers.reversed.v1':
      return shopperOf(event, views);
    default:
      return typeof data.shopper === 'string' ? data.shopper : undefined;
  }
}

/** After a withdrawal the event names no shopper; the book still knows whose purchase it was. */
function shopperOf({ data }: RuleEvent, views: Views): string | undefined {
  if (typeof data.shopper === 'string') return data.shopper;
  return views.offers.usesOf(data as unknown as Receipted).find(({ claim }) => claim === data.claim)?.shopper;
}

/** Without consent what is open ends, and so does the stay. Nothing comes to what the shopper had. */
function end(work: Work): void {
  const { views, shopper, decisions } = work;
  decisions.push(...views.offers.openOf(shopper).map((offer) => withdrawn(offer, 'consent')));
  work.stay = undefined;
  if (work.had.some(({ withheld }) => withheld)) work.had = work.had.map(freed);
}

function bought(work: Work, event: RuleEvent): void {
  const { views, now, shopper } = work;
  const { decisions, had } = attribute(event, work.had, views, now, shopper);
  work.decisions.push(...decisions);
  work.had = had;
}

function reversed(work: Work, { data }: RuleEvent): void {
  if (data.what === 'attributed' && data.last === true) work.had = gaveBack(work.had, String(data.campaign));
}

function stayAfter(stay: Stay | undefined, event: RuleEvent, { elapsed }: RuleTime): Stay | undefined {
  const zone = String(event.data.zone);
  if (event.data.present !== true) return stay?.zone === zone ? undefined : stay;
  if (stay?.zone === zone) return { ...stay, seen: elapsed };
  return { zone, since: elapsed, seen: elapsed, event: event.id };
}

/** Whether an offer stands or is withheld. One that holds no more is moved or withdrawn. */
function review(work: Work, event: RuleEvent | undefined): boolean {
  const { decisions, shopper, views } = work;
  const redeemed = decisions.map(({ data }) => data.offer);
  const offers = views.offers.openOf(shopper).filter(({ id }) => !redeemed.includes(id));
  // A refund opens an offer again: only if there is no other by now.
  const reopened = event?.type === 'retail.offers.reversed.v1' ? event.data.offer : undefined;
  const newest = offers.find(({ id }) => id !== reopened) ?? offers[0];
  let open = false;
  for (const offer of offers) {
    if (offer !== newest) decisions.push(withdrawn(offer, 'better'));
    else open = holds(work, offer);
  }
  return waits(work) || open;
}

/** Who is held out is free for another when an offer would not stand any more. */
function waits(work: Work): boolean {
  const { views, now } = work;
  const stands = ({ campaign: id, gtin, withheld }: Had): boolean => {
    const campaign = views.campaigns.find((known) => known.id === id);
    if (!withheld || now.elapsed >= withheld.until) return false;
    if (campaign?.zone !== withheld.zone || campaign.gtin !== gtin) return false;
    return views.onShelf(withheld.zone, gtin) > 0 || substituteFor(gtin, campaign, views) !== undefined;
  };
  const over = work.had.filter((one) => one.withheld && !stands(one));
  if (over.length > 0) work.had = work.had.map((one) => (over.includes(one) ? freed(one) : one));
  return work.had.some(({ withheld }) => withheld);
}

function holds(work: Work, offer: KnownOffer): boolean {
  const { decisions, shopper, views, now } = work;
  const campaign = views.campaigns.find(({ id }) => id === offer.campaign);
  const { gtin } = work.had.find((one) => one.campaign === offer.campaign) ?? offer;
  if (campaign?.zone !== offer.zone || campaign.gtin !== gtin) {
    decisions.push(withdrawn(offer, 'configuration'));
    return false;
  }
  if (views.onShelf(offer.zone, offer.gtin) > 0) return true;
  const substitute = substituteFor(offer.gtin, campaign, views);
  if (!substitute) {
    decisions.push(withdrawn(offer, 'no-stock'));
    return false;
  }
  const { audience, zone, expiresElapsed } = offer;
  const id = views.newId();
  // For as long as the one before it had left, whatever became of the wall clock.
  const expires = new Date(now.wall + expiresElapsed - now.elapsed).toISOString();
  decisions.push(withdrawn(offer, 'moved'), {
    type: 'retail.offers.made.v1',
    subject: campaign.id,
    data: { id, audience, campaign: campaign.id, zone, ...substitute, expires, shopper, replaces: offer.id },
  });
  work.had = moved(work.had, campaign.id, id);
  return true;
}

/** A product of the same zone that is on the shelf and may stand in, and how the offer then reads. */
function substituteFor(gtin: string, campaign: Campaign, views: Views): { gtin: string; text: string } | undefined {
  // An offer that was moved is one more of the campaign's budget.
  if (!hasBudget(campaign, views) || !hasQuantity(campaign, views)) return undefined;
  return standIn(gtin, campaign, views);
}

/** A missed 'left': who was not sighted for long is not there any more. */
function age(work: Work): void {
  const { stay, shopper, now, options } = work;
  if (!stay) return;
  const seen = Math.max(stay.seen, work.views.sighted(shopper) ?? 0);
  if (now.elapsed < seen + options.absent_after) {
    if (seen > stay.seen) work.stay = { ...stay, seen };
    return;
  }
  work.stay = undefined;
  work.decisions.push({
    type: 'retail.shoppers.present.v1',
    subject: shopper,
    data: { zone: stay.zone, shopper, present: false, inferred: true },
    causes: [stay.event],
  });
}

/** Once a stay, when it has lasted for `dwell`. */
function decide(work: Work, hasOpen: boolean): void {
  const { stay, shopper, views, now, options, decisions } = work;
  if (!stay || stay.decided || now.elapsed < stay.since + options.dwell) return;
  work.stay = { ...stay, decided: true };
  const validOf = (campaign: Campaign): number => campaign.valid ?? options.valid;
  const choice = bestCampaign(stay.zone, views, now, (campaign) => {
    if (hasOpen) return 'open-offer';
    return hasBudget(campaign, views) ? cappedBy(campaign, work.had, now) : 'used-up';
  });
  if (!('campaign' in choice)) {
    // Names of zones come from outside: only those of the shop are counted by name.
    const zone = views.zones.includes(stay.zone) ? stay.zone : '';
    work.noOffer = { zone, campaign: choice.of, reason: choice.none };
    return;
  }
  const { campaign } = choice;
  const { id, zone, gtin, text } = campaign;
  const before = work.had.find((one) => one.campaign === id);
  const arm = before?.arm ?? armOf(campaign, shopper);
  const first = before === undefined;
  const expires = expiryOf(campaign, validOf(campaign), views, now);
  const about = { campaign: id, zone, gtin, shopper, first };
  const causes = [stay.event];
  if (arm === 'holdout') {
    const data = { ...about, reason: 'hold-out' };
    decisions.push({ type: 'retail.offers.withheld.v1', subject: id, data, causes });
    const withheld = { until: now.elapsed + expires - now.wall, zone };
    work.had = withMoment(work.had, campaign, { arm, withheld }, now);
    return;
  }
  const offer = views.newId();
  const data = { id: offer, audience: 'shopper', ...about, text, expires: new Date(expires).toISOString() };
  decisions.push({ type: 'retail.offers.made.v1', subject: id, data, causes });
  work.had = withMoment(work.had, campaign, { arm, offer }, now);
}

/** Epoch ms: after `valid`, but not beyond the campaign's last day. */
function expiryOf(campaign: Campaign, valid: number, views: Views, { wall }: RuleTime): number {
  if (views.runs(campaign, wall + valid)) return wall + valid;
  let end = views.nextDay(wall);
  while (views.runs(campaign, end)) end = views.nextDay(end);
  return Math.min(wall + valid, end);
}

/** An offer stands no more. */
export function withdrawn(offer: KnownOffer, reason: string): Decision {
  const { id, audience, campaign, zone, gtin, text, expires, shopper } = offer;
  const data = { id, audience, campaign, zone, gtin, text, expires, shopper, reason };
  return { type: 'retail.offers.withdrawn.v1', subject: campaign, data };
}

/** The new state, the same object where nothing changed, and when to look again. */
function stepOf(work: Work, before: LocationOfferState): Step<LocationOfferState> {
  const { stay, views, now, options, decisions, noOffer } = work;
  const had = stillNeeded(work.had, views.campaigns, now);
  const isSame = stay === before.stay && had === (before.had ?? had);
  const state = isSame ? before : { ...(stay && { stay }), ...(had.length > 0 && { had }) };
  const times = stay ? [stay.seen + options.absent_after] : [tidyAt(had, views.campaigns, now, work.shopper)];
  if (stay && !stay.decided) times.push(stay.since + options.dwell);
  const at = times.filter((time) => time !== undefined);
  return { state, decisions, ...(noOffer && { noOffer }), ...(at.length > 0 && { wakeAt: Math.min(...at) }) };
}
