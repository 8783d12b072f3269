/**
 * People counters -> deltas. A counter that sends its running totals is remembered per device and line; the first
 * total and one that fell back (a reset) only set the mark to count from. Zero is no fact.
 */
import type { Memory, Sensed, SensedReading, SensingViews } from './sensed.ts';

interface TrafficBody {
  readonly line?: string;
  readonly in?: number;
  readonly out?: number;
  readonly total_in?: number;
  readonly total_out?: number;
  readonly zone?: string;
  readonly occupancy?: number;
  readonly readingId?: string;
}

interface Totals {
  readonly in?: number;
  readonly out?: number;
}

export function senseTraffic(reading: SensedReading, views: SensingViews): Sensed {
  const body = JSON.parse(reading.body) as TrafficBody;
  if (body.occupancy !== undefined) return senseOccupancy(reading, body, views);
  if (body.total_in === undefined && body.total_out === undefined)
    return crossed(body, body.in ?? 0, body.out ?? 0, []);
  if (reading.history) return { facts: [], remember: [] }; // a total of the past says nothing about the time between
  const key = `${reading.device}/${body.line}`;
  const last = (views.recall('totals', key) ?? {}) as Totals;
  const totals: Totals = {
    ...last,
    ...(body.total_in === undefined ? {} : { in: body.total_in }),
    ...(body.total_out === undefined ? {} : { out: body.total_out }),
  };
  const moved = totals.in !== last.in || totals.out !== last.out;
  return crossed(
    body,
    delta(last.in, body.total_in),
    delta(last.out, body.total_out),
    moved ? [['totals', key, totals]] : [],
  );
}

/** Persons since the last total; 0 for a first total or one that fell back. */
function delta(last: number | undefined, total: number | undefined): number {
  if (last === undefined || total === undefined || total < last) return 0;
  return total - last;
}

function crossed(body: TrafficBody, entered: number, left: number, remember: readonly Memory[]): Sensed {
  if (entered === 0 && left === 0) return { facts: [], remember };
  const data = {
    line: body.line,
    in: entered,
    out: left,
    ...(body.readingId === undefined ? {} : { readingId: body.readingId }),
  };
  return {
    facts: [{ type: 'retail.traffic.crossed.v1', subject: body.line ?? '', data: JSON.stringify(data) }],
    remember,
  };
}

function senseOccupancy(reading: SensedReading, body: TrafficBody, views: SensingViews): Sensed {
  const zone = body.zone ?? '';
  if (!reading.history && views.recall('occupancy', zone) === body.occupancy) return { facts: [], remember: [] };
  return {
    facts: [{ type: 'retail.traffic.occupancy.v1', subject: zone, data: reading.body }],
    remember: reading.history ? [] : [['occupancy', zone, body.occupancy]],
  };
}
