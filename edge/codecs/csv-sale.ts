/**
 * Rows of a table as sales: neighbouring rows of one till, transaction and day are the lines of one sale.
 *
 *   transaction, till          the receipt; `places` gives tills the names that the shop uses
 *   time, or date and clock    with an offset, or the store's local time (sale-time.ts); business_day, default its day
 *   gtin                       GTIN, PLU or one of `codes` (item-number.ts)
 *   quantity, uom              default 1 EA; a negative quantity without `kind` is a return
 *   amount                     price of one unit; or line_amount, of the whole line. Decimals, or minor units with
 *                              amounts: "=minor"
 *   kind                       sale, return or void, also by their first letters, refund or storno
 *   discount, total, currency, shopper, offer, coupon, epc, lot, expiry, training, original_*   as in a sale reading
 *
 * In a table separated by commas a decimal has a point; elsewhere a comma in it is the decimal comma, and points before
 * it group digits.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { FileRecord } from '../contracts/formats.ts';
import type { Field, Layout } from './csv-columns.ts';
import { FileFault } from './file-fault.ts';
import { type ItemNumber, itemNumber } from './item-number.ts';
import { isCurrency, minorUnits } from './money.ts';
import type { SaleTime } from './sale-time.ts';
import { speaksFor, unitOf } from './till-words.ts';

type Fields = Record<string, unknown>;

interface Sale {
  readonly key: string;
  readonly line: number;
  readonly till: string;
  readonly head: Fields;
  readonly lines: Fields[];
}

const KINDS: Readonly<Record<string, string>> = {
  ...{ sale: 'sale', s: 'sale', return: 'return', r: 'return', refund: 'return' },
  ...{ void: 'void', v: 'void', storno: 'void' },
};
const DECIMAL = /^[+-]?\d{0,12}(\.\d{1,9})?$/;
/** Digits grouped by commas with a decimal point, and the other way round; in India by two, before the last three. */
const POINT = /^-?[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d*)?$/;
const COMMA = /^-?([1-9]\d{0,2}(\.\d{3})+|\d*)(,\d*)?$/;
/** Signs of currencies, and what groups digits. */
const DECORATION = /[\s\u00a0\u202f'€$£¥]/g;

export class RowReader {
  readonly #device: DeviceConfig;
  readonly #layout: Layout;
  readonly #number: ItemNumber;
  readonly #time: SaleTime;
  readonly #hasPoint: boolean;
  #sale: Sale | undefined;
  readonly #begun = new Map<string, number>();
  #records: FileRecord[] = [];

  constructor(device: DeviceConfig, layout: Layout, time: SaleTime, separator: string) {
    this.#device = device;
    this.#layout = layout;
    this.#number = itemNumber(device.codes);
    this.#time = time;
    this.#hasPoint = layout.decimal === '.' || (layout.decimal === undefined && separator === ',');
  }

  /** Throws FileFault with line and column. */
  row(row: readonly string[], line: number): void {
    if (row.every((field) => field.trim() === '')) return;
    const { width } = this.#layout;
    if (row.length < width || row.slice(width).some((field) => field.trim() !== ''))
      throw new FileFault(
        `line ${line}: ${row.length} columns instead of ${width}${row.length < width ? ': is it cut off?' : ''}`,
      );
    const { till, transaction, business_day, ms } = this.#receipt(row, line);
    const key = JSON.stringify([till, transaction, business_day]);
    if (this.#sale?.key !== key) {
      this.#finish();
      const began = this.#begun.get(key);
      if (began !== undefined)
        throw new FileFault(
          `line ${line}: transaction ${transaction} began in line ${began} and was interrupted: its rows must stand together`,
        );
      this.#begun.set(key, line);
      const head = { transaction, business_day, ...(ms !== undefined && { time: ms }) };
      this.#sale = { key, line, till, head: { ...head, ...this.#head(row, line) }, lines: [] };
    }
    this.#sale.lines.push(this.#line(row, line));
  }

  end(): void {
    this.#finish();
  }

  take(): FileRecord[] {
    return this.#records.splice(0);
  }

  #finish(): void {
    if (this.#sale === undefined) return;
    const { till, head, lines, line } = this.#sale;
    this.#sale = undefined;
    const said = { kind: 'sale', ...speaksFor(till), reading: { till, ...head, lines } } as const;
    this.#records.push({ said, where: `line ${line}` });
  }

  #receipt(row: readonly string[], line: number) {
    const transaction = this.#demand(row, line, 'transaction');
    const named = this.#layout.get(row, 'till');
    const till = named === undefined ? (this.#device.till ?? this.#demand(row, line, 'till')) : named;
    const date = this.#layout.get(row, 'date');
    const clock = this.#layout.get(row, 'clock');
    const field = date === undefined ? 'time' : 'date';
    const text =
      date === undefined ? this.#layout.get(row, 'time') : `${date}${clock === undefined ? '' : ` ${clock}`}`;
    const time = text === undefined ? undefined : this.#time.read(text);
    if (text !== undefined && time === undefined)
      this.#wrong(line, field, text, 'no time such as 2026-11-20 09:15:00 or 20.11.2026 09:15');
    const day = this.#day(row, line, 'business_day') ?? time?.day;
    if (day === undefined) return this.#wrong(line, 'time', '', 'no time, and the row has no business_day');
    // A date alone is no time of day.
    const ms = date !== undefined && clock === undefined ? undefined : time?.ms;
    return { transaction, till: this.#device.places?.[till] ?? till, business_day: day, ms };
  }

  #head(row: readonly string[], line: number): Fields {
    const text = (field: Field) => this.#layout.get(row, field);
    const total = this.#money(row, line, 'total');
    const transaction = text('original_transaction');
    const till = text('original_till') ?? text('till') ?? this.#device.till ?? '';
    const original = transaction !== undefined && {
      till: this.#device.places?.[till] ?? till,
      transaction,
      business_day: this.#day(row, line, 'original_business_day'),
    };
    return {
      ...(original && original.business_day !== undefined && { original }),
      ...(total !== undefined && { total: { amount: total, currency: this.#currency(row, line) } }),
      ...present({ shopper: text('shopper'), offer: text('offer'), coupon: text('coupon') }),
      ...(/^(1|y|yes|j|ja|true|t)$/i.test(text('training') ?? '') && { training: true }),
    };
  }

  #line(row: readonly string[], line: number): Fields {
    const text = (field: Field) => this.#layout.get(row, field);
    const code = this.#demand(row, line, 'gtin');
    const gtin = this.#number(code);
    if (gtin === undefined) this.#wrong(line, 'gtin', code, 'no GTIN: correct it, or add it to codes of the device');
    const quantity = this.#decimal(row, line, 'quantity') ?? '1';
    const currency = this.#currency(row, line);
    const discount = this.#money(row, line, 'discount');
    const kind = text('kind');
    if (kind !== undefined && KINDS[kind.toLowerCase()] === undefined)
      this.#wrong(line, 'kind', kind, 'no kind of line: expected sale, return or void');
    return {
      ...{ gtin, quantity: quantity.replace(/(\.\d{6})\d+$/, '$1'), uom: unitOf(text('uom')) },
      price: { amount: this.#price(row, line, Math.abs(Number(quantity))), currency },
      ...(discount !== undefined && discount !== 0 && { discount: { amount: discount, currency } }),
      kind: kind === undefined ? (quantity.startsWith('-') ? 'return' : 'sale') : KINDS[kind.toLowerCase()],
      ...present({ epc: text('epc'), lot: text('lot'), expiry: this.#day(row, line, 'expiry') }),
    };
  }

  #price(row: readonly string[], line: number, quantity: number): number {
    const unit = this.#money(row, line, 'amount');
    if (unit !== undefined) return unit;
    const whole = this.#money(row, line, 'line_amount');
    if (whole === undefined) {
      const field = this.#layout.nameOf('amount') === 'column amount' ? 'line_amount' : 'amount';
      return this.#wrong(line, field, '', 'no amount such as 12.99');
    }
    return quantity === 0 ? whole : Math.round(Math.abs(whole) / quantity);
  }

  #currency(row: readonly string[], line: number): string {
    const currency = this.#demand(row, line, 'currency').toUpperCase();
    return isCurrency(currency) ? currency : this.#wrong(line, 'currency', currency, 'no currency such as EUR');
  }

  #money(row: readonly string[], line: number, field: Field): number | undefined {
    const decimal = this.#decimal(row, line, field);
    if (decimal === undefined) return undefined;
    const amount = this.#layout.areMinor ? Number(decimal) : minorUnits(decimal, this.#currency(row, line));
    return Number.isSafeInteger(amount) ? amount : this.#wrong(line, field, decimal, 'no whole amount of minor units');
  }

  /** With a point, without anything else. */
  #decimal(row: readonly string[], line: number, field: Field): string | undefined {
    const text = this.#layout.get(row, field);
    if (text === undefined) return undefined;
    // A sign behind the number is the trade's own.
    const bare = text
      .replace(DECORATION, '')
      .replace(/^(.+)-$/, '-$1')
      .replace(/^\+/, '');
    const decimal = this.#plain(bare);
    return decimal !== undefined && DECIMAL.test(decimal) && /\d/.test(decimal)
      ? decimal
      : this.#wrong(line, field, text, 'no number such as 12.99');
  }

  /** Without what groups its digits; undefined where that groups none: a decimal sign for another would be a hundredfold. */
  #plain(bare: string): string | undefined {
    if (this.#hasPoint) return !bare.includes(',') || POINT.test(bare) ? bare.replaceAll(',', '') : undefined;
    if (!bare.includes(',') && this.#layout.decimal === undefined) return bare;
    return COMMA.test(bare) ? bare.replaceAll('.', '').replace(',', '.') : undefined;
  }

  #day(row: readonly string[], line: number, field: Field): string | undefined {
    const text = this.#layout.get(row, field);
    if (text === undefined) return undefined;
    return this.#time.date(text) ?? this.#wrong(line, field, text, 'no date such as 2026-11-20');
  }

  #demand(row: readonly string[], line: number, field: Field): string {
    return this.#layout.get(row, field) ?? this.#wrong(line, field, '', `empty, and ${field} is needed`);
  }

  #wrong(line: number, field: Field, text: string, what: string): never {
    const value = text === '' ? '' : `: ${JSON.stringify(text.slice(0, 40))}`;
    throw new FileFault(`line ${line}, ${this.#layout.nameOf(field)}${value} is ${what}`);
  }
}

function present(fields: Readonly<Record<string, string | undefined>>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
