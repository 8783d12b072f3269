/** The rules that can be configured: one line for each; its keys live in its own file under `rules/`. */
import { z } from 'zod';
import { locationOfferConfig } from './rules/location-offer.ts';
import { shelfGapConfig } from './rules/shelf-gap.ts';

export const rulesSchema = z.strictObject({
  shelf_gap: shelfGapConfig.prefault({}).describe('alert staff when a shelf runs low'),
  location_offer: locationOfferConfig.prefault({}).describe("offer the zone's best campaign to a shopper who stays"),
});
