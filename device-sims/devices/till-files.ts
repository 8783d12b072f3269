/**
 * The files of a legacy till: POSLog XML and CSV, written as such tills write them: piece by piece in the place where
 * they are read, or under another name that is changed at the end. Written apart from the hub's decoders.
 */
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A receipt as the till knows it; amounts are decimals as they are printed. */
export interface Receipt {
  readonly workstation: string;
  readonly number: string;
  /** `YYYY-MM-DD`. */
  readonly businessDay: string;
  /** `YYYY-MM-DDTHH:MM:SS`, with or without an offset. */
  readonly began: string;
  readonly items: readonly ReceiptItem[];
  readonly training?: boolean;
  readonly cancelled?: boolean;
  /** What it takes back. */
  readonly original?: { readonly workstation: string; readonly number: string; readonly businessDay: string };
  /** Paid with this card: an old till writes it down. */
  readonly card?: string;
}

export interface ReceiptItem {
  readonly code: string;
  readonly quantity: string;
  readonly unitPrice: string;
  readonly unit?: string;
  /** Off the whole line. */
  readonly off?: string;
  readonly back?: boolean;
  /** Number of the line of this receipt that it takes back, from 1. */
  readonly voids?: number;
  readonly name?: string;
}

export interface PosLogStyle {
  readonly encoding?: 'UTF-8' | 'ISO-8859-1' | 'UTF-16';
  readonly currency?: string;
  /** Of POSLog's own elements: `arts:POSLog`. */
  readonly prefix?: string;
  readonly version?: '2.2' | '6.0';
}

const NAMESPACE = 'http://www.nrf-arts.org/IXRetail/namespace/';

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The whole file as text; `encoded` makes its bytes. */
export function posLogText(receipts: readonly Receipt[], style: PosLogStyle = {}): string {
  const { encoding = 'UTF-8', prefix = '', version = '2.2' } = style;
  const p = prefix === '' ? '' : `${prefix}:`;
  const xmlns = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
  const body = receipts.map((receipt) => transactionText(receipt, p, style)).join('');
  return `<?xml version="1.0" encoding="${encoding}"?>\n<${p}POSLog ${xmlns}="${NAMESPACE}" xmlns:WN="http://www.wincor-nixdorf.com" MajorVersion="${version[0]}">\n${body}</${p}POSLog>\n`;
}

function transactionText(receipt: Receipt, p: string, { currency = 'EUR', version = '2.2' }: PosLogStyle): string {
  const { workstation, number, businessDay, began, training = false, cancelled = false, card } = receipt;
  const tag = (name: string, text: string, attributes = ''): string =>
    `<${p}${name}${attributes}>${escaped(text)}</${p}${name}>`;
  const head = [
    tag('RetailStoreID', '42'),
    tag('WorkstationID', workstation),
    tag('SequenceNumber', number),
    tag('OperatorID', '110219', ' OperatorName="Erika Mustermann"'),
    version === '2.2' ? tag('CurrencyCode', currency) : '',
  ];
  const dates = [tag('BusinessDayDate', businessDay), tag('BeginDateTime', began)];
  const items = receipt.items.map((item, index) => {
    const { code, quantity, unitPrice, unit = 'EA', off, back = false, voids, name = 'Ware' } = item;
    const money = version === '2.2' ? '' : ` Currency="${currency}"`;
    const goods = back ? 'Return' : 'Sale';
    const { original } = receipt;
    const inner = [
      `<${p}POSIdentity POSIDType="EAN">${tag('POSItemID', code)}</${p}POSIdentity>`,
      tag('ItemID', `A-${index}`),
      tag('Description', name),
      tag('RegularSalesUnitPrice', unitPrice, money),
      tag('ActualSalesUnitPrice', unitPrice, money),
      tag('ExtendedAmount', (Number(unitPrice) * Number(quantity) - Number(off ?? 0)).toFixed(2), money),
      tag('Quantity', quantity, ` UnitOfMeasureCode="${unit}" Units="1"`),
      off === undefined
        ? ''
        : `<${p}RetailPriceModifier MethodCode="Promotion">${tag('SequenceNumber', '1')}${tag('Amount', off, ` Action="Subtract"${money}`)}</${p}RetailPriceModifier>`,
      voids === undefined ? '' : tag('ItemLink', `${voids}`),
      back && original !== undefined
        ? `<${p}TransactionLink ReasonCode="Return">${tag('WorkstationID', original.workstation)}${tag('SequenceNumber', original.number)}${tag('BusinessDayDate', original.businessDay)}</${p}TransactionLink>`
        : '',
      `<${p}Tax TaxType="VAT">${tag('Amount', '0.10', money)}</${p}Tax>`,
      '<WN:Brand>Own &amp; good</WN:Brand>',
    ];
    return `<${p}LineItem EntryMethod="Scanned" VoidFlag="${voids !== undefined}">${tag('SequenceNumber', `${index + 1}`)}<${p}${goods} ItemType="Stock">${inner.join('')}</${p}${goods}></${p}LineItem>\n`;
  });
  const sum = receipt.items.reduce((total, { quantity, unitPrice, off, back, voids }) => {
    const value = Number(quantity) * Number(unitPrice) - Number(off ?? 0);
    return total + (back || voids !== undefined ? -value : value);
  }, 0);
  const tender = `<${p}LineItem>${tag('SequenceNumber', `${receipt.items.length + 1}`)}<${p}Tender TenderType="${card === undefined ? 'Cash' : 'CreditDebit'}">${tag('Amount', sum.toFixed(2))}${
    card === undefined ? '' : `<${p}CreditDebit>${tag('PrimaryAccountNumber', card)}</${p}CreditDebit>`
  }</${p}Tender></${p}LineItem>`;
  const total = tag('Total', sum.toFixed(2), ` TotalType="TransactionGrandAmount" CurrencyCode="${currency}"`);
  const retail = `<${p}RetailTransaction Version="${version}">\n${items.join('')}${tender}${total}</${p}RetailTransaction>`;
  // Version 2 tells the day before the goods, later tills behind them.
  const parts = version === '2.2' ? [...head, ...dates, retail] : [...head, retail, ...dates];
  return `<${p}Transaction TrainingModeFlag="${training}" CancelFlag="${cancelled}">\n${parts.join('\n')}\n</${p}Transaction>\n`;
}

