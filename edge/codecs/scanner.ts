/**
 * Barcode scanners on a serial line (or an adapter that looks like one).
 *
 *   scan       := [STX] [AIM] text (CR | LF | TAB | ETX)+, or without an end, as a burst after which the line is quiet
 *   AIM        := ']' code modifier   symbology identifier, ISO/IEC 15424; the scanner must be set to send it
 *     ]E0 EAN-13, UPC-A and UPC-E as 13 digits   ]E3 the same with an add-on   ]E4 EAN-8   ]I1 ITF-14
 *     ]C1 GS1-128   ]e0 DataBar   ]d2 GS1 DataMatrix   ]Q3 GS1 QR   ]J1 GS1 DotCode: element strings, GS is 1D
 *     others: text, as without an identifier
 *
 * The line puts a TAB, which no scan holds, behind the identifier: digits that follow its modifier would make another
 * number with it, and a payment card would not be known as one where bytes are shown or kept.
 *
 * A scan has no number of its own: each telegram is one. Its place is the entry's `zone` and `shelf`, or the shelf that
 * the entry's `places` gives for the code, where labels of shelves are scanned.
 */
import { isUtf8 } from 'node:buffer';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Format, Frame, LineParser, NotUnderstood, Understood } from '../contracts/formats.ts';
import { type Read, readElements, readGoodsCode, readText } from './scanned-code.ts';

/** The longest QR code holds 7,089 digits; none of a shop is near. */
const MOST_BYTES = 2000;
const IDLE_MS = 50;

const GS1_ELEMENTS: Readonly<Record<string, string>> = {
  C1: 'gs1-128',
  e0: 'gs1-databar',
  e1: 'gs1-composite',
  e2: 'gs1-composite',
  d2: 'gs1-datamatrix',
  Q3: 'gs1-qr',
  J1: 'gs1-dotcode',
};
const GOODS: Readonly<Record<string, string>> = { E0: 'ean-13', E4: 'ean-8', I1: 'itf-14' };
/** By the code alone. */
const OTHERS: Readonly<Record<string, string>> = {
  A: 'code-39',
  C: 'code-128',
  d: 'datamatrix',
  E: 'ean-add-on',
  e: 'gs1-databar',
  F: 'codabar',
  G: 'code-93',
  I: 'itf',
  L: 'pdf417',
  Q: 'qr',
  z: 'aztec',
};

/** `]`, of a symbology identifier. */
const BEGINNING = 0x5d;
/** Length of a symbology identifier. */
const AIM = 3;
const TAB = 0x09;
const ENDS = new Set([0x02, 0x03, 0x09, 0x0a, 0x0d]);
/** Separators of GS1 (1D) and of ISO/IEC 15434 (04, 1C, 1E) may stand in a code. */
const CONTROLS = new Set([0x04, 0x1c, 0x1d, 0x1e]);

/**
 * Bytes between two ends are a scan; what no scanner sends is skipped, such as bytes of a line set otherwise. Of a scanner
 * without ends a `]` begins the next scan where no code of the trade holds one: a busy hub may read two bursts at once, and
 * see no pause between them. A scanner that has ended a scan ends all of them: then a pause is a pause, and half a scan is
 * only given up for a beginning.
 */
