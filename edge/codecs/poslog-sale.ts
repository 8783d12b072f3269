/**
 * A Transaction of a POSLog as a sale.
 *
 *   till         WorkstationID, by `places` of the device's entry; the entry's `till` where the file names none
 *   transaction  SequenceNumber, else TransactionID; the day: BusinessDayDate, else the day of the time
 *   time         BeginDateTime, else EndDateTime, else POSLogDateTime; without offset: the store's local time
 *   product      what is a GTIN, a PLU or one of `codes` (item-number.ts) among POSItemID and ItemID, those first whose
 *                type says GTIN, EAN, UPC or JAN. What is not ItemType Stock and has no such number is a service: left out
 *   price        ActualSalesUnitPrice, else RegularSalesUnitPrice, else ExtendedAmount by Quantity; the regular price,
 *                where the discount explains the difference. Discount: RetailPriceModifier (Action Add or Subtract), else
 *                ExtendedDiscountAmount
 *   Return       kind return; TransactionLink names the original
 *   VoidFlag     with ItemLink, the line takes another one back: kind void, or both go where that one is flagged, too.
 *                Without ItemLink, the line itself was taken back: it goes
 *   post-void    TransactionStatus PostVoided, or a TransactionLink of that reason: all lines are void
 *
 * TrainingModeFlag makes a training sale. Cancelled, voided and suspended transactions sold nothing and are left out, as
 * are those without goods (opening the till, counting cash).
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Said } from '../contracts/formats.ts';
import { FileFault } from './file-fault.ts';
import { type ItemNumber, itemNumber } from './item-number.ts';
import { isCurrency, minorUnits } from './money.ts';
import { SaleTime } from './sale-time.ts';
import { speaksFor, unitOf } from './till-words.ts';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly line: number;
  text: string;
  readonly children: Element[];
}

interface Line {
  readonly gtin: string;
  readonly quantity: string;
  readonly uom: string;
  readonly price: { readonly amount: number; readonly currency: string };
  readonly discount?: { readonly amount: number; readonly currency: string };
  readonly kind: 'sale' | 'return' | 'void';
}

const QUANTITY = /^[+-]?\d{1,12}(\.\d{1,9})?$/;
const NOT_SOLD = /^(void|cancel|suspend)/i;
const STANDARD_NUMBER = /gtin|ean|upc|jan/i;

export class SaleReader {
  readonly #device: DeviceConfig;
  readonly #number: ItemNumber;
  readonly #time: SaleTime;
  readonly #currency: string | undefined;

  constructor(device: DeviceConfig) {
    this.#device = device;
    this.#number = itemNumber(device.codes);
    this.#time = new SaleTime(device.timezone);
    this.#currency = device.mapping?.currency?.slice(1);
  }

  /** The sale, or in a few words why there is none. Throws FileFault with the line of the file. */
  read(transaction: Element): Said | string {
    const retail = child(transaction, 'RetailTransaction');
    if (retail === undefined) return 'without goods';
    const status = retail.attributes.TransactionStatus ?? '';
    if (isSet(transaction, 'CancelFlag') || isSet(transaction, 'VoidedFlag') || NOT_SOLD.test(status))
      return 'cancelled';
    if (isSet(transaction, 'SuspendFlag') || isSet(transaction, 'SuspendedFlag')) return 'suspended';
    const training = isSet(transaction, 'TrainingModeFlag');
    const links = [...all(retail, 'TransactionLink'), ...all(retail, 'LineItem').flatMap(linksOf)];
    const postVoid = /^postvoid/i.test(status) || all(retail, 'TransactionLink').some(isPostVoid);
    const lines = this.#lines(transaction, retail, postVoid);
    if (lines.length === 0) return training ? 'of training' : 'without goods';
    const { till, ...head } = this.#head(transaction);
    const total = this.#total(transaction, retail);
    const original = links.map((link) => this.#original(link)).find((found) => found !== undefined);
    return {
      kind: 'sale',
      ...speaksFor(till),
      reading: {
        ...{ till, ...head, lines },
        ...(original !== undefined && { original }),
        ...(total !== undefined && { total }),
        ...(training && { training }),
      },
    };
  }

  #head(transaction: Element): { till: string; transaction: string; business_day: string; time?: number } {
    const { line } = transaction;
    const till = this.#till(transaction);
    if (till === undefined)
      throw new FileFault(`line ${line}: Transaction has no WorkstationID: add one, or till: to the device's entry`);
    const number = textOf(transaction, 'SequenceNumber') ?? textOf(transaction, 'TransactionID');
    if (number === undefined)
      throw new FileFault(`line ${line}: Transaction has neither SequenceNumber nor TransactionID`);
    const written = ['BeginDateTime', 'EndDateTime', 'POSLogDateTime'].flatMap((name) => all(transaction, name))[0];
    const time = written && this.#time.read(written.text.trim());
    if (written !== undefined && time === undefined) {
      const { name, text } = written;
      throw new FileFault(`line ${written.line}: ${name} ${quoted(text)} is no time such as 2026-11-20T09:15:00+01:00`);
    }
    const day = textOf(transaction, 'BusinessDayDate')?.slice(0, 10) ?? time?.day;
    if (day === undefined)
      throw new FileFault(`line ${line}: Transaction has neither BusinessDayDate nor BeginDateTime`);
    return { till, transaction: number, business_day: day, ...(time && { time: time.ms }) };
  }

  #till(element: Element): string | undefined {
    const workstation = textOf(element, 'WorkstationID');
    if (workstation === undefined) return this.#device.till;
    return this.#device.places?.[workstation] ?? workstation;
  }

  #lines(transaction: Element, retail: Element, postVoid: boolean): Line[] {
    const items = all(retail, 'LineItem').flatMap((lineItem) => {
      const goods = child(lineItem, 'Sale') ?? child(lineItem, 'Return');
      return goods === undefined ? [] : [{ lineItem, goods, number: textOf(lineItem, 'SequenceNumber') }];
    });
    const flagged = new Set(items.filter(({ lineItem }) => isVoid(lineItem)).map(({ number }) => number));
    return items.flatMap(({ lineItem, goods }) => {
      const link = isVoid(lineItem) ? (textOf(goods, 'ItemLink') ?? textOf(lineItem, 'ItemLink')) : undefined;
      if (isVoid(lineItem) && (link === undefined || flagged.has(link))) return [];
      const kind = link !== undefined || postVoid ? 'void' : goods.name === 'Return' ? 'return' : 'sale';
      const line = this.#line(transaction, goods, kind);
      return line === undefined ? [] : [line];
    });
  }

  #line(transaction: Element, goods: Element, kind: Line['kind']): Line | undefined {
    const numbers = numbersOf(goods);
    const gtin = numbers.map(({ text }) => this.#number(text)).find((found) => found !== undefined);
    if (gtin === undefined) {
      if ((goods.attributes.ItemType ?? 'Stock') !== 'Stock') return undefined;
      const [first] = numbers;
      if (first === undefined) throw new FileFault(`line ${goods.line}: ${goods.name} has no POSItemID and no ItemID`);
      const { line, name, text } = first;
      throw new FileFault(
        `line ${line}: ${name} ${quoted(text)} is no GTIN: correct it, or add it to codes of the device`,
      );
    }
    const [count] = all(goods, 'Quantity');
    const quantity = (count?.text.trim() ?? '1').replace(/^\+/, '');
    if (!QUANTITY.test(quantity))
      throw new FileFault(`line ${count?.line}: Quantity ${quoted(quantity)} is no decimal number`);
    const { price, discount, currency } = this.#money(transaction, goods, Math.abs(Number(quantity)));
    return {
      gtin,
      quantity: withoutSpareDigits(quantity),
      uom: unitOf(count?.attributes.UnitOfMeasureCode),
      price: { amount: price, currency },
      ...(discount !== 0 && { discount: { amount: discount, currency } }),
      kind,
    };
  }

  #money(
    transaction: Element,
    goods: Element,
    quantity: number,
  ): { price: number; discount: number; currency: string } {
    const written = ['ActualSalesUnitPrice', 'RegularSalesUnitPrice', 'ExtendedAmount'].flatMap((name) =>
      all(goods, name),
    );
    const [first] = written;
    if (first === undefined)
      throw new FileFault(
        `line ${goods.line}: ${goods.name} has no ActualSalesUnitPrice, RegularSalesUnitPrice or ExtendedAmount`,
      );
    const currency = this.#currencyOf(transaction, first);
    const amount = (name: string): number | undefined => {
      const [element] = all(goods, name);
      return element && this.#amount(element, currency);
    };
    const [actual, regular, extended] = [
      amount('ActualSalesUnitPrice'),
      amount('RegularSalesUnitPrice'),
      amount('ExtendedAmount'),
    ];
    const modified = all(goods, 'RetailPriceModifier').flatMap((modifier) => all(modifier, 'Amount'));
    const discount =
      modified.length > 0
        ? modified.reduce((sum, one) => sum + sign(one) * Math.abs(this.#amount(one, currency)), 0)
        : (amount('ExtendedDiscountAmount') ?? 0);
    const isExplained =
      regular !== undefined &&
      extended !== undefined &&
      Math.abs(regular * quantity - discount - Math.abs(extended)) < 1;
    const price = isExplained ? regular : (actual ?? regular ?? perUnit(extended ?? 0, quantity));
    return { price, discount, currency };
  }

  #amount({ name, text, line }: Element, currency: string): number {
    const amount = minorUnits(text.trim(), currency);
    if (amount === undefined) throw new FileFault(`line ${line}: ${name} ${quoted(text)} is no amount such as 12.99`);
    return amount;
  }

  #currencyOf(transaction: Element, amount: Element): string {
    const { Currency, CurrencyCode } = amount.attributes;
    const currency = Currency ?? CurrencyCode ?? textOf(transaction, 'CurrencyCode') ?? this.#currency;
    if (currency === undefined)
      throw new FileFault(
        `line ${amount.line}: ${amount.name} has no currency: expected Currency or CurrencyCode, or mapping: { currency: "=EUR" } for the device`,
      );
    if (!isCurrency(currency))
      throw new FileFault(`line ${amount.line}: ${quoted(currency)} is no currency such as EUR`);
    return currency;
  }

  #total(transaction: Element, retail: Element): { amount: number; currency: string } | undefined {
    const totals = all(retail, 'Total');
    const of = (type: string) => totals.find(({ attributes }) => attributes.TotalType === type);
    const total = of('TransactionGrandAmount') ?? of('TransactionNetAmount');
    if (total === undefined) return undefined;
    const currency = this.#currencyOf(transaction, total);
    return { amount: this.#amount(total, currency), currency };
  }

  #original(link: Element): { till: string; transaction: string; business_day: string } | undefined {
    const till = this.#till(link);
    const transaction = textOf(link, 'SequenceNumber') ?? textOf(link, 'TransactionID');
    const began = textOf(link, 'BeginDateTime');
    const day = textOf(link, 'BusinessDayDate')?.slice(0, 10) ?? (began && this.#time.read(began)?.day);
    return till === undefined || transaction === undefined || day === undefined
      ? undefined
      : { till, transaction, business_day: day };
  }
}

