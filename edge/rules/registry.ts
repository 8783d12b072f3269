/** Every rule of the hub, one line each. */
import { bufferSpace } from './buffer-space.ts';
import { campaignEffect } from './campaign-effect.ts';
import { deviceHealth } from './device-health.ts';
import { journalDamage } from './journal-damage.ts';
import { type LocationOfferOptions, locationOffer } from './location-offer.ts';
import { offerAbuse } from './offer-abuse.ts';
import { redemption } from './redemption.ts';
import type { Rule } from './rule.ts';
import { type ShelfGapOptions, shelfGap } from './shelf-gap.ts';
import { zoneOffer } from './zone-offer.ts';

/** The `rules` section of the configuration, durations in milliseconds. */
export interface RulesConfig {
  readonly shelf_gap: ShelfGapOptions;
  readonly location_offer: LocationOfferOptions;
}

/** The states of rules differ; the engine keeps them as opaque JSON. */
export type AnyRule = Rule<unknown>;

export function rulesOf(config: RulesConfig): readonly AnyRule[] {
  return [
    shelfGap(config.shelf_gap) as AnyRule,
    bufferSpace as AnyRule,
    journalDamage as AnyRule,
    deviceHealth as AnyRule,
    campaignEffect as AnyRule,
    // Before location-offer: what a sale names is redeemed before the purchase is put down to an offer.
    redemption as AnyRule,
    locationOffer(config.location_offer) as AnyRule,
    zoneOffer as AnyRule,
    offerAbuse(config.location_offer) as AnyRule,
  ];
}
