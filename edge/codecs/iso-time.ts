/**
 * The usual forms of ISO 8601 with offset, read without a regular expression or Date.parse: `2026-11-20T09:15:00`,
 * a fraction of up to 3 digits, then `Z` or `+01:00`. A till sends the same date all day, so the date is worked out once.
 */

const ZERO = 0x30;
const MINUTE_MS = 60_000;

/** Reads what surely is a time; undefined means "ask the schema", not "wrong". */
export class IsoTimeReader {
  #date = '';
  #dateMs = Number.NaN;

  /** Epoch ms. */
  read(text: string): number | undefined {
    const length = text.length;
    if (length < 20 || text.charCodeAt(10) !== 0x54 || text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) {
      return undefined;
    }
    const hour = twoDigits(text, 11);
    const minute = twoDigits(text, 14);
    const second = twoDigits(text, 17);
    if (!(hour < 24 && minute < 60 && second < 60)) return undefined;
    let at = 19;
    let fraction = 0;
    if (text.charCodeAt(19) === 0x2e) {
      at = 20;
      for (let scale = 100; scale >= 1; scale /= 10, at += 1) {
        const digit = text.charCodeAt(at) - ZERO;
        if (!(digit >= 0 && digit <= 9)) break;
        fraction += digit * scale;
      }
      if (at === 20) return undefined;
    }
    const sign = text.charCodeAt(at);
    let offset = 0;
    if (sign === 0x5a) {
      if (length !== at + 1) return undefined;
    } else {
      if ((sign !== 0x2b && sign !== 0x2d) || length !== at + 6 || text.charCodeAt(at + 3) !== 0x3a) return undefined;
      const hours = twoDigits(text, at + 1);
      const minutes = twoDigits(text, at + 4);
      if (!(hours < 24 && minutes < 60)) return undefined;
      offset = (hours * 60 + minutes) * (sign === 0x2b ? MINUTE_MS : -MINUTE_MS);
    }
    const date = this.#startOf(text);
    if (Number.isNaN(date)) return undefined;
    return date + (hour * 60 + minute) * MINUTE_MS + second * 1000 + fraction - offset;
  }

  /** `YYYY-MM-DD`, and a day that exists. */
  isDate(text: string): boolean {
    return text.length === 10 && !Number.isNaN(this.#startOf(text));
  }

  /** Midnight UTC of the date that the text begins with; NaN unless it is plainly one. */
  #startOf(text: string): number {
    if (text.startsWith(this.#date) && this.#date !== '') return this.#dateMs;
    const date = text.slice(0, 10);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return Number.NaN;
    const ms = Date.parse(`${date}T00:00:00Z`);
    if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date) return Number.NaN;
    this.#date = date;
    this.#dateMs = ms;
    return ms;
  }
}

/** 0..99, or NaN-like (over 99) where there are no two digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}
