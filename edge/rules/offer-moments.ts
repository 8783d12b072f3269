/**
 * What one shopper had so far: the moments in which a campaign was offered, or withheld for comparison. Both count alike
 * for the caps, so that the two groups live by the same rules and can be compared.
 */
import { hash } from 'node:crypto';
import type { Campaign } from '../contracts/campaigns.ts';
import type { Arm } from '../contracts/offers.ts';
import type { RuleTime } from './rule.ts';

const DAY_MS = 86_400_000;
/** Who had a campaign is remembered so long after its last day: clocks have been wrong by months. */
const KEPT_AFTER_MS = 90 * DAY_MS;
/** A clock that is wrong must not put off tidying up for ever. */
const LONGEST_WAIT_MS = 90 * DAY_MS;
/** Nobody waits for it: at whole hours, so that a row need not be written whenever it is looked at. */
const GRAIN_MS = 3_600_000;

/** The moments of one campaign. */
export interface Had {
  readonly campaign: string;
  /** Of the latest moment, as is what follows. */
  readonly arm: Arm;
  /** Elapsed ms, oldest first: those that still count for the cap, and the latest in any case. */
  readonly at: readonly number[];
  /** Products: the campaign's, then those to which the offer was moved. */
  readonly gtins: readonly string[];
  /** Latest offer; none in the hold-out. */
  readonly offer?: string;
}

/** In which group a shopper is for a campaign: always the same as long as the share is. */
export function armOf({ id, holdout = 0 }: Campaign, shopper: string): Arm {
  const share = Number.parseInt(hash('sha256', `${id}\0${shopper}`).slice(0, 12), 16) / 2 ** 48;
  return share < holdout ? 'holdout' : 'treated';
}

/** Whether the shopper's caps leave room for one more. `valid`: how long an offer of the campaign stands, ms. */
export function mayHave(campaign: Campaign, had: readonly Had[], valid: number, { elapsed }: RuleTime): boolean {
  const { id, per_shopper: cap, exclude = [] } = campaign;
  const own = had.find((one) => one.campaign === id);
  if (own && cap && own.at.filter((at) => elapsed - at < cap.within).length >= cap.offers) return false;
  // Who has an open offer gets no other; who would have one does not, either.
  if (own?.arm === 'holdout' && elapsed - latest(own) < valid) return false;
  return !had.some((one) => exclude.includes(one.campaign));
}

/** With one moment more, now. */
export function withMoment(
  had: readonly Had[],
  { id, gtin }: Campaign,
  arm: Arm,
  offer: string | undefined,
  { elapsed }: RuleTime,
): readonly Had[] {
  const before = had.find(({ campaign }) => campaign === id)?.at ?? [];
  const moment: Had = {
    ...{ campaign: id, arm, at: [...before, elapsed], gtins: [gtin] },
    ...(offer !== undefined && { offer }),
  };
  return [...had.filter(({ campaign }) => campaign !== id), moment];
}

/** The latest offer of a campaign was moved to another product: the same moment. */
export function moved(had: readonly Had[], campaign: string, gtin: string, offer: string): readonly Had[] {
  return had.map((one) =>
    one.campaign === campaign ? { ...one, offer, gtins: [...new Set([...one.gtins, gtin])] } : one,
  );
}

export function latest({ at }: Had): number {
  return at.at(-1) ?? Number.NEGATIVE_INFINITY;
}

/** What no cap, comparison or purchase can ask for any more goes; the same array when nothing does. */
export function stillNeeded(had: readonly Had[], campaigns: readonly Campaign[], now: RuleTime): readonly Had[] {
  const kept = had.flatMap((one) => {
    if (neededUntil(one, campaigns, now) <= now.elapsed) return [];
    const within = campaigns.find(({ id }) => id === one.campaign)?.per_shopper?.within ?? 0;
    const at = one.at.filter((moment, index) => index === one.at.length - 1 || now.elapsed - moment < within);
    return at.length === one.at.length ? [one] : [{ ...one, at }];
  });
  return kept.length === had.length && kept.every((one, index) => one === had[index]) ? had : kept;
}

/** When (elapsed) to look for what is not needed any more; nothing: there is nothing. */
export function tidyAt(had: readonly Had[], campaigns: readonly Campaign[], now: RuleTime): number | undefined {
  if (had.length === 0) return undefined;
  const last = Math.max(...had.map((one) => neededUntil(one, campaigns, now)));
  const at = Math.min(Math.max(last, now.elapsed), now.elapsed + LONGEST_WAIT_MS);
  return (Math.floor(at / GRAIN_MS) + 1) * GRAIN_MS;
}

/**
 * On the elapsed clock. While the campaign may still run, whether somebody is new to it is asked; while one that excludes
 * it may, whether somebody had it.
 */
function neededUntil(one: Had, campaigns: readonly Campaign[], now: RuleTime): number {
  const ends = campaigns
    .filter(({ id, exclude }) => id === one.campaign || exclude?.includes(one.campaign))
    .map(({ until }) => now.elapsed + Date.parse(until) + KEPT_AFTER_MS - now.wall);
  const own = campaigns.find(({ id }) => id === one.campaign);
  const asked = own ? latest(one) + Math.max(own.per_shopper?.within ?? 0, own.attribution + 1) : 0;
  return Math.max(asked, ...ends);
}
