/** The catalogue of events: type -> stream and the schema of `data`. Fields are only ever added within `.v1`. */
import { z } from 'zod';
import { alertSchema } from './alerts.ts';
import {
  attributedSchema,
  effectSchema,
  flaggedSchema,
  offerSchema,
  playedSchema,
  redeemedSchema,
  refusedClaimSchema,
  reversedSchema,
  seenOfferSchema,
  withdrawnSchema,
  withheldSchema,
} from './offers.ts';
import { climateFields, readingSchemas } from './readings.ts';
import { type JournalStream, LOCAL_STREAM, STREAMS } from './streams.ts';

const readingId = z.string().optional().describe("the reading's own id");
const sequence = z.string().regex(/^\d{16}$/);

const alertChange = alertSchema.extend({
  by: z.string().optional(),
  reason: z.string().optional(),
  minutes: z.number().optional(),
});

const withoutEnvelope = { id: true, time: true } as const;

const observed = {
  label: z.string(),
  present: z.boolean(),
  count: z.number().int().optional(),
  confidence: z.number().optional(),
  readingId,
};

const keyed = z.string().length(26).describe('keyed pseudonym: only this hub can tell whose, until it is erased');

/** An item with an RFID tag, by sightings of readers. */
const item = z.object({
  epc: z.string().describe('pure identity URI; hex of the tag where the hub does not read its scheme'),
  gtin: z.string().optional(),
  serial: z.string().optional(),
  sscc: z.string().optional(),
  zone: z.string().describe('where it is now; of one that departed: where it was last'),
  reader: z.string().describe('that saw it last'),
  antenna: z.number().int().optional(),
  reads: z.number().int().optional().describe('sightings that the decision rests on, and their mean'),
  rssi_dbm: z.number().optional(),
});

