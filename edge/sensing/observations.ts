/**
 * What cameras see at shelves and in zones -> `observed` facts. Only a change is one: that it came or went, or that it is
 * another number. How sure the camera is moves with every picture, and goes with a change but is none.
 */
import type { Sensed, SensedReading, SensingViews } from './sensed.ts';
import { NOTHING } from './sensed.ts';

interface ObservationBody {
  readonly zone?: string;
  readonly shelf?: string;
  readonly label: string;
  readonly present: boolean;
  readonly count?: number;
}

/** What is seen at present; what is gone is remembered by nothing. */
interface Observed {
  readonly count?: number;
}

export function senseObservation(reading: SensedReading, views: SensingViews): Sensed {
  const { shelf, zone, label, present, count } = JSON.parse(reading.body) as ObservationBody;
  const type = shelf === undefined ? 'retail.traffic.observed.v1' : 'retail.shelves.observed.v1';
  const facts = [{ type, subject: reading.subject, data: reading.body }] as const;
  if (reading.history) return { facts, remember: [] };
  // Two cameras that look at the same place may see it differently: each is compared with itself.
  const key = JSON.stringify([reading.device, shelf === undefined ? 'zone' : 'shelf', shelf ?? zone, label]);
  const last = (views.recall('observed', key) ?? undefined) as Observed | undefined;
  if (last === undefined ? !present : present && last.count === count) return NOTHING;
  const observed: Observed | null = present ? { ...(count !== undefined && { count }) } : null;
  return { facts, remember: [['observed', key, observed]] };
}
