/**
 * `mapping` of a device with codec csv: field -> column, by its name in the first line or by its number ("#3"), or a
 * constant ("=EUR").
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import { FileFault } from './file-fault.ts';

/** Of a sale: the same in all its rows, the first is read. */
const OF_SALE = ['transaction', 'till', 'business_day', 'time', 'date', 'clock', 'total', 'training'] as const;
const OF_SHOPPER = ['shopper', 'offer', 'coupon'] as const;
const OF_ORIGINAL = ['original_till', 'original_transaction', 'original_business_day'] as const;
const OF_LINE = ['gtin', 'quantity', 'uom', 'amount', 'line_amount', 'currency', 'discount', 'kind'] as const;
const OF_ITEM = ['epc', 'lot', 'expiry'] as const;
/** How the table is written; constants only. */
const OF_TABLE = ['separator', 'decimal', 'encoding', 'amounts'] as const;

const FIELDS = [...OF_SALE, ...OF_SHOPPER, ...OF_ORIGINAL, ...OF_LINE, ...OF_ITEM] as const;
export type Field = (typeof FIELDS)[number];

/** Where fields are in the rows of one file. */
export interface Layout {
  /** Columns of the first line. */
  readonly width: number;
  /** The text of a field in a row, trimmed; undefined: it is empty, or not mapped. */
  get(row: readonly string[], field: Field): string | undefined;
  /** For whoever looks at the file: `column EAN`. */
  nameOf(field: Field): string;
  /** How decimals are written: by `decimal`, or told by the separator. */
  readonly decimal: ',' | '.' | undefined;
  /** Amounts are whole minor units. */
  readonly areMinor: boolean;
}

export class Columns {
  readonly #mapping: ReadonlyMap<string, string>;
  readonly separator: string | undefined;
  readonly encoding: string | undefined;

  /** Throws HubError CONFIG_INVALID. */
  constructor({ mapping = {}, till }: DeviceConfig) {
    const wrong = (what: string): never => {
      throw new HubError('CONFIG_INVALID', `mapping: ${what}`);
    };
    this.#mapping = new Map(Object.entries(mapping));
    for (const field of this.#mapping.keys())
      if (![...FIELDS, ...OF_TABLE].some((known) => known === field))
        wrong(`${field} is not known to codec csv: expected ${[...FIELDS, ...OF_TABLE].join(', ')}`);
    for (const field of OF_TABLE)
      if (this.#mapping.get(field)?.startsWith('=') === false) wrong(`${field} must be a constant, such as "=;"`);
    for (const field of ['transaction', 'gtin', 'currency'])
      if (!this.#mapping.has(field)) wrong(`${field} is missing`);
    if (!this.#has('till') && till === undefined) wrong("till is missing, or till: in the device's entry");
    if (!this.#has('amount') && !this.#has('line_amount')) wrong('amount (of one unit) or line_amount is missing');
    if (!this.#has('time') && !this.#has('date') && !this.#has('business_day'))
      wrong('time, date or business_day is missing: without the day a transaction cannot be told from its repeat');
    this.separator = this.#constant('separator', /^(;|,|\||\t|tab)$/, wrong)?.replace('tab', '\t');
    this.encoding = this.#constant('encoding', /^[\w-]+$/, wrong);
    this.#constant('decimal', /^[.,]$/, wrong);
    this.#constant('amounts', /^(minor|decimal)$/, wrong);
  }

  /** Where columns are named by their numbers alone there is no line with names. */
  get hasHeader(): boolean {
    return FIELDS.some((field) => /^[^#=]/.test(this.#mapping.get(field) ?? '='));
  }

  /** Where the fields are, by the first row. Throws FileFault where a column is missing. */
  in(first: readonly string[], line: number): Layout {
    const constants = new Map<Field, string>();
    const places = new Map<Field, number>();
    for (const field of FIELDS) {
      const column = this.#mapping.get(field);
      if (column === undefined) continue;
      if (column.startsWith('=')) constants.set(field, column.slice(1));
      else places.set(field, placeOf(column, first, field, line));
    }
    const decimal = this.#mapping.get('decimal')?.slice(1);
    return {
      width: first.length,
      get: (row, field) => {
        const place = places.get(field);
        const text = place === undefined ? constants.get(field) : row[place]?.trim();
        return text === '' ? undefined : text;
      },
      nameOf: (field) => `column ${this.#mapping.get(field) ?? field}`,
      decimal: decimal === ',' || decimal === '.' ? decimal : undefined,
      areMinor: this.#mapping.get('amounts') === '=minor',
    };
  }

  #has(field: string): boolean {
    return this.#mapping.has(field);
  }

  #constant(field: string, allowed: RegExp, wrong: (what: string) => never): string | undefined {
    const value = this.#mapping.get(field)?.slice(1);
    if (value !== undefined && !allowed.test(value)) wrong(`${field} cannot be ${JSON.stringify(value)}`);
    return value;
  }
}

function placeOf(column: string, first: readonly string[], field: string, line: number): number {
  const number = /^#(\d{1,3})$/.exec(column)?.[1];
  if (number !== undefined) {
    if (Number(number) >= 1 && Number(number) <= first.length) return Number(number) - 1;
    throw new FileFault(
      `line ${line}: there is no column ${column} for ${field}: the line has ${first.length} columns`,
    );
  }
  const same = (a: string) => a.trim().toLowerCase() === column.trim().toLowerCase();
  const exact = first.findIndex((name) => name.trim() === column.trim());
  const place = exact >= 0 ? exact : first.findIndex(same);
  if (place >= 0) return place;
  // A row of a table without names may hold those of customers, and what is told here is kept and shown.
  if (first.some((name) => /\d/.test(name) && /^[\d\s.,:/+-]+$/.test(name)))
    throw new FileFault(
      `line ${line}: there is no column ${column} for ${field}: the first line has numbers instead of names; name its ${first.length} columns by number, such as "#3"`,
    );
  const there = first.slice(0, 20).map((name) => name.slice(0, 30));
  throw new FileFault(
    `line ${line}: there is no column ${column} for ${field}: the first line has ${there.join(', ')}`,
  );
}