function numbersOf(goods: Element): { readonly name: string; readonly text: string; readonly line: number }[] {
  const all_ = [
    ...all(goods, 'POSIdentity').flatMap((identity) =>
      all(identity, 'POSItemID').map((id) => ({ id, type: identity.attributes.POSIDType ?? id.attributes.Type })),
    ),
    ...all(goods, 'POSItemID').map((id) => ({ id, type: id.attributes.Type })),
    ...all(goods, 'ItemID').map((id) => ({ id, type: id.attributes.Type })),
  ].filter(({ id }) => id.text.trim() !== '');
  const rank = (type: string | undefined): number => (type !== undefined && STANDARD_NUMBER.test(type) ? 0 : 1);
  return all_
    .sort((a, b) => rank(a.type) - rank(b.type))
    .map(({ id }) => ({ name: id.name, text: id.text.trim(), line: id.line }));
}

function linksOf(lineItem: Element): Element[] {
  const goods = [...all(lineItem, 'Return'), ...all(lineItem, 'Sale')];
  return [...all(lineItem, 'TransactionLink'), ...goods.flatMap((one) => all(one, 'TransactionLink'))];
}

function isPostVoid({ attributes }: Element): boolean {
  return /void/i.test(attributes.ReasonCode ?? '');
}

function isVoid(lineItem: Element): boolean {
  return isSet(lineItem, 'VoidFlag');
}

function isSet({ attributes }: Element, flag: string): boolean {
  return /^(true|1)$/i.test(attributes[flag]?.trim() ?? '');
}

function sign({ attributes }: Element): 1 | -1 {
  return /^add/i.test(attributes.Action ?? '') ? -1 : 1;
}

function perUnit(extended: number, quantity: number): number {
  return quantity === 0 ? extended : Math.round(extended / quantity);
}

function all(parent: Element, name: string): Element[] {
  return parent.children.filter((one) => one.name === name);
}

function child(parent: Element, name: string): Element | undefined {
  return parent.children.find((one) => one.name === name);
}

function textOf(parent: Element, name: string): string | undefined {
  const text = child(parent, name)?.text.trim();
  return text === '' ? undefined : text;
}

function quoted(text: string): string {
  return JSON.stringify(text.trim().slice(0, 40));
}

/** Six digits behind the point are kept. */
function withoutSpareDigits(quantity: string): string {
  return quantity.replace(/(\.\d{6})\d+$/, '$1');
}
