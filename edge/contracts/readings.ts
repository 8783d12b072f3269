/**
 * Readings: what devices say, one schema per kind. The schema is the truth; the types follow from it.
 * Unknown fields are dropped by the schemas and counted by name where readings are decoded.
 */
import { z } from 'zod';
import { checkDigit } from './gtin.ts';
import { gtinSchema } from './planogram.ts';

export const KINDS = [
  'sale',
  'shelf',
  'traffic',
  'presence',
  'consent',
  'climate',
  'rfid',
  'status',
  'observation',
  'scan',
] as const;
export type Kind = (typeof KINDS)[number];

export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text);
}

const name = z.string().min(1).max(64);
const pseudonym = z.string().min(1).max(128);
const persons = z.number().int().min(0).max(1_000_000);
/** Minor units, pieces or persons: more than any shop has, and fewer digits than a payment card. */
export const LARGEST_AMOUNT = 999_999_999_999;
const total = z.number().int().min(0).max(LARGEST_AMOUNT);
const day = z.iso.date('expected a date that exists: YYYY-MM-DD');

/** ISO 8601 with offset. The zone may be missing from nothing: a local time without offset is refused. */
const ISO_WITH_OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** The last millisecond that ISO 8601 writes with four digits of a year. */
export const LATEST_MS = 253_402_300_799_999;

/** Device time -> epoch milliseconds. */
export const timeSchema = z.union([
  z
    .string()
    .regex(ISO_WITH_OFFSET, 'expected ISO 8601 with offset, such as 2026-11-20T09:15:00+01:00, or epoch milliseconds')
    .transform((text, context) => {
      const ms = Date.parse(text);
      // Date.parse takes 30 February for 2 March.
      const date = text.slice(0, 10);
      const midnight = Date.parse(`${date}T00:00:00Z`);
      if (Number.isNaN(ms) || Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) {
        context.addIssue({ code: 'custom', message: 'not a time that exists' });
        return z.NEVER;
      }
      if (ms < 0 || ms > LATEST_MS) {
        context.addIssue({ code: 'custom', message: 'expected a time from 1970 to 9999' });
        return z.NEVER;
      }
      return ms;
    }),
  z.number().int().min(0).max(LATEST_MS),
]);

const envelope = {
  id: z.string().min(1).max(128).optional().describe('repeats of (kind, device, id) are stored once'),
  time: timeSchema.optional().describe('ISO 8601 with offset, or epoch milliseconds; absent: time of receipt'),
};

const amount = z.number().int().min(-LARGEST_AMOUNT).max(LARGEST_AMOUNT);

