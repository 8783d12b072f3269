/**
 * Abuse of offers is flagged with evidence, for a manager to judge; nothing is refused, blocked or dropped because of it.
 *
 *   replayed-code ........ a code that was used is presented with another receipt
 *   guessed-code ......... 5 different codes that nobody made at one till within 10 minutes
 *   other-store .......... a code of another store of the chain
 *   impossible-movement .. a shopper changes zones faster than anybody walks (whereabouts.ts)
 *   many-identities ...... one device tells of more shoppers within an hour than pass by (identity-count.ts)
 *   works-here ........... who is here for hours each day redeems an offer
 *   same-operator ........ one operator grants the same shopper 3 offers within 7 days
 *
 * Keys bear what they are about before a slash: `shopper/`, `device/`, `code/` (by the offer) and `till/`. Without
 * consent nothing is kept under `shopper/`; the other rows name no shopper.
 */
import type { z } from 'zod';
import type { redeemedSchema, refusedClaimSchema } from '../contracts/offers.ts';
import { type Identities, identitiesOf, identitiesUntil, noIdentities, withIdentity } from './identity-count.ts';
import { isWake, type Rule, type RuleEvent, type RuleTime, type Step, type Views } from './rule.ts';
import { type Concerned, type Suspicion, type Told, tell, tellingAt } from './suspicion.ts';
import { departed, entered, lately, presentLately, until, type Whereabouts } from './whereabouts.ts';

/** The part of `rules.location_offer` that concerns abuse; `works_here` in milliseconds. */
export interface OfferAbuseOptions {
  readonly identities_per_device: number;
  readonly works_here: number;
}

export interface OfferAbuseState extends Whereabouts {
  readonly told?: Told;
  /** Of a shopper: redemptions that an operator granted. */
  readonly granted?: readonly (readonly [operator: string, elapsed: number, event: string])[];
  /** Of a device. */
  readonly identities?: Identities;
  /** Of a till: codes that nobody made. */
  readonly unknown?: readonly (readonly [elapsed: number, event: string, digest: string])[];
}

/** What an input changes in the state, and what looks like abuse. */
interface Noted {
  readonly state: OfferAbuseState;
  readonly suspicions?: readonly Suspicion[];
}

type Refused = z.infer<typeof refusedClaimSchema>;
type Redeemed = z.infer<typeof redeemedSchema>;

const NAME = 'offer-abuse';
const GUESSES = 5;
const GUESSING_MS = 600_000;
const SAME_OPERATOR = 3;
const SAME_OPERATOR_MS = 7 * 86_400_000;
/** Of more the oldest are forgotten; nobody redeems so many within 7 days unseen. */
const MOST_GRANTED = 30;
const HOUR_MS = 3_600_000;
const FORGET_GRAIN_MS = 24 * HOUR_MS;

export function offerAbuse(options: OfferAbuseOptions): Rule<OfferAbuseState> {
  return {
    name: NAME,
    version: 1,
    subscribes: [
      'retail.shoppers.present.v1',
      'retail.shoppers.consent.v1',
      'retail.offers.refused.v1',
      'retail.offers.redeemed.v1',
    ],
    initial: {},
    keyOf,
    step: (before, input, views, now, key) => {
      if (!isWake(input) && input.type === 'retail.shoppers.consent.v1') return { state: {}, decisions: [] };
      if (!isWake(input) && isKnownTo(before, key, input, options, now)) return asBefore(before);
      const state = recent(before, now.elapsed);
      const noted = isWake(input) ? { state } : note(state, input, options, views, now, key);
      return tellAbout(noted, key, now);
    },
  };
}

function keyOf({ type, source, subject, history, data }: RuleEvent): string | readonly string[] | undefined {
  if (history) return undefined;
  switch (type) {
    case 'retail.shoppers.consent.v1':
      return data.granted === false ? `shopper/${subject}` : undefined;
    case 'retail.shoppers.present.v1':
      return data.present === true ? [`shopper/${subject}`, `device/${source}`] : `shopper/${subject}`;
    case 'retail.offers.refused.v1': {
      const { reason, offer, till } = data as unknown as Refused;
      if (reason === 'used') return offer === undefined ? undefined : `code/${offer}`;
      return reason === 'unknown-code' || reason === 'other-store' ? `till/${till}` : undefined;
    }
    default:
      return data.shopper === undefined ? undefined : `shopper/${data.shopper}`;
  }
}

