/** Configuration of the location-offer rule: a shopper who stays in a zone gets that zone's best campaign. */
import { z } from 'zod';
import { duration } from '../values.ts';

export const locationOfferConfig = z.strictObject({
  dwell: duration({ max: '1h' }).prefault('8s').describe('how long a shopper must stay in a zone to get an offer'),
});
