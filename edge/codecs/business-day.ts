/**
 * The calendar day in the store's time zone. Intl is slow, so one day is worked out per quarter of an hour and kept:
 * every zone's offset is a whole number of quarter hours, so no midnight falls inside one.
 */

const QUARTER_MS = 900_000;
const KEPT = 4096;

/** Epoch ms -> `YYYY-MM-DD` in an IANA time zone. Throws RangeError at once when the zone is unknown. */
export function dayInZone(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const kept = new Map<number, string>();
  let lastQuarter = Number.NaN;
  let lastDay = '';
  return (ms) => {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (quarter === lastQuarter) return lastDay;
    let day = kept.get(quarter);
    if (day === undefined) {
      const parts = new Map(format.formatToParts(quarter * QUARTER_MS).map((part) => [part.type, part.value]));
      day = `${(parts.get('year') ?? '').padStart(4, '0')}-${parts.get('month')}-${parts.get('day')}`;
      if (kept.size >= KEPT) kept.clear();
      kept.set(quarter, day);
    }
    lastQuarter = quarter;
    lastDay = day;
    return day;
  };
}

/**
 * The day a sale belongs to when it does not say (`timeText` as it was written, already known to be valid): the till's own calendar day if its time is written as local time
 * with an offset, else the store's day at the time it tells (the same for every resend), else at receipt.
 */
export function defaultBusinessDay(
  timeText: unknown,
  time: number | undefined,
  received: number,
  dayAt: (ms: number) => string,
): string {
  if (typeof timeText === 'string' && !timeText.endsWith('Z')) return timeText.slice(0, 10);
  return dayAt(time ?? received);
}
