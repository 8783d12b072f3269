/**
 * What a clock on the wall of the store shows, as epoch milliseconds. Intl is slow, so the offset from UTC is worked out
 * once per quarter of an hour and kept: no zone changes its offset within one. Of an hour that comes twice in autumn the
 * first is meant; an hour that is left out in spring is read as if the clock had not been moved yet.
 */

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;
const KEPT = 4096;

/** Local time as if it were UTC (epoch ms) -> epoch ms. Throws RangeError at once when the zone is unknown. */
export function localTime(timeZone: string): (wall: number) => number {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  /** What is added to UTC there and then. */
  const offsetAt = (ms: number): number => {
    const parts = new Map(format.formatToParts(ms).map((part) => [part.type, Number(part.value)]));
    const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - ms;
  };
  const kept = new Map<number, number>();
  return (wall) => {
    const quarter = Math.floor(wall / QUARTER_MS);
    let offset = kept.get(quarter);
    if (offset === undefined) {
      const start = quarter * QUARTER_MS;
      const before = offsetAt(start - DAY_MS);
      const after = offsetAt(start + DAY_MS);
      const holds = (candidate: number): boolean => offsetAt(start - candidate) === candidate;
      offset = holds(before) || !holds(after) ? before : after;
      if (kept.size >= KEPT) kept.clear();
      kept.set(quarter, offset);
    }
    return wall - offset;
  };
}
