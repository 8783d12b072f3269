/**
 * Sensing: readings become facts, and many become none. Pure: it is given what is remembered and says what to
 * remember; the writer applies both in one transaction.
 */
import type { EventType } from '../contracts/events.ts';
import { senseStatus } from './device-status.ts';
import { senseObservation } from './observations.ts';
import { NOTHING, type Sensed, type SensedReading, type SensingViews } from './sensed.ts';
import { senseShelf } from './shelf-level.ts';
import { sensePresence } from './shopper-presence.ts';
import { senseTraffic } from './traffic-counts.ts';

export function sense(reading: SensedReading, views: SensingViews): Sensed {
  switch (reading.kind) {
    case 'sale':
      return asItIs('retail.sales.sold.v1', reading);
    case 'climate':
      return asItIs('retail.climate.measured.v1', reading);
    case 'scan':
      return asItIs('retail.items.scanned.v1', reading);
    case 'shelf':
      return senseShelf(reading, views);
    case 'traffic':
      return senseTraffic(reading, views);
    case 'presence':
      return sensePresence(reading, views);
    case 'status':
      return senseStatus(reading, views);
    case 'observation':
      return senseObservation(reading, views);
    default:
      return NOTHING;
  }
}

function asItIs(type: EventType, reading: SensedReading): Sensed {
  return { facts: [{ type, subject: reading.subject, data: reading.body }], remember: [] };
}
