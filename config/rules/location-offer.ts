/** Configuration of location offers: a shopper who stays in a zone gets that zone's best campaign. */
import { z } from 'zod';
import { duration } from '../values.ts';

export const locationOfferConfig = z
  .strictObject({
    dwell: duration({ max: '1h' }).prefault('8s').describe('how long a shopper must stay in a zone to get an offer'),
    valid: duration({ min: '1s', max: '7d' }).prefault('15m').describe('how long an offer to a shopper stands'),
    absent_after: duration({ min: '1s', max: '1d' })
      .prefault('10m')
      .describe('a shopper who was not sighted for so long has left, though nobody said so'),
    identities_per_device: z
      .number()
      .int()
      .min(2)
      .max(1_000_000)
      .default(200)
      .describe('more shoppers than this reported by one device within an hour are flagged'),
    works_here: duration({ min: '1m', max: '7d' })
      .prefault('4h')
      .describe('a shopper who was present for longer than this within a day and redeems an offer is flagged'),
  })
  .refine(({ dwell, absent_after }) => absent_after > dwell, {
    path: ['absent_after'],
    message: 'must be longer than dwell: sensors that tell changes only would never lead to an offer',
  });
