/**
 * ThingMagic reader modules (M5e, M6e, M7e, also in SparkFun's boards), on a serial line at 115200 8N1.
 *
 *   command   = FF length opcode data CRC(2)
 *   response  = FF length opcode status(2) data CRC(2); length counts the data alone
 *   CRC       = polynomial 1021 nibble by nibble, begun with FFFF and not augmented, without the FF
 *   tag while reading goes on = opcode 22, status 0:
 *               option(1, 10: flags follow) search(2) flags(2) type(1, 1: a tag, 2: statistics) metadata record
 *   tags from the reader's memory = opcode 29, status 0: flags(2) option(1) count(1) { metadata record }
 *   metadata  = what the flags announce, in this order: 0001 reads(1), 0002 RSSI(1, signed dBm), 0004 antenna(1),
 *               0008 kHz(3), 0010 ms since the last report(4), 0020 phase(2), 0040 protocol(1),
 *               0080 data: bits(2) bytes, 0100 inputs(1), 0200 Q(2), 0400 link(1), 0800 target(2), 1000 brand(2)
 *   record    = bits(2) PC(2) [XPC] EPC CRC(2)
 *   antenna   = transmitting port in the upper four bits, receiving port in the lower ones; 0 is port 16
 *   status    = 0400: still there, no tag meanwhile; 0504: too hot, it pauses; 0505: an antenna is missing
 *
 * When the line opens, and again when nothing comes for a while, reading is stopped, the protocol is set to Gen2 and
 * the antennas to those of the entry (default: 1), and reading is started with the flags reads, RSSI, antenna,
 * frequency, time, phase, protocol, data and inputs (01FF), one telegram a sighting. Region and power are the law's
 * and the shop's: they are saved in the reader with its maker's tool, and without a region it refuses to read.
 * The time of a sighting is relative to reports that may be lost, so the time of receipt is taken.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { framedLine, NONE, WAIT } from './framed-line.ts';
import { epcOf } from './tag-record.ts';

const MARK = 0xff;
const HEAD = 5;
const CRC = 2;
const READ = 0x22;
const MEMORY = 0x29;
const START_OR_STOP = 0x2f;
const PROTOCOL = 0x93;
const ANTENNAS = 0x91;
const GEN2 = 5;
const SILENT_MS = 8000;
const IDLE_MS = 100;

const STOP = [0, 0, 2];
/** No end, continuously; of the reading itself: flags follow, configured antennas, streamed, 1000 ms, flags 01FF. */
const START = [0, 0, 1, READ, 0, 0, GEN2, 7, READ, 0x10, 0, 0x1b, 0x03, 0xe8, 0x01, 0xff];

const STILL_THERE = 0x0400;
/** What an installer can do something about, by status. */
const STATUSES: ReadonlyMap<number, string> = new Map([
  [0x0101, 'this model does not know the command'],
  [0x0103, 'the power set in it is too high for it'],
  [0x0105, 'the model has no such antenna, or a value is out of its range'],
  [0x010b, "no region is set, or one that it does not have: save one in it with its maker's tool"],
  [STILL_THERE, 'no tag meanwhile'],
  [0x0503, 'an antenna is not connected'],
  [0x0504, 'it is too hot and pauses'],
  [0x0505, 'an antenna is missing or does not match'],
]);
/** Statuses come in families; others are no telegram. */
const LAST_FAMILY = 7;
const ASSERTION = 0x7f;

