/** The wall clock of a time zone, with its daylight saving: what the shop's opening hours and the ledger's times go by. */

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Offsets change at whole half hours. */
const BLOCK = 30 * MINUTE;

export interface Calendar {
  /** ISO 8601 with milliseconds and offset. */
  iso(ms: number): string;
  /** Epoch milliseconds of so many minutes past midnight on this date (`2026-03-05`). */
  at(date: string, minutes: number): number;
}

/** @param timezone IANA name; throws RangeError when there is none of this name */
export function calendar(timezone: string): Calendar {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  const offsets = new Map<number, { readonly minutes: number; readonly text: string }>();
  const offsetAt = (ms: number): { readonly minutes: number; readonly text: string } => {
    const block = Math.floor(ms / BLOCK);
    let offset = offsets.get(block);
    if (offset === undefined) {
      const name = format.formatToParts(block * BLOCK).find(({ type }) => type === 'timeZoneName')?.value ?? '';
      const [, sign = '+', hours = '00', minutes = '00'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
      const total = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
      offset = { minutes: total, text: `${sign}${hours}:${minutes}` };
      offsets.set(block, offset);
    }
    return offset;
  };
  return {
    iso(ms) {
      const { minutes, text } = offsetAt(ms);
      return `${new Date(ms + minutes * MINUTE).toISOString().slice(0, 23)}${text}`;
    },
    at(date, minutes) {
      const asUtc = Date.parse(`${date}T00:00:00Z`) + minutes * MINUTE;
      const near = asUtc - offsetAt(asUtc).minutes * MINUTE;
      return asUtc - offsetAt(near).minutes * MINUTE;
    },
  };
}

/** @param date such as `2026-03-05` */
export function dayAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

export function weekdayOf(date: string): Weekday {
  return WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? 'monday';
}
