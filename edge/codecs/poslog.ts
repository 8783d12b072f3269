/**
 * POSLog: what tills write down in the XML of GS1 and the NRF (ARTS, now OMG), versions 2.x to 6.
 *
 *   file        := <POSLog> Transaction* </POSLog> | Transaction; either may stand within other elements, such as a message
 *   Transaction := flags (attributes), WorkstationID, SequenceNumber | TransactionID, BusinessDayDate,
 *                  BeginDateTime | EndDateTime, CurrencyCode?, RetailTransaction?, in any order
 *   RetailTransaction := LineItem*, Total*, TransactionLink?
 *   LineItem    := SequenceNumber, (Sale | Return)?; anything else, such as Tax and Tender, is no goods
 *
 * How a transaction becomes a sale stands in poslog-sale.ts. Elements count by their local name if they have the prefix
 * of POSLog itself; what vendors add in namespaces of their own is skipped. So are Tender, Customer and all else that
 * names cards or persons: nothing of it is ever held. A document type is refused, and with it every entity of its own.
 */
import { SaxesParser } from 'saxes';
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { FileReader, FileRecord, Format } from '../contracts/formats.ts';
import { FileFault, fileReader, LeftOut, type TextReader, wholeFile } from './file-fault.ts';
import { FileText } from './file-text.ts';
import { type Element, SaleReader } from './poslog-sale.ts';

/** Names of elements that are looked at; all others are skipped with what they hold. */
const WANTED: ReadonlySet<string> = new Set([
  ...['WorkstationID', 'SequenceNumber', 'TransactionID', 'BusinessDayDate', 'BeginDateTime', 'EndDateTime'],
  ...['POSLogDateTime', 'CurrencyCode', 'RetailTransaction', 'LineItem', 'Sale', 'Return', 'POSIdentity'],
  ...['POSItemID', 'ItemID', 'Quantity', 'RegularSalesUnitPrice', 'ActualSalesUnitPrice', 'ExtendedAmount'],
  ...['ExtendedDiscountAmount', 'RetailPriceModifier', 'Amount', 'ItemLink', 'TransactionLink', 'Total'],
]);
/** Levels of nesting, wherever they are. */
const DEEPEST = 64;
/** Of one transaction: a thousand lines have fewer. */
const MOST_ELEMENTS = 40_000;
/** Characters between two tags, such as the picture of a receipt. */
const LONGEST_TEXT = 8_388_608;
/** Characters of an element that is looked at. */
const LONGEST_VALUE = 256;

const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};

class PosLogText implements TextReader {
  readonly #sax = new SaxesParser();
  readonly #sale: SaleReader;
  readonly #left = new LeftOut();
  #records: FileRecord[] = [];
  #depth = 0;
  /** Of POSLog, or of the first transaction. */
  #prefix: string | undefined;
  /** The transaction that is being read, and the elements of it that are open. */
  #open: Element[] = [];
  #elements = 0;
  /** The depth of the element that is skipped. */
  #skipped: number | undefined;
  #sinceTag = 0;

  constructor(sale: SaleReader) {
    this.#sale = sale;
    this.#sax.on('doctype', () => {
      throw new FileFault(
        `${this.#place()}: a document type (DTD) is not read, with it entities of any size could come`,
      );
    });
    this.#sax.on('opentag', ({ name, attributes }) => this.#onOpen(name, attributes));
    this.#sax.on('closetag', () => this.#onClose());
    const onText = (text: string): void => this.#onText(text);
    this.#sax.on('text', onText);
    this.#sax.on('cdata', onText);
  }

  write(text: string): void {
    this.#sinceTag += text.length;
    if (this.#sinceTag > LONGEST_TEXT) throw new FileFault(`${this.#place()}: no tag within 8 MiB: this is no POSLog`);
    this.#guarded(() => this.#sax.write(text));
  }

  end(): void {
    this.#guarded(() => this.#sax.close());
    if (this.#prefix === undefined)
      throw new FileFault('there is no POSLog element in it: expected the XML of POSLog (GS1, NRF, ARTS)');
  }

  take(): FileRecord[] {
    return this.#records.splice(0);
  }

  note(): string | undefined {
    return this.#left.note();
  }

  #place(): string {
    return `line ${this.#sax.line}`;
  }

  /** The parser's own messages begin with line and column. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof FileFault) throw error;
      const [, line = `${this.#sax.line}`, what = String(error)] =
        /^(?:Error: )?(?:.*?:)?(\d+):\d+: ([\s\S]*)$/.exec(String(error)) ?? [];
      throw new FileFault(`line ${line}: not well-formed XML: ${what.replace(/\.$/, '')}`);
    }
  }

  #onOpen(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#sinceTag = 0;
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new FileFault(`${this.#place()}: nested deeper than ${DEEPEST} levels`);
    if (this.#skipped !== undefined) return;
    const colon = name.indexOf(':');
    const prefix = name.slice(0, Math.max(0, colon));
    const local = name.slice(colon + 1);
    const parent = this.#open.at(-1);
    if (parent === undefined) {
      if (this.#prefix === undefined && (local === 'POSLog' || local === 'Transaction')) this.#prefix = prefix;
      if (local === 'Transaction' && prefix === this.#prefix) this.#begin(local, attributes);
      return;
    }
    if (prefix !== this.#prefix || !WANTED.has(local)) {
      this.#skipped = this.#depth;
      return;
    }
    this.#elements += 1;
    if (this.#elements > MOST_ELEMENTS) throw new FileFault(`${this.#place()}: a transaction of too many elements`);
    const element = this.#element(local, attributes);
    parent.children.push(element);
    this.#open.push(element);
  }

  #begin(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#elements = 0;
    this.#open = [this.#element(name, attributes)];
  }

  #element(name: string, attributes: Readonly<Record<string, string>>): Element {
    const own = Object.keys(attributes).length === 0 ? NO_ATTRIBUTES : attributes;
    return { name, attributes: own, line: this.#sax.line, text: '', children: [] };
  }

  #onText(text: string): void {
    const element = this.#open.at(-1);
    if (element === undefined || this.#skipped !== undefined || element.text.length > LONGEST_VALUE) return;
    element.text += text.slice(0, LONGEST_VALUE + 1);
  }

  #onClose(): void {
    this.#sinceTag = 0;
    const depth = this.#depth;
    this.#depth -= 1;
    if (this.#skipped !== undefined) {
      if (this.#skipped === depth) this.#skipped = undefined;
      return;
    }
    const closed = this.#open.pop();
    if (closed === undefined || this.#open.length > 0) return;
    const read = this.#sale.read(closed);
    if (typeof read === 'string') this.#left.add(read);
    else this.#records.push({ said: read, where: `line ${closed.line}` });
  }
}

/** What is made once for a device: its codes, and the clock of its store. */
function opened(device: DeviceConfig): () => FileReader {
  const sale = new SaleReader(device);
  return () => fileReader(new FileText(), new PosLogText(sale));
}

export const poslog: Format = {
  name: 'poslog',
  // Customers, cards, cashiers.
  personal: true,
  open(device) {
    for (const [key, value] of Object.entries(device.mapping ?? {}))
      if (key !== 'currency' || !/^=[A-Z]{3}$/.test(value))
        throw new HubError(
          'CONFIG_INVALID',
          `mapping: codec poslog knows only currency, for tills that name none, such as "=EUR"`,
        );
    const reader = opened(device);
    return { decode: (frame) => wholeFile(reader(), frame) };
  },
  file: (device) => opened(device)(),
};
