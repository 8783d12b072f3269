/**
 * The score as a file: what `--out` and `--json` write. Shares are 0..1; what cannot be said, because there was nothing
 * to judge, is null. `format` grows when a figure changes its meaning; new figures may come without.
 */
import { z } from 'zod';

const count = z.number().int().nonnegative();
const share = z.number().nullable();

const foundSchema = z
  .strictObject({
    episodes: count.describe('that are judged: found and missed'),
    found: count,
    missed: count,
    false: count.describe('alerts of nothing'),
    repeated: count.describe('further alerts of what was found already'),
    excused: count.describe('alerts of what truly was about to happen and did not: neither found nor false'),
    brief: count.describe('episodes too short to be judged'),
    recall: share.describe('found / episodes'),
    precision: share.describe('found / (found + false + repeated)'),
    calls_per_episode: share.describe('times that staff were called, for each episode that there truly was'),
    seconds_to_find: z.strictObject({ p50: z.number().nullable(), p95: z.number().nullable() }),
    stale_hours: z.number().describe('sum of the time in which alerts stood without reason'),
  })
  .describe('what was, and which alerts found it; the rules stand in matching.ts');

const stockSchema = z.strictObject({
  shelves: count,
  known: share.describe('share of shelf-time in opening hours of which the hub said how many stand there'),
  error_known: z.number().nullable().describe('mean error of a shelf while it was known, items'),
  error: z.number().nullable().describe('mean error of a product, items; what is not known counts as a full shelf'),
  error_of_silence: z.number().nullable().describe('the same of a hub that says nothing'),
  skill: share.describe(
    '1 - error / error_of_silence: 1 knows all, 0 is worth no more than silence, below it misleads',
  ),
  skill_of_a_guess: share.describe(
    'the skill of saying once, of all shelves, that they are so many percent full, of the best such guess in hindsight: what is not above it needed no sensor',
  ),
});

export const scoreSchema = z.strictObject({
  format: z.literal(2),
  run: z
    .strictObject({
      world: z.string(),
      seed: z.number().int(),
      days: z.number().int(),
      coverage: z.number().describe('percent of the shelves that have a sensor'),
      hours_judged: z.number().describe('opening hours that the hub could see'),
    })
    .describe('what was judged'),
  gaps: z.strictObject({ all: foundSchema, with_sensor: foundSchema, without_sensor: foundSchema }),
  stock: z.strictObject({
    gtins: count,
    all: stockSchema,
    with_sensor: stockSchema,
    without_sensor: stockSchema,
    unplanned: count.describe(
      'products on shelves that the hub told of and nobody planned; their items count as error',
    ),
    events_per_change: share.describe(
      'levels that the hub told without the first of each shelf, for each true change of one',
    ),
  }),
  items: z.strictObject({
    items: count,
    right_zone: share.describe(
      'share of item-time in opening hours in the right zone; an item that the hub does not know is in a wrong one',
    ),
    true_moves: count,
    events_per_move: share.describe(
      'arrivals, moves and departures that the hub told, without the one by which it found each item of the start',
    ),
  }),
  traffic: z.strictObject({
    hours: count.describe('of all lines'),
    true_persons: count,
    counted_persons: z.number().int(),
    error_per_hour: share.describe('sum over lines and hours of |counted - true|, in and out, per true person'),
  }),
  excursions: foundSchema.describe('of fridges, by the core of the goods; what that is stands in cold-truth.ts'),
  sales: z.strictObject({
    sales: count,
    missing: count,
    doubled: count,
    different: count.describe('with other goods than were sold, or for another amount'),
    invented: count.describe('that nobody made'),
  }),
  other_alerts: count.describe('raised by rules that are not judged here'),
  faults: z
    .array(
      z.strictObject({
        fault: z.string().describe('as --faults names it; `none`: whatever no fault touched'),
        times: count.describe('that it struck a device'),
        gaps: z.strictObject({ episodes: count, found: count, p50_seconds: z.number().nullable() }),
        excursions: z.strictObject({ episodes: count, found: count, p50_seconds: z.number().nullable() }),
        sales: z.strictObject({ sales: count, missing: count, doubled: count }),
      }),
    )
    .optional()
    .describe('the same while a device that watches it was struck by a fault'),
});

export type Score = z.infer<typeof scoreSchema>;
export type Found = z.infer<typeof foundSchema>;
export type Stock = z.infer<typeof stockSchema>;

/** For programs that read it. */
export function scoreJsonSchema(): object {
  return z.toJSONSchema(scoreSchema);
}
