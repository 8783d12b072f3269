/** Views of an empty shop, for rules under test: a test adds what its rule looks at. */
import type { KnownOffer, OfferViews, Tally } from './offer-views.ts';
import type { Views } from './rule.ts';

export const EMPTY_TALLY: Tally = {
  ...{ made: 0, withheld: 0, withdrawn: 0, seen: 0, played: 0, redeemed: 0 },
  ...{ treated_shoppers: 0, treated_buyers: 0, holdout_shoppers: 0, holdout_buyers: 0 },
};

export function offersWith(more: Partial<OfferViews> = {}): OfferViews {
  const none = (): KnownOffer | undefined => undefined;
  return {
    ...{ get: none, byCode: none, ofZone: none, isCode: () => true, isForeign: () => false },
    ...{
      openOf: () => [],
      holdersOf: () => [],
      holdersIn: () => [],
      usesOf: () => [],
      claimsBeside: () => [],
      redemptionsOf: () => [],
      attributedTo: () => [],
      expects: () => false,
      digestOf: (presented) => presented,
      wasRefused: () => false,
    },
    tally: () => EMPTY_TALLY,
    ...more,
  };
}

export function viewsWith(more: Partial<Views> = {}): Views {
  let ids = 0;
  return {
    ...{ facing: () => undefined, level: () => undefined, onShelf: () => 0, shelvesOf: () => [] },
    ...{ zones: [], campaigns: [], campaignsIn: (zone) => (more.campaigns ?? []).filter((one) => one.zone === zone) },
    ...{ runs: () => false, nextDay: (wall) => wall + 86_400_000 },
    ...{
      consented: () => false,
      sighted: () => undefined,
      offers: offersWith(),
      device: () => undefined,
      clockAt: (ms: number) => new Date(ms).toISOString(),
    },
    newId: () => {
      ids += 1;
      return `id-${ids}`.padEnd(26, '0');
    },
    ...more,
  };
}
