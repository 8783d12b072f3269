/**
 * M100 and YRM100 reader modules (also sold as R200 and QM100), on a serial line at 115200 8N1.
 *
 *   telegram  = BB type command length(2) parameters checksum 7E
 *   type      = 00 command | 01 response | 02 notice
 *   checksum  = sum of the bytes from type to the last parameter, modulo 256
 *   tag       = notice, command 22: RSSI(1, signed dBm) PC(2) EPC CRC(2)
 *   error     = response, command FF: code(1) [of an access: PC EPC]; code 15: no tag in this round
 *
 * Both marks may stand inside, so a telegram is one whose length, checksum and end fit together. Parameters longer
 * than any of a reading module are no telegram: a damaged length must not hold up what follows it.
 *
 * A round of inventories is ordered when the line opens and again when nothing comes any more: the module forgets it
 * with its power, and ends it after 65,535 rounds. Region and power are the module's own settings.
 */
import type { Format, Frame, NotUnderstood, Understood } from '../contracts/formats.ts';
import { framedLine, NONE, WAIT } from './framed-line.ts';
import { epcOf } from './tag-record.ts';

const MARK = 0xbb;
const END = 0x7e;
const HEAD = 5;
const TAIL = 2;
const MOST_PARAMETERS = 192;
const NOTICE = 2;
const RESPONSE = 1;
const INVENTORY = 0x22;
const MANY_INVENTORIES = 0x27;
const ERROR = 0xff;
/** RSSI, PC and CRC. */
const AROUND_EPC = 5;
const NO_TAG = 0x15;
/** 65,535 rounds. */
const ORDER = Uint8Array.of(MARK, 0, MANY_INVENTORIES, 0, 3, 0x22, 0xff, 0xff, 0x4a, END);
const SILENT_MS = 3000;
/** Many times the gap between two bytes, and less than that between two orders. */
const IDLE_MS = 100;

/** Errors that an installer can do something about, by their codes. */
const ERRORS: Readonly<Record<number, string>> = {
  9: 'reading the memory of a tag failed',
  16: 'writing the memory of a tag failed',
  23: 'it does not know a command that it was sent',
  32: 'the channel is in use by other readers for too long',
};

function cut(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== MARK) return NONE;
  if (end - at < HEAD) return end - at > 1 && (bytes[at + 1] ?? 0) > NOTICE ? NONE : WAIT;
  const type = bytes[at + 1] ?? 0;
  const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
  if (type > NOTICE || length > MOST_PARAMETERS) return NONE;
  const last = at + HEAD + length;
  if (last + TAIL > end) return WAIT;
  if (bytes[last + 1] !== END) return NONE;
  // One byte of checksum is weak: the tag's own word of its length must fit as well.
  if (type === NOTICE && bytes[at + 2] === INVENTORY && length !== AROUND_EPC + 2 * ((bytes[at + 6] ?? 0) >> 3))
    return NONE;
  let sum = 0;
  for (let i = at + 1; i < last; i += 1) sum += bytes[i] ?? 0;
  return (sum & 0xff) === bytes[last] ? HEAD + length + TAIL : NONE;
}

function decode({ bytes }: Frame): Understood | NotUnderstood {
  if (cut(bytes, 0, bytes.length) !== bytes.length)
    return { ok: false, reason: 'not a telegram of an M100 reader: expected BB ... checksum 7E' };
  const [, type, command] = bytes;
  const parameters = bytes.subarray(HEAD, -TAIL);
  if (type === NOTICE && command === INVENTORY) {
    const tag = epcOf(parameters.subarray(1));
    if ('reason' in tag) return { ok: false, reason: tag.reason };
    const rssi = ((parameters[0] ?? 0) << 24) >> 24;
    return { ok: true, said: [{ kind: 'rfid', reading: { epc: tag.epc, rssi_dbm: rssi } }] };
  }
  if (type === RESPONSE && command === ERROR) {
    const code = parameters[0] ?? 0;
    if (code === NO_TAG) return { ok: true, said: [], note: 'no tag in this round' };
    const words = ERRORS[code] ?? 'see its manual';
    return { ok: false, reason: `the reader says error ${code.toString(16).padStart(2, '0')}: ${words}` };
  }
  return { ok: true, said: [], note: `an answer to command ${(command ?? 0).toString(16).padStart(2, '0')}` };
}

export const m100: Format = {
  name: 'm100',
  open: () => ({ decode }),
  line: () => framedLine({ cut, idleMs: IDLE_MS, greeting: ORDER, greetAgainMs: SILENT_MS }),
};