const money = z.object({
  amount: amount.describe('minor units of the currency'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code, such as EUR'),
});

const quantity = z.union([
  z.number().min(-LARGEST_AMOUNT).max(LARGEST_AMOUNT),
  z.string().regex(/^-?\d{1,12}(\.\d{1,6})?$/, 'expected a number or decimal text, such as 1 or "0.345"'),
]);

const saleLine = z.object({
  gtin: gtinSchema,
  quantity,
  uom: z.string().min(1).max(16).default('EA').describe('unit of measure, UN/ECE recommendation 20'),
  price: money,
  discount: z.union([money, amount]).optional().describe('minor units, or an amount with currency'),
  epc: z.string().max(160).optional(),
  lot: z.string().max(40).optional(),
  expiry: day.optional(),
  kind: z.enum(['sale', 'return', 'void']).default('sale'),
});

const sale = z.object({
  ...envelope,
  till: name,
  transaction: z.string().min(1).max(64),
  business_day: day.optional().describe('default: the calendar day at the till'),
  lines: z.array(saleLine).min(1).max(1000),
  original: z.object({ till: name, transaction: z.string().min(1).max(64), business_day: day }).optional(),
  shopper: pseudonym.optional(),
  offer: z.string().max(128).optional(),
  coupon: z.string().max(128).optional(),
  total: z.union([money, amount]).optional().describe('minor units, or an amount with currency'),
  training: z.boolean().optional().describe('counted, never an event'),
});

const shelf = z
  .object({
    ...envelope,
    shelf: name,
    gtin: gtinSchema.optional(),
    count: z.number().int().min(0).max(100_000).optional().describe('items'),
    weight_g: z.number().min(-1_000_000).max(10_000_000).optional().describe('grams, gross'),
    fill: z.number().min(0).max(1).optional().describe('0 empty .. 1 full'),
  })
  .refine(
    (reading) => [reading.count, reading.weight_g, reading.fill].filter((value) => value !== undefined).length === 1,
    {
      message: 'expected exactly one of count, weight_g, fill',
    },
  );

const traffic = z
  .object({
    ...envelope,
    line: name.optional(),
    in: persons.optional().describe('persons since the last reading'),
    out: persons.optional().describe('persons since the last reading'),
    total_in: total.optional().describe('persons since the counter began'),
    total_out: total.optional().describe('persons since the counter began'),
    wraps_at: z
      .number()
      .int()
      .min(2)
      .max(LARGEST_AMOUNT)
      .optional()
      .describe('with totals: they begin again at 0 when they would reach it, such as 65536'),
    zone: name.optional(),
    occupancy: persons.optional().describe('persons in the zone'),
  })
  .refine(
    (reading) => {
      const counts = reading.in !== undefined || reading.out !== undefined;
      const totals = reading.total_in !== undefined || reading.total_out !== undefined;
      const crossing = reading.line !== undefined && counts !== totals;
      const occupied = reading.line === undefined && reading.zone !== undefined && reading.occupancy !== undefined;
      if (reading.wraps_at !== undefined && !totals) return false;
      return crossing
        ? !(reading.zone !== undefined || reading.occupancy !== undefined)
        : occupied && !counts && !totals;
    },
    { message: 'expected either line with in and out, or line with total_in and total_out, or zone with occupancy' },
  );

const presence = z.object({ ...envelope, zone: name, shopper: pseudonym, present: z.boolean() });

const consent = z.object({ ...envelope, shopper: pseudonym, granted: z.boolean(), scope: z.literal('offers') });

/** What a `climate` reading may say; also what its event shows. */
export const climateFields = z.object({
  ...envelope,
  unit: name,
  celsius: z.number().min(-273.15).max(1000).optional().describe('may be left out where door_open is told'),
  probe: z.enum(['air', 'product']).default('air'),
  humidity: z.number().min(0).max(100).optional().describe('relative humidity, percent'),
  door_open: z.boolean().optional(),
  defrost: z.boolean().optional(),
});

const climate = climateFields.refine(({ celsius, door_open }) => celsius !== undefined || door_open !== undefined, {
  path: ['celsius'],
  message: 'expected a number: degrees Celsius (only a reading with door_open may leave it out)',
});

const rfid = z.object({
  ...envelope,
  epc: z
    .string()
    .regex(/^(urn:epc:.{1,200}|([0-9A-Fa-f]{4}){1,31})$/, 'expected an EPC as hex (whole 16-bit words) or as EPC URI'),
  antenna: z.number().int().min(0).max(65_535).optional(),
  zone: name.optional().describe("where the antenna reads; default: as the reader's entry in `devices` says"),
  rssi_dbm: z.number().min(-150).max(50).optional(),
  count: z.number().int().min(1).optional().describe('sightings since the last report'),
});

/** Of no reader: a hub of antennas has 32 at each of 4 ports. */
const MOST_ANTENNAS = 128;

const status = z.object({
  ...envelope,
  online: z.boolean(),
  battery_percent: z.number().min(0).max(100).optional(),
  text: z.string().max(500).optional(),
  inventory: z.boolean().optional().describe('of an RFID reader: whether it reads tags now'),
  antennas: z
    .record(z.string().regex(/^\d{1,5}$/, 'expected the number of an antenna'), z.boolean())
    .refine((antennas) => Object.keys(antennas).length <= MOST_ANTENNAS, `expected at most ${MOST_ANTENNAS} antennas`)
    .optional()
    .describe('of an RFID reader: number of the antenna -> whether it is connected; others stay as they were'),
});

const observation = z
  .object({
    ...envelope,
    zone: name.optional(),
    shelf: name.optional(),
    label: name.describe('what was seen, such as shelf_empty or queue'),
    present: z.boolean().default(true).describe('false: it is seen no more'),
    count: z.number().int().min(0).max(100_000).optional().describe('how many of them'),
    confidence: z.number().min(0).max(1).optional().describe('of the camera, 0 to 1'),
  })
  .refine((reading) => (reading.zone === undefined) !== (reading.shelf === undefined), {
    message: 'expected either zone or shelf',
  });

const scan = z.object({
  ...envelope,
  code: z.string().min(1).max(2000).describe('as it was read; GS1 elements with their identifiers in brackets'),
  symbology: z.string().min(1).max(32).optional().describe('kind of barcode, where the scanner says it: gs1-128'),
  gtin: gtinSchema.optional(),
  internal: z
    .boolean()
    .optional()
    .describe('a number of the shop itself, in which a price or a weight may stand: no GTIN'),
  lot: z.string().min(1).max(40).optional(),
  expiry: day.optional().describe('use by, else best before'),
  serial: z.string().min(1).max(40).optional(),
  sscc: z
    .string()
    .regex(/^\d{18}$/, 'expected 18 digits')
    .refine((text) => checkDigit(text.slice(0, -1)) === Number(text.at(-1)), 'its check digit is wrong')
    .optional()
    .describe('of a logistic unit, such as a pallet'),
  shelf: name.optional(),
  zone: name.optional(),
});

export const readingSchemas = {
  sale,
  shelf,
  traffic,
  presence,
  consent,
  climate,
  rfid,
  status,
  observation,
  scan,
} as const;

export type ReadingOf<K extends Kind> = z.output<(typeof readingSchemas)[K]>;
