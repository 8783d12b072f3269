/**
 * Bytes of a file as text, piece by piece. A byte order mark tells UTF-8 or UTF-16; XML tells the rest in its
 * declaration. Text without either is UTF-8, or Windows-1252 (which holds ISO-8859-1) where its first byte beyond ASCII
 * is none: no text of more than a few words is both by chance.
 */
import { isAscii } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { FileFault } from './file-fault.ts';

/** By the names that TextDecoder knows; ISO-8859-1 is read as the larger Windows-1252. */
const KNOWN =
  /^(utf-?8|utf-?16(le|be)?|us-ascii|ascii|iso[-_]?8859[-_]?(1|2|5|7|9|15)|latin-?1|windows-125[0-8]|cp125[0-8])$/i;
const MARKS = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
  { bytes: [0x3c, 0x00, 0x3f, 0x00], encoding: 'utf-16le' },
  { bytes: [0x00, 0x3c, 0x00, 0x3f], encoding: 'utf-16be' },
];
const DECLARATION = /^<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/;
/** A declaration is in the first so many bytes. */
const HEAD = 256;

export class FileText {
  readonly #told: string | undefined;
  #head = Buffer.alloc(0);
  #decoder: TextDecoder | undefined;
  #encoding = '';
  /** Nothing told the encoding, and all was ASCII so far. */
  #guesses = false;

  /** `told`: the encoding, where the configuration knows it. */
  constructor(told?: string) {
    this.#told = told;
  }

  /** Throws FileFault where the bytes are not of the encoding. */
  push(piece: Uint8Array): string {
    if (this.#decoder === undefined && !this.#guesses) {
      this.#head = Buffer.concat([this.#head, piece]);
      if (this.#head.length < HEAD) return '';
      return this.#begin();
    }
    return this.#decode(piece);
  }

  end(): string {
    const first = this.#decoder === undefined && !this.#guesses ? this.#begin() : '';
    return first + this.#flush();
  }

  #begin(): string {
    const head = this.#head;
    this.#head = Buffer.alloc(0);
    const mark = MARKS.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte));
    const declared = mark === undefined ? DECLARATION.exec(head.subarray(0, HEAD).toString('latin1'))?.[1] : undefined;
    const encoding = mark?.encoding ?? this.#told ?? declared;
    if (encoding === undefined) this.#guesses = true;
    else this.#open(encoding);
    return this.#decode(head);
  }

  #open(encoding: string): void {
    if (!KNOWN.test(encoding))
      throw new FileFault(`the encoding ${encoding} is not read: expected UTF-8, UTF-16 or ISO-8859-1`);
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  #decode(piece: Uint8Array): string {
    if (this.#guesses) {
      if (isAscii(piece)) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
      this.#guesses = false;
      this.#open(beginsAsUtf8(piece) ? 'utf-8' : 'windows-1252');
    }
    return this.#read(() => this.#decoder?.decode(piece, { stream: true }) ?? '');
  }

  #flush(): string {
    return this.#read(() => this.#decoder?.decode() ?? '');
  }

  #read(decode: () => string): string {
    try {
      return decode();
    } catch {
      throw new FileFault(
        `it holds bytes that are no ${this.#encoding.toUpperCase()}, although it is told or begins to be`,
      );
    }
  }
}

/** Whether the first byte beyond ASCII begins a character of UTF-8; one that the piece cuts off is taken for it. */
function beginsAsUtf8(piece: Uint8Array): boolean {
  const at = piece.findIndex((byte) => byte >= 0x80);
  const lead = piece[at] ?? 0;
  const more = lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xc2 && lead < 0xe0 ? 1 : 0;
  if (more === 0) return false;
  return piece.subarray(at + 1, at + 1 + more).every((byte) => byte >= 0x80 && byte < 0xc0);
}