const TABLE = Uint16Array.from({ length: 16 }, (_, index) => {
  let crc = index << 12;
  for (let bit = 0; bit < 4; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** Over `bytes` from `from` to before `to`. */
export function thingmagicCrc(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff;
  for (let i = from; i < to; i += 1) {
    const byte = bytes[i] ?? 0;
    crc = (((crc << 4) | (byte >> 4)) & 0xffff) ^ (TABLE[crc >> 12] ?? 0);
    crc = (((crc << 4) | (byte & 15)) & 0xffff) ^ (TABLE[crc >> 12] ?? 0);
  }
  return crc;
}

function cut(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== MARK) return NONE;
  if (end - at < HEAD) return WAIT;
  const family = bytes[at + 3] ?? 0;
  if (family > LAST_FAMILY && family !== ASSERTION) return NONE;
  const last = at + HEAD + (bytes[at + 1] ?? 0);
  if (last + CRC > end) return WAIT;
  const said = ((bytes[last] ?? 0) << 8) | (bytes[last + 1] ?? 0);
  return thingmagicCrc(bytes, at + 1, last) === said ? last + CRC - at : NONE;
}

/** A command with its length and checksum. */
function command(opcode: number, data: readonly number[]): Uint8Array {
  const bytes = Uint8Array.of(MARK, data.length, opcode, ...data, 0, 0);
  const end = bytes.length - CRC;
  new DataView(bytes.buffer).setUint16(end, thingmagicCrc(bytes, 1, end));
  return bytes;
}

/** Antennas of the entry, those that such a reader can have. */
function antennasOf({ antennas }: DeviceConfig): readonly number[] {
  const numbers = Object.keys(antennas ?? {})
    .map(Number)
    .filter((number) => number >= 1 && number <= 16);
  return numbers.length > 0 ? numbers : [1];
}

function greeting(device: DeviceConfig): readonly Uint8Array[] {
  return [
    command(START_OR_STOP, STOP),
    command(PROTOCOL, [0, GEN2]),
    command(ANTENNAS, [2, ...antennasOf(device).flatMap((antenna) => [antenna, antenna])]),
    command(START_OR_STOP, START),
  ];
}

/** Sizes of the metadata that is passed over, by flag, in their order on the line. */
const AFTER_DATA: readonly (readonly [flag: number, bytes: number])[] = [
  [0x0100, 1],
  [0x0200, 2],
  [0x0400, 1],
  [0x0800, 2],
  [0x1000, 2],
];

/** Reads fields one after the other; throws RangeError behind the end. */
class Fields {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    this.at += 1;
    return this.#view.getUint8(this.at - 1);
  }

  word(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2);
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.#bytes.length) throw new RangeError('behind the end');
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

function sighting(fields: Fields, flags: number): Said | NotUnderstood {
  const reads = flags & 0x0001 ? fields.byte() : 0;
  const rssi = flags & 0x0002 ? (fields.byte() << 24) >> 24 : undefined;
  const ports = flags & 0x0004 ? fields.byte() : undefined;
  if (flags & 0x0008) fields.take(3);
  if (flags & 0x0010) fields.take(4);
  if (flags & 0x0020) fields.take(2);
  const protocol = flags & 0x0040 ? fields.byte() : GEN2;
  if (flags & 0x0080) fields.take(Math.ceil(fields.word() / 8));
  for (const [flag, size] of AFTER_DATA) if (flags & flag) fields.take(size);
  const record = fields.take(Math.ceil(fields.word() / 8));
  if (protocol !== GEN2) return { ok: false, reason: `a tag of protocol ${protocol}, expected Gen2 (5)` };
  const tag = epcOf(record);
  if ('reason' in tag) return { ok: false, reason: tag.reason };
  const antenna = ports === undefined ? undefined : ports >> 4 || 16;
  return {
    kind: 'rfid',
    reading: {
      epc: tag.epc,
      ...(antenna !== undefined && { antenna }),
      ...(rssi !== undefined && { rssi_dbm: rssi }),
      ...(reads > 1 && { count: reads }),
    },
  };
}

function tagsOf(opcode: number, data: Uint8Array): Understood | NotUnderstood {
  const fields = new Fields(data);
  let flags = 0;
  let count = 1;
  if (opcode === READ) {
    const option = fields.byte();
    fields.word();
    if (!(option & 0x10)) return { ok: true, said: [], note: 'a count of tags' };
    flags = fields.word();
    if (fields.byte() !== 1) return { ok: true, said: [], note: 'statistics' };
  } else {
    flags = fields.word();
    fields.byte();
    count = fields.byte();
  }
  const said: Said[] = [];
  for (let i = 0; i < count; i += 1) {
    const one = sighting(fields, flags);
    if ('ok' in one) return one;
    said.push(one);
  }
  return { ok: true, said };
}

function decode({ bytes }: Frame): Understood | NotUnderstood {
  if (cut(bytes, 0, bytes.length) !== bytes.length)
    return { ok: false, reason: 'not a telegram of a ThingMagic reader: expected FF length ... CRC' };
  const opcode = bytes[2] ?? 0;
  const status = ((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0);
  const named = opcode.toString(16).padStart(2, '0');
  if (status === STILL_THERE) return { ok: true, said: [], note: STATUSES.get(status) };
  if (status !== 0) {
    const words = STATUSES.get(status) ?? 'see its manual';
    return {
      ok: false,
      reason: `the reader answers ${named} with status ${status.toString(16).padStart(4, '0')}: ${words}`,
    };
  }
  if (opcode !== READ && opcode !== MEMORY) return { ok: true, said: [], note: `an answer to command ${named}` };
  try {
    return tagsOf(opcode, bytes.subarray(HEAD, -CRC));
  } catch {
    return { ok: false, reason: `telegram ${named} ends before what its flags announce` };
  }
}

export const thingmagic: Format = {
  name: 'thingmagic',
  open: () => ({ decode }),
  line: (device) => framedLine({ cut, idleMs: IDLE_MS, greeting: greeting(device), greetAgainMs: SILENT_MS }),
};