function note(
  state: OfferAbuseState,
  event: RuleEvent,
  options: OfferAbuseOptions,
  views: Views,
  now: RuleTime,
  key: string,
): Noted {
  if (key.startsWith('device/')) return counted(state, event, options, now);
  if (event.type === 'retail.shoppers.present.v1') return moved(state, event, views, now);
  if (event.type === 'retail.offers.refused.v1') return refused(state, event, views, now);
  return redeemed(state, event, options, views, now);
}

/** A device told of somebody of whom it told just before, or who is not in the sample: its row need not be written. */
function isKnownTo(
  state: OfferAbuseState,
  key: string,
  event: RuleEvent,
  options: OfferAbuseOptions,
  { elapsed }: RuleTime,
): boolean {
  if (!key.startsWith('device/')) return false;
  const identities = state.identities ?? noIdentities(options.identities_per_device);
  return withIdentity(identities, event.subject, elapsed) === identities;
}

/** A device told of a shopper. */
function counted(state: OfferAbuseState, event: RuleEvent, options: OfferAbuseOptions, { elapsed }: RuleTime): Noted {
  const before = state.identities ?? noIdentities(options.identities_per_device);
  const identities = withIdentity(before, event.subject, elapsed);
  const after = { ...state, identities };
  const [count, limit] = [identitiesOf(identities, elapsed), options.identities_per_device];
  if (count <= limit) return { state: after };
  const about = identities.level === 0 ? '' : 'about ';
  const suspicion: Suspicion = {
    reason: 'many-identities',
    text: `The device ${event.source} told of ${about}${count} shoppers within an hour, more than ${limit}.`,
    evidence: { identities: count, limit, within: '1h' },
    causes: [event.id],
  };
  return { state: after, suspicions: [suspicion] };
}

function moved(state: OfferAbuseState, event: RuleEvent, views: Views, now: RuleTime): Noted {
  const { zone, present } = event.data as { zone: string; present: boolean };
  if (!present) return { state: { ...state, ...departed(state, zone, views.sighted(event.subject), now) } };
  const { stay: _, quick: __, hours: ___, ...others } = state;
  const { after, suspicion } = entered(state, zone, event.id, now);
  return { state: { ...others, ...after }, suspicions: suspicion ? [suspicion] : [] };
}

function refused(state: OfferAbuseState, event: RuleEvent, views: Views, now: RuleTime): Noted {
  const data = event.data as unknown as Refused;
  const receipt = receiptOf(data);
  if (data.reason === 'unknown-code') return guessed(state, event, data, now);
  if (data.reason === 'other-store') {
    const text = `A code of another store was presented at ${receipt.till}.`;
    const { till } = receipt;
    return { state, suspicions: [{ reason: 'other-store', text, evidence: { receipt }, till, causes: [event.id] }] };
  }
  const { offer = '', campaign } = data;
  const [used] = views.offers.redemptionsOf(offer);
  const suspicion: Suspicion = {
    reason: 'replayed-code',
    text: `A code was presented at ${receipt.till} that had been used${used ? ` at ${used.till}` : ''} already.`,
    evidence: { receipt, ...(used && { used: { claim: used.claim, ...receiptOf(used) } }) },
    ...{ campaign, offer, till: receipt.till },
    causes: [event.id],
  };
  return { state, suspicions: [suspicion] };
}

function guessed(state: OfferAbuseState, event: RuleEvent, { till, presented }: Refused, { elapsed }: RuleTime): Noted {
  // Who types one code again and again has mistyped it.
  const before = (state.unknown ?? []).filter(([, , digest]) => digest !== presented);
  const unknown = [...before, [elapsed, event.id, presented] as const];
  if (unknown.length < GUESSES) return { state: { ...state, unknown } };
  const { unknown: _, ...after } = state;
  const suspicion: Suspicion = {
    reason: 'guessed-code',
    text: `${GUESSES} codes that the hub has not made were tried at ${till} within 10 minutes.`,
    evidence: { till, codes: GUESSES, within: '10m' },
    till,
    causes: unknown.map(([, id]) => id),
  };
  return { state: after, suspicions: [suspicion] };
}