const catalogue = {
  'retail.sales.sold.v1': {
    stream: 'sales',
    data: readingSchemas.sale
      .omit({ ...withoutEnvelope, training: true })
      .extend({ readingId, business_day: z.string(), shopper: keyed.optional().describe('with consent only') }),
  },
  'retail.shelves.level.v1': {
    stream: 'shelves',
    data: z.object({ shelf: z.string(), gtin: z.string(), count: z.number().int(), readingId }),
  },
  'retail.shelves.unclear.v1': {
    stream: 'shelves',
    data: z
      .object({
        shelf: z.string(),
        gtin: z.string().describe('what should stand there'),
        weight_g: z.number().describe('grams, gross'),
        nearest: z.number().int().describe('items whose weight comes nearest'),
        residual_g: z.number().describe('grams that they do not explain'),
        readingId,
      })
      .describe('mixed or unknown item: no number of items explains the weight; the level stays as it was known'),
  },
  'retail.shelves.observed.v1': {
    stream: 'shelves',
    data: z.object({ shelf: z.string(), ...observed }).describe('what a camera sees at a shelf; only changes are told'),
  },
  'retail.traffic.crossed.v1': {
    stream: 'traffic',
    data: z.object({ line: z.string(), in: z.number().int(), out: z.number().int(), readingId }),
  },
  'retail.traffic.occupancy.v1': {
    stream: 'traffic',
    data: z.object({ zone: z.string(), occupancy: z.number().int(), readingId }),
  },
  'retail.traffic.observed.v1': {
    stream: 'traffic',
    data: z.object({ zone: z.string(), ...observed }).describe('what a camera sees in a zone; only changes are told'),
  },
  'retail.climate.measured.v1': {
    stream: 'climate',
    data: climateFields.omit(withoutEnvelope).extend({ readingId }),
  },
  'retail.items.scanned.v1': {
    stream: 'items',
    data: readingSchemas.scan.omit(withoutEnvelope).extend({ readingId }),
  },
  'retail.shoppers.consent.v1': {
    stream: 'shoppers',
    data: readingSchemas.consent.omit(withoutEnvelope).extend({ readingId, shopper: keyed }),
  },
  'retail.shoppers.present.v1': {
    stream: 'shoppers',
    data: readingSchemas.presence.omit(withoutEnvelope).extend({
      readingId,
      shopper: keyed,
      inferred: z.boolean().optional().describe('nobody said so: seen elsewhere, or not sighted for long'),
      events: z.array(z.string()).optional().describe('of a decision of the hub: ids of the events that caused it'),
    }),
  },
  'retail.shoppers.erased.v1': {
    stream: 'shoppers',
    data: z.object({ shopper: keyed }).describe('tombstone: whatever is kept under this pseudonym is to be forgotten'),
  },
  'retail.offers.made.v1': { stream: 'offers', data: offerSchema },
  'retail.offers.withheld.v1': { stream: 'offers', data: withheldSchema },
  'retail.offers.withdrawn.v1': { stream: 'offers', data: withdrawnSchema },
  'retail.offers.seen.v1': { stream: 'offers', data: seenOfferSchema },
  'retail.offers.played.v1': { stream: 'offers', data: playedSchema },
  'retail.offers.redeemed.v1': { stream: 'offers', data: redeemedSchema },
  'retail.offers.refused.v1': { stream: 'offers', data: refusedClaimSchema },
  'retail.offers.attributed.v1': { stream: 'offers', data: attributedSchema },
  'retail.offers.reversed.v1': { stream: 'offers', data: reversedSchema },
  'retail.offers.flagged.v1': { stream: 'offers', data: flaggedSchema },
  'retail.offers.effect.v1': { stream: 'offers', data: effectSchema },
  'retail.alerts.raised.v1': { stream: 'alerts', data: alertChange },
  'retail.alerts.acknowledged.v1': { stream: 'alerts', data: alertChange },
  'retail.alerts.snoozed.v1': { stream: 'alerts', data: alertChange },
  'retail.alerts.dismissed.v1': { stream: 'alerts', data: alertChange },
  'retail.alerts.reopened.v1': { stream: 'alerts', data: alertChange },
  'retail.alerts.resolved.v1': { stream: 'alerts', data: alertChange },
  'retail.items.arrived.v1': { stream: 'items', data: item },
  'retail.items.moved.v1': { stream: 'items', data: item.extend({ from: z.string().describe('zone where it was') }) },
  'retail.items.departed.v1': { stream: 'items', data: item },
  'retail.devices.seen.v1': {
    stream: 'devices',
    data: z.object({ device: z.string(), online: z.boolean(), battery_percent: z.number().optional() }),
  },
  'retail.devices.silent.v1': {
    stream: 'devices',
    data: z.object({
      device: z.string().describe('or the way that several come by, with a / in it, such as lorawan/chirpstack'),
      since: z.string().describe('it was last heard then, or waited for from then on'),
      expected_s: z.number().describe('it should say something at least so often, seconds'),
      at_work: z.literal(true).optional().describe('expected_s counts only while the shop is at work'),
      behind: z.number().int().optional().describe('so many devices come by this way, and none of them was heard'),
    }),
  },
  'retail.devices.antenna.v1': {
    stream: 'devices',
    data: z
      .object({
        device: z.string().describe('an RFID reader'),
        antenna: z.number().int().optional().describe('its number, where the reader tells it'),
        zone: z.string().optional().describe('where it reads'),
        state: z
          .enum(['connected', 'disconnected', 'deaf'])
          .describe('deaf: nobody says so, but it reads nothing any more, none of the many items that it had'),
        items: z.number().int().optional().describe('of one that is deaf: how many it had'),
      })
      .describe('one antenna of a reader; as long as it is not connected, what it does not read has not departed'),
  },
  'retail.devices.clock.v1': {
    stream: 'devices',
    data: z.object({
      device: z.string(),
      seconds: z.number().int().describe("the device's clock minus the hub's: the median of its last 20"),
      off: z.boolean().describe('it is wrong by more than a minute; false: it is right again'),
    }),
  },
  'retail.devices.counterreset.v1': {
    stream: 'devices',
    data: z
      .object({
        device: z.string(),
        line: z.string(),
        direction: z.enum(['in', 'out']),
        from: z.number().int().describe('the total before'),
        to: z.number().int(),
        wrapped: z.boolean().describe('it had reached its highest number: what passed is known, and counted'),
        jumped: z.boolean().optional().describe('it rose by more than can have passed: that is not counted'),
      })
      .describe('a running total that did not simply go on'),
  },
  'retail.devices.incarnation.v1': {
    stream: 'devices',
    data: z.object({
      previous: z.string().nullable(),
      lastknown: z.partialRecord(z.enum(STREAMS), sequence).describe('last streamsequence of each stream before'),
      reason: z.string(),
    }),
  },
  'retail.devices.dropped.v1': {
    stream: 'devices',
    data: z.object({
      stream: z.enum(STREAMS),
      incarnation: z.string(),
      from: sequence,
      to: sequence,
      count: z.number().int(),
      firstsequence: sequence,
      lastsequence: sequence,
      reason: z.string(),
    }),
  },
  'retail.devices.resumed.v1': {
    stream: 'devices',
    data: z.object({ mode: z.enum(['refill', 'new-incarnation', 'repartition']), reason: z.string() }).loose(),
  },
  'retail.devices.clockstepped.v1': {
    stream: 'devices',
    data: z.object({ from: z.string(), to: z.string(), seconds: z.number() }),
  },
  'retail.devices.heartbeat.v1': {
    stream: 'devices',
    data: z.object({
      version: z.string(),
      config: z.string().describe('hash of the configuration'),
      buffer: z.object({ events: z.number().int(), oldest_age_s: z.number() }),
      clock: z.enum(['synced', 'unsynced']),
    }),
  },
  'local.command.alert.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      alert: z.string(),
      rule: z.string(),
      subject: z.string(),
      action: z.string(),
      by: z.string().optional(),
      minutes: z.number().optional(),
      reason: z.string().optional(),
    }),
  },
  'local.buffer.changed.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      level: z.enum(['high', 'normal']),
      percent: z.number().describe('of the disk budget, by what head office does not have'),
      cloud: z.boolean(),
      dropped: z.partialRecord(z.enum(STREAMS), z.number().int()).optional().describe('for want of room, since then'),
      since: z.string().optional(),
      over: z.boolean().optional().describe('no more is dropped'),
    }),
  },
  'local.journal.salvaged.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      cause: z.string(),
      aside: z.string().describe('where the damaged file lies'),
      reason: z.enum(['salvage', 'lost']),
      incarnation: z.string(),
      saved: z.partialRecord(z.enum(STREAMS), z.number().int()),
      lost: z.partialRecord(z.enum(STREAMS), z.number().int()).describe('what head office did not have'),
      state: z.array(z.string()).describe('tables of which something could not be read'),
    }),
  },
  'local.campaigns.changed.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      campaign: z.string(),
      zones: z.array(z.string()).describe('where it was or is offered'),
      anew: z.boolean().optional().describe('it is another campaign under an old id: its counts begin anew'),
    }),
  },
  'local.planogram.changed.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      shelf: z.string(),
      zones: z.array(z.string()).optional().describe('where it was or is'),
      was: z.object({ zone: z.string(), gtin: z.string() }).optional().describe('what stood there before'),
    }),
  },
  'local.devices.changed.v1': {
    stream: LOCAL_STREAM,
    data: z.object({
      device: z.string().describe('it is no longer in the configuration'),
      into: z.string().optional().describe('or it is: its silence is that of the way that it comes by'),
    }),
  },
  'local.wake.v1': { stream: LOCAL_STREAM, data: z.object({ rule: z.string(), key: z.string() }) },
} as const satisfies Record<string, { stream: JournalStream; data: z.ZodType }>;

export type EventType = keyof typeof catalogue;

export const EVENT_TYPES = Object.keys(catalogue) as readonly EventType[];

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(catalogue, text);
}

export function streamOf(type: EventType): JournalStream {
  return catalogue[type].stream;
}

export function dataSchemaOf(type: EventType): z.ZodType {
  return catalogue[type].data;
}
