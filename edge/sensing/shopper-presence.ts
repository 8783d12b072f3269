/**
 * Sightings of a shopper -> `present` facts: in which zone somebody is. A shopper is in one zone at a time, so being
 * seen in another ends the stay in the first; a sighting that says the same is no fact. The subject is the keyed
 * pseudonym; only sightings with consent come this far.
 */
import type { Fact, Memory, Sensed, SensedReading, SensingViews } from './sensed.ts';
import { NOTHING } from './sensed.ts';

interface PresenceBody {
  readonly zone: string;
  readonly present: boolean;
  readonly readingId?: string;
}

/** Under this kind the zone of a shopper is remembered; null: in none. */
export const ZONE_OF = 'zone';

export function sensePresence(reading: SensedReading, views: SensingViews): Sensed {
  const { zone, present, readingId } = JSON.parse(reading.body) as PresenceBody;
  const shopper = reading.subject;
  const said = { ...(readingId !== undefined && { readingId }), zone, present, shopper };
  if (reading.history) return { facts: [fact(said)], remember: [] };
  const before = views.recall(ZONE_OF, shopper) as string | null | undefined;
  if (present ? before === zone : before !== zone) return NOTHING;
  const left = present && before ? [fact({ zone: before, present: false, shopper, inferred: true })] : [];
  const now: Memory = [ZONE_OF, shopper, present ? zone : null];
  return { facts: [...left, fact(said)], remember: [now] };
}

function fact(data: PresenceBody & { readonly shopper: string; readonly inferred?: true }): Fact {
  return { type: 'retail.shoppers.present.v1', subject: data.shopper, data: JSON.stringify(data) };
}
