/**
 * Offers as events, MQTT, the till and the pages carry them. `shopper` is always the keyed pseudonym: 26 characters
 * that only this hub's key for the shopper (shoppers.db) leads back to the pseudonym that devices say.
 */
import { z } from 'zod';
import { NO_OFFER_REASONS } from './campaigns.ts';

const id = z.string().length(26).describe('26 URL-safe characters');
const shopper = z.string().length(26).describe('keyed pseudonym');
const events = z.array(z.string()).describe('ids of the events that caused it');
const name = z.string().min(1).max(64);
const operator = name.optional().describe('who works at the till');

/** The receipt that something belongs to. */
const receipt = {
  till: name,
  transaction: z.string().min(1).max(64),
  business_day: z.iso.date({
    error: ({ input }) =>
      input === undefined ? 'missing, expected a date such as 2026-11-30' : 'expected a date that exists: YYYY-MM-DD',
  }),
};

export const receiptSchema = z.object(receipt);
export type Receipted = z.infer<typeof receiptSchema>;

export const ARMS = ['treated', 'holdout'] as const;
export type Arm = (typeof ARMS)[number];

export const WITHDRAWN_REASONS = ['no-stock', 'moved', 'consent', 'ended', 'configuration', 'better'] as const;

/** An offer to one shopper, or (`zone`) to whoever stands before the screen of a zone. */
export const offerSchema = z.object({
  id,
  audience: z.enum(['shopper', 'zone']),
  campaign: z.string(),
  zone: z.string(),
  gtin: z.string(),
  text: z.string(),
  expires: z.string().describe('ISO 8601'),
  shopper: shopper.optional(),
  first: z.boolean().optional().describe("the shopper's first of this campaign"),
  replaces: id.optional().describe('the offer that was moved to this product'),
  events,
});

export const withdrawnSchema = offerSchema
  .omit({ first: true, replaces: true })
  .extend({ reason: z.enum(WITHDRAWN_REASONS) });

/** Payload of `out/offers/shopper/<pseudonym>` and `out/offers/zone/<zone>`. */
export const sentOfferSchema = offerSchema
  .pick({ id: true, campaign: true, gtin: true, text: true, expires: true })
  .extend({
    code: z.string().optional().describe('of a coupon: to be shown at the till, good for one use'),
    withdrawn: z.enum(WITHDRAWN_REASONS).optional().describe('to a shopper only: the offer stands no more'),
    events,
  });

export const withheldSchema = z.object({
  campaign: z.string(),
  zone: z.string(),
  gtin: z.string(),
  shopper,
  first: z.boolean(),
  reason: z.literal('hold-out'),
  events,
});

export const seenOfferSchema = z.object({
  offer: id,
  campaign: z.string(),
  zone: z.string(),
  shopper: shopper.optional(),
});

export const playedSchema = z.object({
  offer: id,
  campaign: z.string(),
  zone: z.string(),
  screen: z.string().max(64),
  seconds: z.number().int().min(0).describe('how long it was to be seen'),
});

export const REDEEMED_BY = ['claim', 'sale', 'purchase'] as const;

/** `claim`: the till asked; `sale`: a sale named it; `purchase`: its shopper bought the product while it stood. */
export const redeemedSchema = z.object({
  claim: id,
  campaign: z.string(),
  offer: id.optional(),
  shopper: shopper.optional(),
  by: z.enum(REDEEMED_BY),
  gtin: z.string().optional().describe('product on offer'),
  operator,
  ...receipt,
  events: events.optional(),
});

export const CLAIM_REFUSALS = [
  'unknown-code',
  'unknown-campaign',
  'other-store',
  'used',
  'expired',
  'withdrawn',
  'capped',
  'not-running',
  'needs-code',
] as const;
export type ClaimRefusal = (typeof CLAIM_REFUSALS)[number];

export const refusedClaimSchema = z.object({
  campaign: z.string().optional(),
  offer: id.optional(),
  shopper: shopper.optional(),
  reason: z.enum(CLAIM_REFUSALS),
  presented: z.string().describe('keyed digest of the code, offer or campaign: tells one from another'),
  operator,
  ...receipt,
});

/** A purchase of the product within `attribution` after the offer, or after the moment it was withheld. */
export const attributedSchema = z.object({
  claim: id,
  campaign: z.string(),
  arm: z.enum(ARMS),
  offer: id.optional(),
  shopper,
  gtin: z.string(),
  quantity: z.number(),
  first: z.boolean().describe("the shopper's first purchase that counts for this campaign"),
  ...receipt,
  events,
});

