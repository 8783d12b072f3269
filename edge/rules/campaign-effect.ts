/**
 * Campaign effect: tells head office how a campaign does, from the counts of the offer book. An hour after the first
 * change the counts are journaled, so at most once an hour; and once more when the campaign's last day is over, or when
 * it is no longer in the configuration. A purchase that is attributed later is told an hour later, too.
 */
import { effectOf } from '../contracts/lift.ts';
import { isWake, type Rule, type RuleTime, type Step, type Views } from './rule.ts';

const HOUR_MS = 3_600_000;

export interface CampaignEffectState {
  /** When (elapsed) what has changed is told. */
  readonly tellAt?: number;
  /** While the campaign runs: when (elapsed) the calendar day ends, and it may be over. */
  readonly lookAt?: number;
  /** The counts as they were last told. */
  readonly told?: string;
}

export const campaignEffect: Rule<CampaignEffectState> = {
  name: 'campaign-effect',
  version: 1,
  subscribes: [
    'retail.offers.made.v1',
    'retail.offers.withheld.v1',
    'retail.offers.withdrawn.v1',
    'retail.offers.seen.v1',
    'retail.offers.played.v1',
    'retail.offers.redeemed.v1',
    'retail.offers.attributed.v1',
    'retail.offers.reversed.v1',
    'local.campaigns.changed.v1',
  ],
  initial: {},
  keyOf: ({ data }) => String(data.campaign),
  step: (state, input, views, now, campaign) => {
    const counts = !isWake(input) && input.type !== 'local.campaigns.changed.v1';
    const tellAt = state.tellAt ?? (counts ? now.elapsed + HOUR_MS : undefined);
    const isOver = hasEnded(campaign, views, now);
    const ends = isOver && state.lookAt !== undefined;
    if (!ends && (tellAt === undefined || now.elapsed < tellAt)) return waits(state, tellAt, campaign, views, now);
    const effect = effectOf(campaign, views.offers.tally(campaign));
    const { lift: _, campaign: __, ...told } = effect;
    const text = JSON.stringify(told);
    const { tellAt: ___, lookAt, ...rest } = state;
    const left = ends || lookAt === undefined ? rest : { ...rest, lookAt };
    const after = waits(left, undefined, campaign, views, now);
    if (text === state.told && !ends) return after;
    const data = { ...effect, ...(isOver && { ended: true }) };
    const decisions = [{ type: 'retail.offers.effect.v1' as const, subject: campaign, data }];
    return { ...after, state: { ...after.state, told: text }, decisions };
  },
};

/** The state stays the same object while nothing in it changes: then nothing is written. */
function waits(
  state: CampaignEffectState,
  tellAt: number | undefined,
  campaign: string,
  views: Views,
  now: RuleTime,
): Step<CampaignEffectState> {
  const isPast = state.lookAt === undefined || state.lookAt <= now.elapsed;
  const lookAt = !isPast ? state.lookAt : runs(campaign, views, now) ? dayEnd(views, now) : undefined;
  const isSame = tellAt === state.tellAt && lookAt === state.lookAt;
  const { tellAt: _, lookAt: __, ...rest } = state;
  const next = isSame
    ? state
    : { ...rest, ...(tellAt !== undefined && { tellAt }), ...(lookAt !== undefined && { lookAt }) };
  const times = [tellAt, lookAt].filter((time) => time !== undefined);
  return { state: next, decisions: [], ...(times.length > 0 && { wakeAt: Math.min(...times) }) };
}

function dayEnd(views: Views, now: RuleTime): number {
  return now.elapsed + views.nextDay(now.wall) - now.wall;
}

function runs(id: string, views: Views, now: RuleTime): boolean {
  const campaign = views.campaigns.find((known) => known.id === id);
  return campaign !== undefined && views.runs(campaign, now.wall);
}

/** Past its last day or gone. A clock that went back to before its first day ends nothing. */
function hasEnded(id: string, views: Views, now: RuleTime): boolean {
  const campaign = views.campaigns.find((known) => known.id === id);
  return campaign === undefined || !views.runs({ ...campaign, from: '' }, now.wall);
}
