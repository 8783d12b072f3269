/**
 * Times as tills write them: ISO 8601 with an offset or without (then it is the store's local time), with a space
 * instead of the T, the day first with points (20.11.2026 09:15) or slashes (20/11/2026), the digits alone
 * (20261120091500), or epoch seconds or milliseconds. A slashed date is never read with the month first.
 */
import { dayInZone } from './business-day.ts';
import { localTime } from './local-time.ts';

export interface Told {
  /** Epoch ms. */
  readonly ms: number;
  /** Of the clock at the till, `YYYY-MM-DD`; of the store's, where the time is told in UTC or since the epoch. */
  readonly day: string;
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d{2}:?\d{2})?$/;
const DAY_FIRST = /^(\d{1,2})[./](\d{1,2})[./](\d{4})(?:,? (\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;
const DIGITS = /^(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?$/;
const EPOCH = /^(\d{10}|\d{13})$/;

export class SaleTime {
  readonly #zone: string;
  #local: ((wall: number) => number) | undefined;
  #dayAt: ((ms: number) => string) | undefined;

  constructor(timezone = 'UTC') {
    this.#zone = timezone;
  }

  /** Nothing where it is no time that exists. */
  read(text: string): Told | undefined {
    const iso = ISO.exec(text);
    if (iso !== null) {
      const [, year, month, day, hour, minute, second, fraction, offset] = iso;
      const wall = wallOf([year, month, day, hour, minute, second], fraction);
      if (wall === undefined) return undefined;
      if (offset === 'Z') return { ms: wall, day: this.#day(wall) };
      return { ms: offset === undefined ? this.#atHome(wall) : wall - offsetMs(offset), day: dayOf(wall) };
    }
    const dayFirst = DAY_FIRST.exec(text);
    if (dayFirst !== null) {
      const [, day, month, year, ...clock] = dayFirst;
      return this.#home(wallOf([year, month, day, ...clock]));
    }
    if (EPOCH.test(text) && !/^(19|20)\d{8}$/.test(text)) {
      const ms = text.length === 10 ? Number(text) * 1000 : Number(text);
      return { ms, day: this.#day(ms) };
    }
    const digits = DIGITS.exec(text);
    return digits === null ? undefined : this.#home(wallOf(digits.slice(1)));
  }

  /** Only a date: nothing where it is none that exists. */
  date(text: string): string | undefined {
    const told = this.read(text);
    // A day is meant as it is written, whatever stands behind it.
    return told && ISO.test(text) ? text.slice(0, 10) : told?.day;
  }

  #home(wall: number | undefined): Told | undefined {
    return wall === undefined ? undefined : { ms: this.#atHome(wall), day: dayOf(wall) };
  }

  #day(ms: number): string {
    this.#dayAt ??= dayInZone(this.#zone);
    return this.#dayAt(ms);
  }

  #atHome(wall: number): number {
    this.#local ??= localTime(this.#zone);
    return this.#local(wall);
  }
}

function wallOf(parts: readonly (string | undefined)[], fraction = ''): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0));
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second, Number(fraction.slice(0, 3).padEnd(3, '0')));
  // 30 February would be 2 March.
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
