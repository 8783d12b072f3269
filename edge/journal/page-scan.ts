/**
 * Rows straight from the pages of a database file, without SQLite: a page that cannot be read costs its own rows and
 * no others, whether it was the root of a table or the schema itself. Which table a row belongs to is not written in
 * its page; the caller tells by its shape. Pages that were freed may hold rows that are long gone: the caller knows
 * what may be there.
 *
 *   leaf page of a table: 0x0d, free block (2), cells (2), content (2), fragments (1), pointers to cells (2 each)
 *   cell: payload size, rowid (varints), payload, or its beginning and the number of an overflow page (4)
 *   payload: size of its header (varint), one serial type for each column (varints), the values
 *   overflow page: number of the next one (4), content
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

const LEAF = 0x0d;
const FILE_HEADER = 100;
/** Longest payload that is believed: an event's data is 256 KiB at most. */
const MOST_PAYLOAD = 8 * 1024 * 1024;
const AT_ONCE = 256;

export type Value = null | number | string | Buffer;

export interface ScannedRow {
  readonly rowid: number;
  readonly values: readonly Value[];
}

/** Pages of the write-ahead log. */
export interface NewerPages {
  readonly file: string;
  /** Page number -> where it lies in that file. */
  readonly places: ReadonlyMap<number, number>;
}

/** Thrown inside, for whatever is not as the format demands. */
class Malformed extends Error {}

/**
 * Calls `take` for every row of every leaf page. Pages of the write-ahead log are scanned first, and the older version
 * in the file as well. Returns how many pages the system could not read. Throws nothing for bad
 * content; what `take` throws goes through.
 */
export function scanRows(file: string, pageSize: number, newer: NewerPages, take: (row: ScannedRow) => void): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return 0;
  const descriptor = openSync(file, 'r');
  let log: number | undefined;
  try {
    if (newer.places.size > 0) log = openSync(newer.file, 'r');
    return new Scan({ descriptor, size, log, places: newer.places }, pageSize, take).run();
  } finally {
    closeSync(descriptor);
    if (log !== undefined) closeSync(log);
  }
}

interface ScannedFiles {
  readonly descriptor: number;
  readonly size: number;
  readonly log: number | undefined;
  readonly places: ReadonlyMap<number, number>;
}

class Scan {
  readonly #files: ScannedFiles;
  readonly #pageSize: number;
  readonly #take: (row: ScannedRow) => void;

  constructor(files: ScannedFiles, pageSize: number, take: (row: ScannedRow) => void) {
    this.#files = files;
    this.#pageSize = pageSize;
    this.#take = take;
  }

  run(): number {
    let unread = 0;
    for (const number of this.#files.places.keys()) {
      const page = this.#newer(number);
      if (page) this.#page(number, page);
      else unread += 1;
    }
    const count = Math.ceil(this.#files.size / this.#pageSize);
    for (let first = 1; first <= count; first += AT_ONCE) {
      const chunk = this.#read(first, Math.min(AT_ONCE, count - first + 1));
      for (let index = 0; index < Math.min(AT_ONCE, count - first + 1); index += 1) {
        const page =
          chunk?.subarray(index * this.#pageSize, (index + 1) * this.#pageSize) ?? this.#read(first + index, 1);
        if (page) this.#page(first + index, page);
        else unread += 1;
      }
    }
    return unread;
  }

  #newer(number: number): Buffer | undefined {
    const { log, places } = this.#files;
    const at = places.get(number);
    return log === undefined || at === undefined ? undefined : bytesOf(log, at, this.#pageSize);
  }

  #read(number: number, count: number): Buffer | undefined {
    return bytesOf(this.#files.descriptor, (number - 1) * this.#pageSize, count * this.#pageSize);
  }

  #page(number: number, page: Buffer): void {
    const start = number === 1 ? FILE_HEADER : 0;
    if (page[start] !== LEAF) return;
    const cells = page.readUInt16BE(start + 3);
    const pointers = start + 8;
    if (pointers + cells * 2 > page.length) return;
    for (let index = 0; index < cells; index += 1) {
      const row = this.#cell(page, page.readUInt16BE(pointers + index * 2), pointers + cells * 2);
      if (row) this.#take(row);
    }
  }

  #cell(page: Buffer, at: number, least: number): ScannedRow | undefined {
    try {
      if (at < least || at >= page.length) return undefined;
      const size = varint(page, at);
      const rowid = varint(page, size.next);
      if (size.value < 2 || size.value > MOST_PAYLOAD) return undefined;
      return { rowid: rowid.value, values: record(this.#payload(page, rowid.next, size.value)) };
    } catch (error) {
      if (error instanceof Malformed || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #payload(page: Buffer, at: number, size: number): Buffer {
    const usable = this.#pageSize;
    const most = usable - 35;
    if (size <= most) return slice(page, at, size);
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fitting = least + ((size - least) % (usable - 4));
    const local = fitting <= most ? fitting : least;
    const parts = [slice(page, at, local)];
    let next = slice(page, at + local, 4).readUInt32BE(0);
    for (let left = size - local; left > 0; ) {
      const overflow = next === 0 ? undefined : (this.#newer(next) ?? this.#read(next, 1));
      if (!overflow || next > Math.ceil(this.#files.size / usable) + this.#files.places.size) throw new Malformed();
      const part = overflow.subarray(4, 4 + Math.min(left, usable - 4));
      parts.push(part);
      left -= part.length;
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }
}

/** Undefined when the system cannot read it. */
function bytesOf(descriptor: number, at: number, length: number): Buffer | undefined {
  const buffer = Buffer.alloc(length);
  try {
    readSync(descriptor, buffer, 0, length, at);
    return buffer;
  } catch {
    return undefined;
  }
}

function slice(buffer: Buffer, from: number, length: number): Buffer {
  if (from < 0 || from + length > buffer.length) throw new Malformed();
  return buffer.subarray(from, from + length);
}

/** Up to 53 bits; larger ones do not occur here. */
function varint(buffer: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = buffer[at + index];
    if (byte === undefined) throw new Malformed();
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) throw new Malformed();
      return { value, next: at + index + 1 };
    }
  }
  throw new Malformed();
}

function record(payload: Buffer): Value[] {
  const header = varint(payload, 0);
  let at = header.value;
  const values: Value[] = [];
  for (let type = header.next; type < header.value; ) {
    const serial = varint(payload, type);
    type = serial.next;
    const length = lengthOf(serial.value);
    values.push(decoded(serial.value, slice(payload, at, length)));
    at += length;
  }
  if (at !== payload.length) throw new Malformed();
  return values;
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0] as const;

function lengthOf(serial: number): number {
  if (serial >= 12) return Math.floor((serial - 12) / 2);
  const length = INTEGER_BYTES[serial];
  if (length === undefined) throw new Malformed();
  return length;
}

function decoded(serial: number, bytes: Buffer): Value {
  if (serial === 0) return null;
  if (serial === 6) return Number(bytes.readBigInt64BE(0));
  if (serial === 7) return bytes.readDoubleBE(0);
  if (serial === 8 || serial === 9) return serial - 8;
  if (serial < 12) return bytes.readIntBE(0, bytes.length);
  return serial % 2 === 0 ? Buffer.from(bytes) : bytes.toString('utf8');
}