export interface CsvStyle {
  readonly separator?: ';' | ',' | '\t';
  readonly decimal?: ',' | '.';
  readonly lineEnd?: '\n' | '\r\n';
}

export const CSV_HEADER = ['Kasse', 'Bon', 'Tag', 'Zeit', 'EAN', 'Artikel', 'Menge', 'Preis', 'Rabatt', 'Art'] as const;

/** The columns of `CSV_HEADER`, one line of a receipt a row. */
export function csvText(receipts: readonly Receipt[], style: CsvStyle = {}): string {
  const { separator = ';', decimal = ',', lineEnd = '\r\n' } = style;
  const number = (text: string): string => text.replace('.', decimal);
  const field = (text: string): string =>
    text.includes(separator) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const rows = receipts.flatMap(({ workstation, number: receipt, businessDay, began, items }) =>
    items.map(({ code, name = 'Ware', quantity, unitPrice, off = '', back, voids }) => {
      const kind = voids !== undefined ? 'V' : back ? 'R' : 'S';
      const day = businessDay.split('-').reverse().join('.');
      const cells = [
        workstation,
        receipt,
        day,
        began,
        code,
        name,
        number(quantity),
        number(unitPrice),
        number(off),
        kind,
      ];
      return cells.map(field).join(separator);
    }),
  );
  return [CSV_HEADER.join(separator), ...rows, ''].join(lineEnd);
}

export function encoded(text: string, encoding: PosLogStyle['encoding'] = 'UTF-8'): Buffer {
  if (encoding === 'UTF-16') return Buffer.from(`\ufeff${text}`, 'utf16le');
  return Buffer.from(text, encoding === 'ISO-8859-1' ? 'latin1' : 'utf8');
}

export interface Writing {
  /** Pieces that it is written in; default 1. */
  readonly pieces?: number;
  /** Between two pieces, ms. */
  readonly pauseMs?: number;
  /** Written under another name first. */
  readonly renamed?: boolean;
  /** Written so far and no further, as when the till loses its power. */
  readonly upTo?: number;
}

/** Writes a file as a till does. */
export async function writeAsTill(path: string, bytes: Uint8Array, writing: Writing = {}): Promise<void> {
  const { pieces = 1, pauseMs = 0, renamed = false, upTo = bytes.length } = writing;
  const first = renamed ? join(dirname(path), `.${Date.now()}-${Math.random()}.part`) : path;
  const file = await open(first, 'w');
  try {
    const size = Math.ceil(upTo / pieces);
    for (let at = 0; at < upTo; at += size) {
      if (at > 0 && pauseMs > 0) await delay(pauseMs);
      await file.write(bytes, at, Math.min(size, upTo - at));
    }
  } finally {
    await file.close();
  }
  if (renamed) await rename(first, path);
}
