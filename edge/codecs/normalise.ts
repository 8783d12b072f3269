/** From a valid reading to what the journal takes: subject, identity and the event's data as text, one function per kind. */
import { holdsCardData, maskCardData, maskCardDataIn } from '../contracts/card-data.ts';
import type { AcceptedReading } from '../contracts/intake.ts';
import type { Kind, ReadingOf } from '../contracts/readings.ts';
import { defaultBusinessDay } from './business-day.ts';
import { idIdentity, saleIdentity, shopperIdentity } from './identity.ts';
import type { Arrival, Outcome } from './outcome.ts';
import { namesIn } from './without-name.ts';

interface Common {
  readonly id?: string | undefined;
  readonly time?: number | undefined;
}

/** `raw` is the reading before validation, where the time is still as it was written. */
type Normaliser<K extends Kind> = (reading: ReadingOf<K>, arrival: Arrival, raw: unknown) => Outcome;

/** What holds card data is masked; its identity stays that of the reading as it was sent, so that a resend is a repeat. */
function accepted(reading: Common, arrival: Arrival, subject: string, fields: object): AcceptedReading {
  // Absent fields are undefined here, and JSON leaves them out.
  const body = JSON.stringify({ readingId: reading.id, ...fields });
  const masked = holdsCardData(body);
  if (masked) arrival.masked += 1;
  return {
    subject: maskCardData(subject),
    identity:
      reading.id === undefined
        ? undefined
        : concealed(idIdentity(arrival.kind, arrival.device, reading.id), [reading.id], arrival),
    time: reading.time,
    body: masked ? JSON.stringify({ readingId: reading.id, ...fields }, maskCardDataIn) : body,
  };
}

/** The journal keeps a plain hash of an identity, from which a card could be found by trying. */
function concealed(identity: string, parts: readonly string[], { context }: Arrival): string {
  return parts.some(holdsCardData) ? `masked ${context.conceal(identity)}` : identity;
}

export const normaliseSale: Normaliser<'sale'> = (sale, arrival, raw) => {
  if (sale.training === true) {
    arrival.training += 1;
    return 'counted';
  }
  const { till, transaction, lines, original, offer, coupon, total } = sale;
  const timeText = (raw as { readonly time?: unknown }).time;
  const business_day =
    sale.business_day ?? defaultBusinessDay(timeText, sale.time, arrival.received, arrival.context.dayAt);
  const fields = { till, transaction, business_day, lines, original, offer, coupon, total };
  const named = accepted(sale, arrival, `${till}/${transaction}`, fields);
  const identity =
    named.identity ?? concealed(saleIdentity(till, transaction, business_day), [till, transaction], arrival);
  const { shopper } = sale;
  // A payment card is nobody's pseudonym, and never kept.
  if (shopper === undefined || holdsCardData(shopper)) return { ...named, identity };
  // Whose it is could be found in its identity by trying.
  return {
    ...named,
    identity: namesIn(identity, shopper) ? `named ${arrival.context.conceal(identity)}` : identity,
    shopper,
  };
};

export const normaliseShelf: Normaliser<'shelf'> = (reading, arrival) => {
  const { shelf, count, weight_g, fill } = reading;
  const facing = arrival.context.facing(shelf);
  const lacking = facing === undefined ? 'this shelf is not in the planogram' : undefined;
  const gtin = reading.gtin ?? facing?.gtin;
  if (gtin === undefined) {
    return [{ pointer: '/gtin', message: `${lacking}: add the shelf there, or send gtin with the reading` }];
  }
  if (fill !== undefined && lacking !== undefined) {
    return [{ pointer: '/fill', message: `${lacking}: its capacity is needed to count from fill` }];
  }
  if (weight_g !== undefined && facing?.unit_weight_g === undefined) {
    const missing = lacking ?? 'the planogram has no unit_weight_g for this shelf';
    return [{ pointer: '/weight_g', message: `${missing}: unit_weight_g is needed to count from weight` }];
  }
  if (count === undefined && gtin !== facing?.gtin) {
    return [{ pointer: '/gtin', message: 'another product than the planogram has on this shelf: send a count' }];
  }
  return accepted(reading, arrival, shelf, { shelf, gtin, count, weight_g, fill });
};

export const normaliseTraffic: Normaliser<'traffic'> = (reading, arrival) => {
  const { id: _id, time: _time, ...fields } = reading;
  return accepted(reading, arrival, reading.line ?? reading.zone ?? '', fields);
};

export const normaliseClimate: Normaliser<'climate'> = (reading, arrival) => {
  const { id: _id, time: _time, ...fields } = reading;
  return accepted(reading, arrival, reading.unit, fields);
};

export const normaliseStatus: Normaliser<'status'> = (reading, arrival) => {
  const { id: _id, time: _time, ...fields } = reading;
  return accepted(reading, arrival, arrival.device, fields);
};

export const normaliseObservation: Normaliser<'observation'> = (reading, arrival) => {
  const { id: _id, time: _time, ...fields } = reading;
  return accepted(reading, arrival, reading.shelf ?? reading.zone ?? '', fields);
};

export const normaliseScan: Normaliser<'scan'> = (reading, arrival) => {
  const { id: _id, time: _time, ...fields } = reading;
  return accepted(reading, arrival, reading.gtin ?? reading.sscc ?? arrival.device, fields);
};

export const normalisePresence: Normaliser<'presence'> = (reading, arrival) =>
  aboutShopper(reading, arrival, { zone: reading.zone, present: reading.present });

export const normaliseConsent: Normaliser<'consent'> = (reading, arrival) =>
  aboutShopper(reading, arrival, { granted: reading.granted, scope: reading.scope });

/** Who it is about crosses apart from the rest, and an id that tells it, too, stays out of what is journaled. */
function aboutShopper(reading: Common & { readonly shopper: string }, arrival: Arrival, fields: object): Outcome {
  const { id, time, shopper } = reading;
  if (holdsCardData(shopper))
    return [{ pointer: '/shopper', message: 'a payment card, which is never kept: expected a pseudonym' }];
  const told = id?.includes(shopper) ? { time } : { id, time };
  const { kind, device, context } = arrival;
  const identity =
    id === undefined ? undefined : `shopper ${context.conceal(shopperIdentity(kind, device, id, shopper))}`;
  return { ...accepted(told, arrival, '', fields), identity, shopper };
}

/** A sighting of a tag, by an antenna of which it is known where it reads; all others only count. Its time is that of receipt. */
export const normaliseRfid: Normaliser<'rfid'> = ({ epc, antenna, zone, rssi_dbm, count }, { device, context }) => {
  const where = context.zoneOf?.(device, antenna, zone);
  if (where === undefined) return 'counted';
  const body = JSON.stringify({ zone: where, antenna, rssi_dbm, count });
  return { subject: epc, identity: undefined, time: undefined, body };
};
