/**
 * People counters -> deltas. A counter that sends its running totals is remembered per device and line. Zero is no fact.
 *
 *   first total ............................ sets the mark to count from
 *   it rose ................................ the difference
 *   it is a little lower ................... nothing: an old total, sent again or overtaken; the third in a row is believed
 *   it fell, and says where it wraps ....... the difference over the wrap, if so many can have passed
 *   it fell otherwise: it began anew ....... sets the mark
 *   it rose by more than can have passed ... sets the mark
 *
 * The last three are told of, too, so that nobody takes the hour for complete.
 */
import type { Fact, Memory, Sensed, SensedReading, SensingViews } from './sensed.ts';

/** Nobody gets more persons through a line in a minute, nor between two totals that follow at once. */
const MOST_A_MINUTE = 200;
const MINUTE_MS = 60_000;
/** What passed over a wrap is at most this share of it: a counter set back to 0 at night must not invent thousands. */
const OVER_WRAP = 1 / 8;
/** So long after its total last rose, one that stays is noted: nobody passed until then. */
const NOTED_MS = 10 * MINUTE_MS;
/** An old total is lower by no more than this, or than the mark last rose by, and more than half of the mark. */
const LITTLE = 300;
/** So many totals below the mark in a row, and it is the mark that is wrong. */
const BELIEVED = 3;

interface TrafficBody {
  readonly line?: string;
  readonly in?: number;
  readonly out?: number;
  readonly total_in?: number;
  readonly total_out?: number;
  readonly wraps_at?: number;
  readonly zone?: string;
  readonly occupancy?: number;
  readonly readingId?: string;
}

interface Totals {
  readonly in?: number;
  readonly out?: number;
  /** Elapsed clock when one of them last moved, or was last noted to stay. */
  readonly at?: number;
  /** What they last rose by. */
  readonly rose?: Readonly<Partial<Record<Direction, number>>>;
  /** Totals a little below the mark, since it was last reached. */
  readonly below?: Readonly<Partial<Record<Direction, Below>>>;
}

type Direction = 'in' | 'out';

interface Below {
  /** The first of them. */
  readonly from: number;
  readonly times: number;
}

interface Counted {
  /** It is taken for an old one: the mark stays. */
  readonly below?: Below;
  /** Persons since the last total. */
  readonly passed: number;
  /** Why the total did not simply go on. */
  readonly broke?: { readonly wrapped: boolean; readonly jumped?: true };
}

export function senseTraffic(reading: SensedReading, views: SensingViews): Sensed {
  const body = JSON.parse(reading.body) as TrafficBody;
  if (body.occupancy !== undefined) return senseOccupancy(reading, body, views);
  if (body.total_in === undefined && body.total_out === undefined)
    return crossed(body, body.in ?? 0, body.out ?? 0, []);
  if (reading.history) return { facts: [], remember: [] }; // a total of the past says nothing about the time between
  const key = `${reading.device}/${body.line}`;
  const last = (views.recall('totals', key) ?? {}) as Totals;
  const isStill = (body.total_in ?? last.in) === last.in && (body.total_out ?? last.out) === last.out;
  const isNoted = last.at === undefined || reading.elapsed === undefined || reading.elapsed - last.at < NOTED_MS;
  if (isStill && isNoted && last.below === undefined) return { facts: [], remember: [] };
  const limit = mostPassed(last.at, reading.elapsed);
  const entered = countedFrom(last, 'in', body.total_in, body.wraps_at, limit);
  const left = countedFrom(last, 'out', body.total_out, body.wraps_at, limit);
  const totals = after(last, body, entered, left, isStill && isNoted ? undefined : reading.elapsed);
  const sensed = crossed(body, entered.passed, left.passed, [['totals', key, totals]]);
  const broken = [
    ...brokeFact(reading.device, body, 'in', last.in, body.total_in, entered),
    ...brokeFact(reading.device, body, 'out', last.out, body.total_out, left),
  ];
  return broken.length === 0 ? sensed : { ...sensed, facts: [...broken, ...sensed.facts] };
}

function after(last: Totals, body: TrafficBody, entered: Counted, left: Counted, elapsed: number | undefined): Totals {
  const { below: _, ...known } = last;
  const below = { ...(entered.below && { in: entered.below }), ...(left.below && { out: left.below }) };
  const rose = {
    ...last.rose,
    ...(entered.passed > 0 && { in: entered.passed }),
    ...(left.passed > 0 && { out: left.passed }),
  };
  const hasOld = Object.keys(below).length > 0;
  return {
    ...known,
    ...(body.total_in !== undefined && !entered.below && { in: body.total_in }),
    ...(body.total_out !== undefined && !left.below && { out: body.total_out }),
    ...(Object.keys(rose).length > 0 && { rose }),
    ...(hasOld && { below }),
    ...(elapsed !== undefined && !hasOld && { at: elapsed }),
  };
}

/** Persons that can have passed since the total was as it was. */
function mostPassed(since: number | undefined, now: number | undefined): number {
  if (since === undefined || now === undefined) return Number.POSITIVE_INFINITY;
  return MOST_A_MINUTE * Math.max(1, (now - since) / MINUTE_MS);
}

function countedFrom(
  known: Totals,
  direction: Direction,
  total: number | undefined,
  wrapsAt: number | undefined,
  limit: number,
): Counted {
  const last = known[direction];
  if (last === undefined || total === undefined || total === last) return { passed: 0 };
  if (isLittleBelow(last, total, wrapsAt, known.rose?.[direction] ?? 0)) {
    const { from, times } = known.below?.[direction] ?? { from: total, times: 0 };
    if (times + 1 < BELIEVED) return { passed: 0, below: { from, times: times + 1 } };
    // It began anew, and has counted since.
    return { passed: total > from && total - from <= limit ? total - from : 0, broke: { wrapped: false } };
  }
  if (total > last) {
    const passed = total - last;
    return passed <= limit ? { passed } : { passed: 0, broke: { wrapped: false, jumped: true } };
  }
  const over = wrapsAt === undefined || last >= wrapsAt ? undefined : wrapsAt - last + total;
  return over !== undefined && wrapsAt !== undefined && over <= Math.min(limit, wrapsAt * OVER_WRAP)
    ? { passed: over, broke: { wrapped: true } }
    : { passed: 0, broke: { wrapped: false } };
}

/** Whether it can be a total of before; also from before a wrap that has just been counted over. */
function isLittleBelow(last: number, total: number, wrapsAt: number | undefined, rose: number): boolean {
  const little = Math.max(LITTLE, rose);
  if (total < last) return last - total <= little && total > last / 2;
  if (wrapsAt === undefined || total >= wrapsAt) return false;
  const back = last + wrapsAt - total;
  return back <= little && back < wrapsAt / 2;
}

function brokeFact(
  device: string,
  { line = '' }: TrafficBody,
  direction: Direction,
  from: number | undefined,
  to: number | undefined,
  { broke }: Counted,
): Fact[] {
  if (broke === undefined) return [];
  const data = JSON.stringify({ device, line, direction, from, to, ...broke });
  return [{ type: 'retail.devices.counterreset.v1', subject: device, data }];
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
