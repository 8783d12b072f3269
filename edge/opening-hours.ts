/** The store's opening hours and its clock on the wall, in its time zone. */
import type { OpeningHours, OpenSpan } from './contracts/opening-hours.ts';

const DAY_MS = 86_400_000;
const DAY_MINUTES = 1440;

/** What the clock and the calendar of the store show. */
interface LocalTime {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly minute: number;
}

/** Epoch ms -> `2026-11-20 10:36`, as staff read it. */
export function clockIn(timeZone: string): (wall: number) => string {
  const localAt = localIn(timeZone);
  return (wall) => {
    const { day, minute } = localAt(wall);
    const of = (amount: number): string => String(amount).padStart(2, '0');
    return `${day} ${of(Math.floor(minute / 60))}:${of(minute % 60)}`;
  };
}

/** Whether the store is open at a wall clock (epoch ms). */
export function openAt({ week, except }: OpeningHours, timeZone: string): (wall: number) => boolean {
  const localAt = localIn(timeZone);
  const spansOf = (midnight: number): readonly OpenSpan[] => {
    const date = new Date(midnight);
    return except[date.toISOString().slice(0, 10)] ?? week[date.getUTCDay()] ?? [];
  };
  return (wall) => {
    const { day, minute } = localAt(wall);
    const midnight = Date.parse(`${day}T00:00:00Z`);
    const within = (spans: readonly OpenSpan[], at: number): boolean =>
      spans.some(({ from, until }) => from <= at && at < until);
    return within(spansOf(midnight), minute) || within(spansOf(midnight - DAY_MS), minute + DAY_MINUTES);
  };
}

function localIn(timeZone: string): (wall: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
  });
  return (wall) => {
    const parts = new Map(format.formatToParts(wall).map(({ type, value }) => [type, value]));
    const { year, month, day, hour, minute } = Object.fromEntries(parts) as Record<string, string>;
    return {
      day: `${(year ?? '').padStart(4, '0')}-${month}-${day}`,
      minute: Number(hour) * 60 + Number(minute),
    };
  };
}
