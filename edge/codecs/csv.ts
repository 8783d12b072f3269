/**
 * Sales in a table, one line of a receipt a row, as tills and back offices export them (RFC 4180 with the liberties that
 * are usual).
 *
 *   file      := header row*            without a header where `mapping` names columns by number: "#3"
 *   row       := field (separator field)*         separator: ; , tab or |, found in the first line, or told
 *   field     := anything | '"' anything, quotes doubled '"'
 *
 * `mapping` of the device's entry says what is in which column, or a constant: "=EUR". What it may name, and how rows
 * become sales, stands in csv-sale.ts.
 */
import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { FileReader, FileRecord, Format } from '../contracts/formats.ts';
import { Columns } from './csv-columns.ts';
import { RowReader } from './csv-sale.ts';
import { FileFault, fileReader, type TextReader, wholeFile } from './file-fault.ts';
import { FileText } from './file-text.ts';
import { SaleTime } from './sale-time.ts';

const SEPARATORS = [';', ',', '\t', '|'];
/** Characters of one row. */
const LONGEST_ROW = 1_048_576;

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

interface Row {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

class CsvText implements TextReader {
  readonly #columns: Columns;
  #rows: RowReader | undefined;
  #separator: string | undefined;
  /** What is not a whole row yet, how much of it was looked at, and whether that ended within quotes. */
  #rest = '';
  #looked = 0;
  #quoted = false;
  /** Lines before the rest. */
  #lines = 0;
  readonly #device: DeviceConfig;
  readonly #time: SaleTime;

  constructor(device: DeviceConfig, columns: Columns, time: SaleTime) {
    this.#device = device;
    this.#time = time;
    this.#columns = columns;
    this.#separator = columns.separator;
  }

  write(text: string): void {
    this.#rest += text;
    const end = this.#lastRowEnd();
    if (end > 0) {
      const whole = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end);
      this.#looked -= end;
      this.#read(whole);
    }
    if (this.#rest.length > LONGEST_ROW)
      throw new FileFault(
        `line ${this.#lines + 1}: a row without end${this.#quoted ? ', a quote that is never closed' : ''}`,
      );
  }

  end(): void {
    if (this.#rest !== '') this.#read(this.#rest);
    this.#rest = '';
    if (this.#rows === undefined)
      throw new FileFault('the file is empty: expected a line with the names of the columns');
    this.#rows.end();
  }

  take(): FileRecord[] {
    return this.#rows?.take() ?? [];
  }

  note(): undefined {
    return undefined;
  }

  /** The index behind the last end of a line that is outside of quotes; 0: there is none. */
  #lastRowEnd(): number {
    const text = this.#rest;
    let end = 0;
    let at = this.#looked;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) this.#quoted = !this.#quoted;
      else if (this.#quoted) continue;
      else if (code === LF) end = at + 1;
      else if (code === CR) {
        // Whether a line feed follows is known with the next piece.
        if (at + 1 === text.length) break;
        if (text.charCodeAt(at + 1) !== LF) end = at + 1;
      }
    }
    this.#looked = at;
    return end;
  }

  #read(text: string): void {
    this.#separator ??= separatorOf(text);
    for (const { record, info } of this.#parsed(text, this.#separator)) {
      const line = this.#lines + info.lines - linesWithin(record);
      if (this.#rows !== undefined) this.#rows.row(record, line);
      else {
        this.#rows = new RowReader(this.#device, this.#columns.in(record, line), this.#time, this.#separator);
        if (!this.#columns.hasHeader) this.#rows.row(record, line);
      }
    }
    this.#lines += text.split(/\r\n|\n|\r/).length - 1;
  }

  #parsed(text: string, delimiter: string): Row[] {
    try {
      return parse(text, {
        delimiter,
        info: true,
        trim: true,
        record_delimiter: ['\r\n', '\n', '\r'],
        relax_column_count: true,
        skip_empty_lines: true,
      }) as unknown as Row[];
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const lines = typeof error.lines === 'number' ? error.lines : 0;
      const what = error.message.replace(/ (at|on) line \d+/, '').replace(/, value is .*/s, '');
      throw new FileFault(`line ${this.#lines + lines}: ${what}`);
    }
  }
}

/** Ends of lines within a row's fields: a row is named by its first line. */
function linesWithin(record: readonly string[]): number {
  return record.reduce((sum, field) => sum + (field.includes('\n') ? field.split('\n').length - 1 : 0), 0);
}

/** What the first line has most of, outside of quotes. */
function separatorOf(text: string): string {
  const [first = ''] = text.replace(/"[^"]*"/g, '').split(/\r\n|\n|\r/, 1);
  const count = (separator: string): number => first.split(separator).length;
  return [...SEPARATORS].sort((a, b) => count(b) - count(a))[0] ?? ';';
}

/** What is made once for a device: its mapping, and the clock of its store. */
function opened(device: DeviceConfig): () => FileReader {
  const columns = new Columns(device);
  const time = new SaleTime(device.timezone);
  return () => fileReader(new FileText(columns.encoding), new CsvText(device, columns, time));
}

export const csv: Format = {
  name: 'csv',
  // An export holds columns that nobody mapped, such as names of customers.
  personal: true,
  open(device) {
    const reader = opened(device);
    return { decode: (frame) => wholeFile(reader(), frame) };
  },
  file: (device) => opened(device)(),
};