/** Two suspicions may come of one redemption. */
function redeemed(
  state: OfferAbuseState,
  event: RuleEvent,
  options: OfferAbuseOptions,
  views: Views,
  now: RuleTime,
): Noted {
  const data = event.data as unknown as Redeemed;
  const suspicions: Suspicion[] = [];
  const { campaign, offer } = data;
  const evidence = { claim: data.claim, receipt: receiptOf(data) };
  const presentMs = presentLately(state, views.sighted(String(data.shopper)), now);
  if (presentMs > options.works_here) {
    const hours = Math.round(presentMs / (HOUR_MS / 10)) / 10;
    suspicions.push({
      reason: 'works-here',
      text: `An offer was redeemed by somebody who was here for ${hours} h within a day: perhaps staff.`,
      evidence: { ...evidence, present_s: Math.round(presentMs / 1000), limit_s: options.works_here / 1000 },
      ...{ campaign, offer, till: data.till },
      causes: [event.id],
    });
  }
  if (data.operator === undefined) return { state, suspicions };
  const granted = [...(state.granted ?? []), [data.operator, now.elapsed, event.id] as const].slice(-MOST_GRANTED);
  const own = granted.filter(([operator]) => operator === data.operator);
  if (own.length >= SAME_OPERATOR) {
    suspicions.push({
      reason: 'same-operator',
      text: `${data.operator} granted the same shopper ${own.length} offers within 7 days.`,
      evidence: { ...evidence, operator: data.operator, offers: own.length, within: '7d' },
      ...{ campaign, offer, till: data.till },
      causes: own.map(([, , id]) => id),
    });
  }
  return { state: { ...state, granted }, suspicions };
}

/** Flags what is to be told, and comes back when an hour of counting is over or everything here is past its time. */
function tellAbout({ state, suspicions = [] }: Noted, key: string, now: RuleTime): Step<OfferAbuseState> {
  const { told: before = {}, ...watched } = state;
  const { told, decisions } = tell(before, suspicions, concernedBy(key), now);
  const after = { ...watched, ...(Object.keys(told).length > 0 && { told }) };
  return { ...asBefore(after), decisions };
}

function asBefore(state: OfferAbuseState): Step<OfferAbuseState> {
  const ends = [tellingAt(state.told ?? {}), forgetAt(state)].filter((at) => at !== undefined);
  return { state, decisions: [], ...(ends.length > 0 && { wakeAt: Math.min(...ends) }) };
}

function concernedBy(key: string): Concerned {
  const slash = key.indexOf('/');
  const [kind, subject] = [key.slice(0, slash), key.slice(slash + 1)];
  return { subject, ...(kind === 'shopper' && { shopper: subject }), ...(kind === 'device' && { device: subject }) };
}

/** Without what is past its time. */
function recent(state: OfferAbuseState, elapsed: number): OfferAbuseState {
  const { told, granted = [], identities, unknown = [] } = state;
  const grants = granted.filter(([, at]) => elapsed - at < SAME_OPERATOR_MS);
  const tries = unknown.filter(([at]) => elapsed - at < GUESSING_MS);
  return {
    ...(told && { told }),
    ...lately(state, elapsed),
    ...(grants.length > 0 && { granted: grants }),
    ...(identities && elapsed < identitiesUntil(identities) && { identities }),
    ...(tries.length > 0 && { unknown: tries }),
  };
}

/** When (elapsed) nothing of it is of use any more. */
function forgetAt(state: OfferAbuseState): number | undefined {
  const { granted = [], identities, unknown = [] } = state;
  const ends = [
    until(state),
    ...granted.map(([, at]) => at + SAME_OPERATOR_MS),
    identities && identitiesUntil(identities),
    ...unknown.map(([at]) => at + GUESSING_MS),
  ].filter((at) => at !== undefined);
  // Nobody waits for it: at the same time for whatever happens meanwhile, so that it need not be written each time.
  return ends.length === 0 ? undefined : Math.ceil(Math.max(...ends) / FORGET_GRAIN_MS) * FORGET_GRAIN_MS;
}

function receiptOf({ till, transaction, business_day }: { till: string; transaction: string; business_day: string }) {
  return { till, transaction, business_day };
}
