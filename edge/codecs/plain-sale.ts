/**
 * Sales are what tills send by the thousand, and the schema takes longer over one than everything else together.
 * This reads the sales that are surely right and of the common shape; anything else (a rare field, an unknown one,
 * a doubt) is undefined here and goes to the schema, which alone says what is wrong. Both give the same text for the
 * same sale, which a test proves on many thousand mutated ones.
 */
import { holdsCardData } from '../contracts/card-data.ts';
import { toGtin14 } from '../contracts/gtin.ts';
import type { AcceptedReading } from '../contracts/intake.ts';
import { LARGEST_AMOUNT, LATEST_MS } from '../contracts/readings.ts';
import { defaultBusinessDay } from './business-day.ts';
import { idIdentity, saleIdentity } from './identity.ts';
import { IsoTimeReader } from './iso-time.ts';
import type { Arrival } from './outcome.ts';
import { namesIn } from './without-name.ts';

type Fields = Readonly<Record<string, unknown>>;

const MOST_LINES = 200;
const DECIMAL = /^-?\d{1,12}(\.\d{1,6})?$/;

const times = new IsoTimeReader();

export function plainSale(value: unknown, arrival: Arrival): AcceptedReading | undefined {
  if (!isFields(value)) return undefined;
  const { id, time, till, transaction, business_day, lines, shopper, offer, coupon, total } = value;
  if (!isText(till, 64) || !isText(transaction, 64) || !Array.isArray(lines)) return undefined;
  if (holdsCardData(till) || holdsCardData(transaction)) return undefined;
  let known = 3;

  let start = '{';
  if (id !== undefined) {
    if (!isText(id, 128) || holdsCardData(id)) return undefined;
    start = `{"readingId":${JSON.stringify(id)},`;
    known += 1;
  }
  let ms: number | undefined;
  if (time !== undefined) {
    ms = epochMs(typeof time === 'string' ? times.read(time) : time);
    if (ms === undefined) return undefined;
    known += 1;
  }
  let day: string;
  if (business_day === undefined) {
    day = defaultBusinessDay(time, ms, arrival.received, arrival.context.dayAt);
  } else {
    if (typeof business_day !== 'string' || !times.isDate(business_day)) return undefined;
    day = business_day;
    known += 1;
  }
  const linesText = plainLines(lines);
  if (linesText === undefined) return undefined;

  let end = '';
  if (offer !== undefined) {
    if (typeof offer !== 'string' || offer.length > 128 || holdsCardData(offer)) return undefined;
    end += `,"offer":${JSON.stringify(offer)}`;
    known += 1;
  }
  if (coupon !== undefined) {
    if (typeof coupon !== 'string' || coupon.length > 128 || holdsCardData(coupon)) return undefined;
    end += `,"coupon":${JSON.stringify(coupon)}`;
    known += 1;
  }
  if (total !== undefined) {
    const text = plainMoney(total) ?? plainAmount(total);
    if (text === undefined) return undefined;
    end += `,"total":${text}`;
    known += 1;
  }
  if (shopper !== undefined) {
    if (!isText(shopper, 128) || holdsCardData(shopper)) return undefined;
    if (namesIn(`${till} ${transaction} ${id}`, shopper)) return undefined;
    known += 1;
  }
  // A field more than these is a rare or an unknown one.
  if (Object.keys(value).length !== known) return undefined;

  const sale = {
    subject: `${till}/${transaction}`,
    identity: id === undefined ? saleIdentity(till, transaction, day) : idIdentity('sale', arrival.device, id),
    time: ms,
    body: `${start}"till":${JSON.stringify(till)},"transaction":${JSON.stringify(transaction)},"business_day":"${day}","lines":[${linesText}]${end}}`,
  };
  return shopper === undefined ? sale : { ...sale, shopper };
}

function plainLines(lines: readonly unknown[]): string | undefined {
  if (lines.length === 0 || lines.length > MOST_LINES) return undefined;
  let text = '';
  for (const line of lines) {
    const lineText = plainLine(line);
    if (lineText === undefined) return undefined;
    text += text === '' ? lineText : `,${lineText}`;
  }
  return text;
}

function plainLine(line: unknown): string | undefined {
  if (!isFields(line)) return undefined;
  const { gtin, quantity, uom, price, discount, kind } = line;
  const gtin14 = typeof gtin === 'string' ? toGtin14(gtin) : undefined;
  const priceText = plainMoney(price);
  if (gtin14 === undefined || priceText === undefined) return undefined;
  let known = 3;

  let quantityText: string;
  if (typeof quantity === 'number') {
    if (!(Math.abs(quantity) <= LARGEST_AMOUNT)) return undefined;
    quantityText = `${quantity}`;
  } else {
    if (typeof quantity !== 'string' || !DECIMAL.test(quantity)) return undefined;
    quantityText = `"${quantity}"`;
  }
  let uomText = '"EA"';
  if (uom !== undefined) {
    if (!isText(uom, 16) || holdsCardData(uom)) return undefined;
    uomText = JSON.stringify(uom);
    known += 1;
  }
  let discountText = '';
  if (discount !== undefined) {
    const text = plainMoney(discount) ?? plainAmount(discount);
    if (text === undefined) return undefined;
    discountText = `,"discount":${text}`;
    known += 1;
  }
  let kindText = 'sale';
  if (kind !== undefined) {
    if (kind !== 'sale' && kind !== 'return' && kind !== 'void') return undefined;
    kindText = kind;
    known += 1;
  }
  if (Object.keys(line).length !== known) return undefined;
  return `{"gtin":"${gtin14}","quantity":${quantityText},"uom":${uomText},"price":${priceText}${discountText},"kind":"${kindText}"}`;
}

function plainMoney(money: unknown): string | undefined {
  if (!isFields(money)) return undefined;
  const { amount, currency } = money;
  const text = plainAmount(amount);
  if (text === undefined || typeof currency !== 'string' || !isCurrency(currency)) return undefined;
  return Object.keys(money).length === 2 ? `{"amount":${text},"currency":"${currency}"}` : undefined;
}

function plainAmount(amount: unknown): string | undefined {
  return Number.isSafeInteger(amount) && Math.abs(amount as number) <= LARGEST_AMOUNT ? String(amount) : undefined;
}

function epochMs(time: unknown): number | undefined {
  return Number.isSafeInteger(time) && (time as number) >= 0 && (time as number) <= LATEST_MS
    ? (time as number)
    : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longest;
}

function isCurrency(text: string): boolean {
  return text.length === 3 && isCapital(text, 0) && isCapital(text, 1) && isCapital(text, 2);
}

function isCapital(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x41 && code <= 0x5a;
}
