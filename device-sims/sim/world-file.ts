/**
 * A world as its file says it: floor, range of goods, tills, fridges, opening hours, and how people behave. Strict: an
 * unknown key is refused. Shares are 0..1 unless a comment says otherwise, money is minor units, weights are grams.
 */
import { z } from 'zod';
import { WEEKDAYS } from './calendar.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9 and -');
const text = z.string().min(1).max(120);
const share = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.number().int().min(0);
const many = z.number().int().min(1);
const weekday = z.enum(WEEKDAYS);
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 06:30');
/** From the smallest to the largest. */
const range = z.tuple([positive, positive]).refine(([low, high]) => low <= high, 'must rise: [smallest, largest]');
/** How often one, two, three ... relative to each other. */
const oneTwoThree = z.array(z.number().min(0)).min(1).max(12);

const zone = z.strictObject({
  zone: name,
  is: z.enum(['sales', 'entrance', 'checkout', 'fitting-room', 'back-room', 'dock']),
  area: z
    .tuple([z.number(), z.number(), positive, positive])
    .describe('metres from the left front corner of the building: left, front, width, depth'),
  next_to: z.array(name).default([]).describe('zones that one walks into from here; it holds both ways'),
  aisles: many.default(1),
  cabins: many.optional().describe('of fitting rooms'),
  seconds: positive.default(8).describe('to walk through'),
});

const department = z.strictObject({
  department: name,
  zones: z.array(name).min(1).describe('where its shelves stand, spread evenly'),
  units: z.array(name).default([]).describe('fridges its goods stand in, spread evenly'),
  skus: many,
  share: positive.describe('how often shoppers come for something of it, relative to the others'),
  zipf: z
    .number()
    .min(0)
    .max(2)
    .default(0.9)
    .describe('0: all products alike; 1: the second half as often, the third a third'),
  price: range,
  weight_g: range,
  names: z.array(text).min(1),
  sorts: z.array(text).default([]).describe('combined with the names in turn'),
  depth: range.default([5, 9]).describe('items in one facing'),
  facings: range.default([1, 6]),
  tare_g: positive.default(400),
  tagged: z.boolean().default(false).describe('each item has an RFID tag'),
  sensor: z.enum(['counter', 'scale']).default('counter').describe('which kind, where a shelf has one'),
});

const fridge = z.strictObject({
  unit: name,
  zone: name,
  is: z.enum(['chilled', 'frozen']),
  doors: z.enum(['glass', 'solid', 'none']),
  setpoint: z.number().min(-40).max(15),
  limit: z.number().min(-40).max(25).describe('warmer at the core of the goods is an excursion'),
  load_kg: positive.default(150),
});

const till = z.strictObject({
  till: name,
  is: z.enum(['fixed', 'self-service', 'mobile']),
  zone: name,
  queue: name.optional().describe('shared with others; default: its own'),
});

const behaviour = z.strictObject({
  per_day: positive.describe('parties on a day of weight 1'),
  week: z.partialRecord(weekday, z.number().min(0)).describe('weight of a day; default 1'),
  hours: z.record(z.string().regex(/^([0-9]|1\d|2[0-3])$/, 'must be an hour, 0 to 23'), z.number().min(0)),
  persons: oneTwoThree,
  errands: z.strictObject({ mean: positive, most: many }).describe('products that one comes for'),
  quantity: oneTwoThree.describe('items of a product'),
  choose_seconds: range,
  browsers: share.describe('look around and buy nothing'),
  put_back: share.describe('of what was picked'),
  wrong_shelf: share.describe('of what is put back'),
  try_on: share.default(0).describe('go to the fitting room with what they picked'),
  keep_after_trying: share.default(0.4),
  leave_in_cabin: share.default(0.2).describe('of what is not kept'),
  abandon: share.describe('leave the whole basket behind'),
  patience_minutes: positive.default(12).describe('a queue expected to take longer makes some leave the basket'),
  steal: share.describe('walk out without paying'),
  not_scanned: share.describe('of the items at self-service'),
  members: share.describe('show a loyalty card'),
  member_pool: many.describe('how many loyalty members there are'),
  self_service: share,
  mobile: share,
});

const staff = z.strictObject({
  members: many,
  rounds_minutes: positive.describe('between two rounds of one member'),
  notice: share.describe('of the shelves that are low, on one round'),
  cart: many.default(10).describe('shelves refilled from one cart'),
  counts_per_day: count,
  opening_fill: range.refine(([, most]) => most <= 1, 'must be at most 1').default([0.6, 1]),
  back_days: z.number().min(0).describe('demand of so many days in the back room'),
});

const deliveries = z.strictObject({
  days: z.array(weekday),
  at: clock,
  lines_per_pallet: many.default(60),
  short: share.describe('of the lines'),
  over: share.describe('of the lines'),
  wrong: share.describe('of the pallets hold something that was not announced'),
});

const promotion = z.strictObject({
  promotion: name,
  department: name,
  products: many.describe('so many of its most popular'),
  percent_off: z.number().min(0).max(90),
  demand: positive.describe('so many times as usual'),
  days: z.array(weekday).min(1),
});

const failure = z.strictObject({
  unit: name,
  day: many.describe('1: the first'),
  at: clock,
  hours: positive,
});

export const worldSchema = z.strictObject({
  world: name,
  about: text,
  timezone: text.describe('IANA name'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency such as EUR'),
  company_prefix: z
    .string()
    .regex(/^\d{7}$/, 'must be 7 digits')
    .describe('GS1, of all its GTINs'),
  coverage: z.strictObject({
    default: z.number().int().min(0).max(100),
    variants: z.array(z.number().int().min(0).max(100)).min(1),
  }),
  open: z.partialRecord(weekday, z.tuple([clock, clock])).describe('a day without is closed'),
  zones: z.array(zone).min(1),
  lines: z.array(z.strictObject({ line: name, zone: name })).min(1),
  departments: z.array(department).min(1),
  tills: z.array(till).min(1),
  fridges: z.array(fridge).default([]),
  shoppers: behaviour,
  staff,
  deliveries,
  promotions: z.array(promotion).default([]),
  failures: z.array(failure).default([]).describe('compressors that fail'),
  failure_days: positive.optional().describe('mean time between failures of one compressor, in days; none: never'),
});

export type WorldFile = z.infer<typeof worldSchema>;
export type Behaviour = WorldFile['shoppers'];
export type DepartmentPlan = WorldFile['departments'][number];
export type FridgePlan = WorldFile['fridges'][number];
export type ZonePlan = WorldFile['zones'][number];
