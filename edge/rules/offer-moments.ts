/**
 * What one shopper had so far: the moments in which a campaign was offered, or withheld for comparison. Both count alike
 * for the caps, and what is withheld stands in the way of others as long as the offer would, so that the two groups live
 * by the same rules and can be compared. It outlives a withdrawal of consent: granting again is no second chance.
 */
import { hash } from 'node:crypto';
import type { Campaign, Capped } from '../contracts/campaigns.ts';
import type { Arm } from '../contracts/offers.ts';
import type { RuleTime } from './rule.ts';

const DAY_MS = 86_400_000;
/** Who had a campaign is remembered so long after its last day, or after it was taken out of the configuration: clocks have been wrong by months. */
const KEPT_AFTER_MS = 90 * DAY_MS;
/** A clock that is wrong must not put off tidying up for ever. */
const LONGEST_WAIT_MS = 90 * DAY_MS;
/** Nobody waits for it: at whole hours, so that a row need not be written whenever it is looked at. */
const GRAIN_MS = 3_600_000;

/** The moments of one campaign. */
export interface Had {
  readonly campaign: string;
  /** That of the first moment, whatever becomes of the campaign's share. */
  readonly arm: Arm;
  /** Elapsed ms, oldest first: those that still count for the cap, and the latest in any case. */
  readonly at: readonly number[];
  /** The campaign's product at the latest moment. */
  readonly gtin: string;
  /** What makes the campaign another one under the same id, as the book's counts begin anew by it. */
  readonly of?: string;
  /** Latest offer; none in the hold-out. */
  readonly offer?: string;
  /** What was withheld, while it would stand: until when (elapsed ms), and where. */
  readonly withheld?: { readonly until: number; readonly zone: string };
  /** A purchase of theirs stands that is put down to the campaign. */
  readonly bought?: true;
  /** The campaign is not in the configuration: since when (elapsed ms) that is known. */
  readonly gone?: number;
}

/** In which group a shopper new to a campaign is: always the same as long as the share is. */
export function armOf({ id, holdout = 0 }: Campaign, shopper: string): Arm {
  const share = Number.parseInt(hash('sha256', `${id}\0${shopper}`).slice(0, 12), 16) / 2 ** 48;
  return share < holdout ? 'holdout' : 'treated';
}

/** Which of the shopper's caps leaves no room for one more; nothing: there is room. */
export function cappedBy(campaign: Campaign, had: readonly Had[], { elapsed }: RuleTime): Capped | undefined {
  const { id, per_shopper: cap, exclude = [] } = campaign;
  const own = had.find((one) => one.campaign === id);
  if (own && cap && own.at.filter((at) => elapsed - at < cap.within).length >= cap.offers) return 'per-shopper';
  return had.some((one) => exclude.includes(one.campaign)) ? 'excluded' : undefined;
}

function identityOf({ from, zone, gtin }: Campaign): string {
  return [from, zone, gtin].join(' ');
}

/** Without what was of another campaign under the same id; the same array when nothing was. */
export function ofTheSame(had: readonly Had[], campaigns: readonly Campaign[]): readonly Had[] {
  const kept = had.filter(({ campaign, of }) => {
    const known = campaigns.find(({ id }) => id === campaign);
    return !known || of === undefined || of === identityOf(known);
  });
  return kept.length === had.length ? had : kept;
}

/** What a moment brought: an offer, or what would have been one. */
export type Moment = Pick<Had, 'arm' | 'offer' | 'withheld'>;

/** With one moment more, now. */
export function withMoment(
  had: readonly Had[],
  campaign: Campaign,
  moment: Moment,
  { elapsed }: RuleTime,
): readonly Had[] {
  const { id, gtin } = campaign;
  const before = had.find((one) => one.campaign === id);
  const at = [...(before?.at ?? []), elapsed];
  const after: Had = {
    campaign: id,
    at,
    gtin,
    of: identityOf(campaign),
    ...moment,
    ...(before?.bought && { bought: true }),
  };
  return [...had.filter((one) => one.campaign !== id), after];
}

/** The latest offer of a campaign was moved to another product: the same moment. */
export function moved(had: readonly Had[], campaign: string, offer: string): readonly Had[] {
  return had.map((one) => (one.campaign === campaign ? { ...one, offer } : one));
}

/** What is withheld would not stand any more. */
export function freed(one: Had): Had {
  const { withheld: _, ...rest } = one;
  return rest;
}

/** No purchase that counts for the campaign is left. */
export function gaveBack(had: readonly Had[], campaign: string): readonly Had[] {
  return had.map((one) => {
    if (one.campaign !== campaign || !one.bought) return one;
    const { bought: _, ...rest } = one;
    return rest;
  });
}

export function latest({ at }: Had): number {
  return at.at(-1) ?? Number.NEGATIVE_INFINITY;
}

/** What no cap, comparison or purchase can ask for any more goes; the same array when nothing does. */
export function stillNeeded(had: readonly Had[], campaigns: readonly Campaign[], now: RuleTime): readonly Had[] {
  const kept = had.flatMap((before) => {
    const campaign = campaigns.find(({ id }) => id === before.campaign);
    const one = campaign ? back(before) : { ...before, gone: before.gone ?? now.elapsed };
    if (neededUntil(one, campaigns, now) <= now.elapsed) return [];
    const within = campaign ? (campaign.per_shopper?.within ?? 0) : Number.POSITIVE_INFINITY;
    const at = one.at.filter((moment, index) => index === one.at.length - 1 || now.elapsed - moment < within);
    return at.length === one.at.length && one.gone === before.gone ? [before] : [{ ...one, at }];
  });
  return kept.length === had.length && kept.every((one, index) => one === had[index]) ? had : kept;
}

function back(one: Had): Had {
  const { gone: _, ...rest } = one;
  return rest;
}

/** When (elapsed) to look for what is not needed any more; nothing: there is nothing. */
export function tidyAt(
  had: readonly Had[],
  campaigns: readonly Campaign[],
  now: RuleTime,
  shopper: string,
): number | undefined {
  if (had.length === 0) return undefined;
  const last = Math.max(...had.map((one) => neededUntil(one, campaigns, now)));
  const at = Math.min(Math.max(last, now.elapsed), now.elapsed + LONGEST_WAIT_MS);
  // A campaign ends for all of its shoppers at once: each is looked at in a moment of the hour of their own.
  const own = Number.parseInt(hash('sha256', shopper).slice(0, 12), 16) % GRAIN_MS;
  return (Math.floor(at / GRAIN_MS) + 1) * GRAIN_MS + own;
}

/**
 * On the elapsed clock. While the campaign may still run, whether somebody is new to it is asked; while one that excludes
 * it may, whether somebody had it. One that was taken out of the configuration may be put back.
 */
function neededUntil(one: Had, campaigns: readonly Campaign[], now: RuleTime): number {
  const ends = campaigns
    .filter(({ id, exclude }) => id === one.campaign || exclude?.includes(one.campaign))
    .map(({ until }) => now.elapsed + Date.parse(until) + KEPT_AFTER_MS - now.wall);
  const own = campaigns.find(({ id }) => id === one.campaign);
  const asked = own
    ? latest(one) + Math.max(own.per_shopper?.within ?? 0, own.attribution + 1)
    : (one.gone ?? now.elapsed) + KEPT_AFTER_MS;
  return Math.max(asked, ...ends);
}
