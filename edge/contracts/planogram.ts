/** The planogram: which product stands on which shelf, and how much of it is enough. */
import { z } from 'zod';
import { toGtin14 } from './gtin.ts';

export const gtinSchema = z.string().transform((text, context) => {
  const gtin = toGtin14(text);
  if (gtin === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'not a GTIN: 8, 12, 13 or 14 digits with a right check digit, as text',
    });
    return z.NEVER;
  }
  return gtin;
});

export const facingSchema = z
  .strictObject({
    shelf: z.string().min(1).max(64).describe('name of the shelf, as its sensor reports it'),
    zone: z.string().min(1).max(64).describe('zone of the shop floor that the shelf belongs to'),
    gtin: gtinSchema.describe('product on the shelf: GTIN as text, with its check digit'),
    name: z.string().min(1).max(120).describe('product name, as staff read it'),
    capacity: z.number().int().min(1).describe('items on a full shelf'),
    minimum: z.number().int().min(0).describe('fewer items than this is a gap'),
    refill: z.number().int().min(1).optional().describe('items that end a gap; default min(capacity, minimum + 2)'),
    unit_weight_g: z.number().positive().optional().describe('weight of one item in grams, for scales'),
    unit_sigma_g: z
      .number()
      .min(0)
      .optional()
      .describe('standard deviation of the weight of one item in grams, default 1 % of unit_weight_g'),
    tare_g: z.number().min(0).optional().describe('weight of the empty shelf in grams, default 0'),
    substitute: gtinSchema.optional().describe('product that may be offered instead'),
  })
  .refine((facing) => facing.minimum <= facing.capacity, { path: ['minimum'], message: 'must not exceed capacity' })
  .refine(
    (facing) => facing.refill === undefined || (facing.refill >= facing.minimum && facing.refill <= facing.capacity),
    {
      path: ['refill'],
      message: 'must lie between minimum and capacity',
    },
  );

/** One shelf position of the planogram. Weights in grams, counts in items. */
export type Facing = z.infer<typeof facingSchema>;

export function refillLevel(facing: Facing): number {
  return facing.refill ?? Math.min(facing.capacity, facing.minimum + 2);
}