/** A refund undid a redemption or an attribution. */
export const reversedSchema = z.object({
  claim: id.describe('of the redeemed or attributed event'),
  what: z.enum(['redeemed', 'attributed']),
  campaign: z.string(),
  arm: z.enum(ARMS).optional(),
  offer: id.optional(),
  shopper: shopper.optional(),
  last: z.boolean().optional().describe('the shopper has no purchase left that counts for this campaign'),
  ...receipt,
  refund: receiptSchema,
  events,
});

export const FLAGS = [
  'replayed-code',
  'guessed-code',
  'other-store',
  'impossible-movement',
  'many-identities',
  'same-operator',
  'works-here',
] as const;

export const flaggedSchema = z.object({
  reason: z.enum(FLAGS),
  shopper: shopper.optional(),
  device: z.string().optional(),
  campaign: z.string().optional(),
  offer: id.optional(),
  text: z.string().describe('one sentence for a manager'),
  evidence: z.record(z.string(), z.unknown()),
  events,
});

const share = z.object({ shoppers: z.number().int(), buyers: z.number().int() });

/** Lift: buyers per shopper, treated less held out, as a difference of shares with its 95 % interval. */
export const liftSchema = z.object({ difference: z.number(), low: z.number(), high: z.number() });
export type Lift = z.infer<typeof liftSchema>;

const effect = z.object({
  campaign: z.string(),
  made: z.number().int().describe('offers to shoppers'),
  played: z.number().int().describe('plays on screens'),
  seen: z.number().int(),
  redeemed: z.number().int(),
  withdrawn: z.number().int(),
  treated: share,
  holdout: share,
  lift: liftSchema.nullable().describe('null while one of the groups is empty'),
});

export const effectSchema = effect.extend({
  ended: z.boolean().optional().describe("the campaign's last day is over"),
  events: events.optional(),
});
export type Effect = z.infer<typeof effect>;

/** `POST /api/claims`. */
export const claimSchema = z
  .strictObject({
    ...receipt,
    code: z.string().min(1).max(64).optional(),
    campaign: name.optional(),
    shopper: z.string().min(1).max(128).optional().describe('pseudonym, as devices say it'),
    operator,
  })
  .refine((claim) => (claim.code === undefined) !== (claim.campaign === undefined), {
    message: 'expected either code or campaign',
  });
export type Claim = z.infer<typeof claimSchema>;

/** `POST /api/screens/<zone>/played`: a screen showed the offer of its ticket. */
export const playReportSchema = z.strictObject({
  play: z.string().min(1).max(64).describe('the ticket that came with the offer'),
  seconds: z.number().int().min(5).max(86_400).describe('how long it was to be seen'),
  screen: z.string().min(1).max(64).optional().describe('name of the screen; default its zone'),
});

export type ClaimAnswer =
  | { readonly granted: true; readonly claim: string; readonly campaign: string }
  | { readonly granted: false; readonly reason: ClaimRefusal; readonly text: string };

/** `used up`: of `budget` or `quantity` nothing is left. `removed`: it left the configuration, its results stay. */
export const CAMPAIGN_STATES = ['running', 'planned', 'ended', 'used up', 'removed'] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** What `store-hub offers`, `GET /api/offers` and the page show. */
export const offersReportSchema = z.object({
  campaigns: z.array(
    effect.extend({
      zone: z.string().describe('of a removed campaign empty, as are gtin, text, from and until'),
      gtin: z.string(),
      text: z.string(),
      from: z.string(),
      until: z.string(),
      state: z.enum(CAMPAIGN_STATES),
      open: z.number().int().describe('offers to shoppers that stand now'),
      held_out: z.number().optional().describe('share of shoppers who get no offer, for comparison: 0 to 1'),
      budget: z.number().int().optional(),
      quantity: z.number().int().optional(),
      no_shelf: z.boolean().optional().describe('never offered: the planogram has no shelf with it in the zone'),
    }),
  ),
  none: z
    .array(
      z.object({
        day: z.string(),
        zone: z.string(),
        campaign: z.string().optional(),
        reason: z.enum(NO_OFFER_REASONS),
        count: z.number().int(),
      }),
    )
    .describe('moments without an offer in the last 7 days; without consent: sightings'),
  flags: z
    .array(flaggedSchema.omit({ events: true }).extend({ time: z.string() }))
    .describe('newest first, at most 50'),
  timezone: z.string().optional().describe('of the store'),
});
export type OffersReport = z.infer<typeof offersReportSchema>;