class ScanLine implements LineParser {
  readonly idleMs = IDLE_MS;
  skipped = 0;
  #held: number[] = [];
  #tooLong = false;
  #ends = false;
  #paused = false;

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const scans: Uint8Array[] = [];
    for (const byte of chunk) {
      if (ENDS.has(byte)) {
        this.#ends = true;
        scans.push(...this.#taken());
      } else {
        if (byte === BEGINNING && this.#isBurstBefore()) scans.push(...this.#taken());
        this.#hold(byte);
      }
    }
    return scans;
  }

  #isBurstBefore(): boolean {
    if (this.#ends || this.#paused || this.#tooLong || this.#held.length <= AIM || this.#held[0] !== BEGINNING)
      return false;
    const identifier = String.fromCharCode(...this.#held.slice(1, AIM));
    return Object.hasOwn(GS1_ELEMENTS, identifier) || Object.hasOwn(GOODS, identifier);
  }

  idle(): readonly Uint8Array[] {
    this.#paused = true;
    return this.#ends ? [] : this.#taken();
  }

  #hold(byte: number): void {
    if (this.#tooLong) {
      this.skipped += 1;
      return;
    }
    const halfBefore = this.#paused && byte === BEGINNING;
    this.#paused = false;
    this.#tooLong = this.#held.length === MOST_BYTES;
    if (this.#tooLong || halfBefore) {
      this.skipped += this.#held.length;
      this.#held = [];
    }
    if (this.#tooLong) this.skipped += 1;
    else this.#held.push(byte);
  }

  #taken(): Uint8Array[] {
    const bytes = Uint8Array.from(this.#held);
    this.#held = [];
    this.#tooLong = false;
    this.#paused = false;
    if (bytes.length === 0) return [];
    if (isUtf8(bytes) && bytes.every((byte) => (byte >= 0x20 || CONTROLS.has(byte)) && byte !== 0x7f))
      return [bytes[0] === BEGINNING && bytes.length > AIM ? parted(bytes) : bytes];
    this.skipped += bytes.length;
    return [];
  }
}

/** With a TAB behind the identifier. */
function parted(bytes: Uint8Array): Uint8Array {
  const scan = new Uint8Array(bytes.length + 1);
  scan.set(bytes.subarray(0, AIM));
  scan[AIM] = TAB;
  scan.set(bytes.subarray(AIM), AIM + 1);
  return scan;
}

function read(text: string, year: number): { readonly read: Read; readonly symbology?: string } {
  const aim = /^\]([A-Za-z][0-9A-Za-z])\t?(.*)$/s.exec(text);
  if (aim === null) return { read: readText(text, year) };
  const [, identifier = '', data = ''] = aim;
  const elements = GS1_ELEMENTS[identifier];
  if (elements !== undefined) return { read: readElements(data, year), symbology: elements };
  const goods = GOODS[identifier];
  if (goods !== undefined && (identifier !== 'I1' || data.length === 14))
    return { read: readGoodsCode(data), symbology: goods };
  const symbology = OTHERS[identifier.slice(0, 1)] ?? `]${identifier}`;
  if (identifier === 'E3') return { read: readGoodsCode(data.slice(0, 13)), symbology };
  return { read: symbology === 'ean-add-on' ? plain(data) : readText(data, year), symbology };
}

/** Digits that are no product's, whatever their number. */
function plain(code: string): Read {
  return { ok: true, scanned: { code } };
}

function decode({ bytes, received }: Frame, device: DeviceConfig): Understood | NotUnderstood {
  const text = Buffer.from(bytes).toString('utf8');
  if (text.length === 0 || text.length > MOST_BYTES)
    return { ok: false, reason: `a scan of ${text.length} characters, expected 1 to ${MOST_BYTES}` };
  const { read: what, symbology } = read(text, new Date(received).getUTCFullYear());
  if (!what.ok)
    return { ok: false, reason: `${symbology === undefined ? 'a scan' : `a scan of ${symbology}`}: ${what.reason}` };
  const { scanned } = what;
  if (scanned.code === '') return { ok: false, reason: 'a scan without data' };
  const shelf = shelfOf(scanned.code, device);
  const reading = {
    ...scanned,
    ...(symbology !== undefined && { symbology }),
    ...(shelf !== undefined && { shelf }),
    ...(device.zone !== undefined && { zone: device.zone }),
  };
  return { ok: true, said: [{ kind: 'scan', reading }] };
}

function shelfOf(code: string, { places = {}, shelf }: DeviceConfig): string | undefined {
  return Object.hasOwn(places, code) ? places[code] : shelf;
}

export const scanner: Format = {
  name: 'scanner',
  open: (device) => ({ decode: (frame) => decode(frame, device) }),
  line: () => new ScanLine(),
};
