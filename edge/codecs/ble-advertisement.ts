/**
 * What a Bluetooth LE advertisement says of a beacon. Bytes are those of the advertising data (Core Specification
 * Supplement, part A): AD structures one after another.
 *
 *   data      := structure*                 structure := length type payload{length - 1}; length 0 ends the data
 *   iBeacon   := type FF: 4C 00 02 15 uuid{16} major(u16 BE) minor(u16 BE) power(i8)
 *   Eddystone := type 16: AA FE frame
 *     frame   := 00 power(i8) namespace{10} instance{6} [reserved{2}]      UID
 *              | 20 00 millivolts(u16 BE) temperature(u16) ...             TLM, without a name of its own
 *              | 10 ...                                                    URL, the same for many: no identity
 *              | 30 ...                                                    EID, changes all the time: never looked at
 *
 * A beacon is called `uuid:major:minor` or `namespace:instance`, in hex of lower case without hyphens.
 */

/** What one advertisement says. */
export interface Sighted {
  readonly beacon?: string | undefined;
  readonly millivolts?: number | undefined;
}

const MANUFACTURER = 0xff;
const SERVICE_DATA_16 = 0x16;
const IBEACON = Buffer.from('4c000215', 'hex');
const EDDYSTONE = Buffer.from('aafe', 'hex');
/** Extended advertisements are longer than 31 bytes. */
const LONGEST = 1650;

/** Hex of an even number of digits; undefined: it is none. */
export function bytesOf(hex: unknown): Buffer | undefined {
  if (typeof hex !== 'string' || hex.length > 2 * LONGEST || hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex))
    return undefined;
  return Buffer.from(hex, 'hex');
}

/** @param data the whole advertising data; what is cut off at its end is left out */
export function readAdvertisement(data: Buffer): Sighted {
  let sighted: Sighted = {};
  for (let at = 0; at + 1 < data.length; ) {
    const length = data[at] ?? 0;
    if (length === 0 || at + 1 + length > data.length) break;
    const payload = data.subarray(at + 2, at + 1 + length);
    const type = data[at + 1];
    if (type === MANUFACTURER) sighted = { ...sighted, ...readManufacturer(payload) };
    else if (type === SERVICE_DATA_16 && payload.subarray(0, 2).equals(EDDYSTONE))
      sighted = { ...sighted, ...readEddystone(payload.subarray(2)) };
    at += 1 + length;
  }
  return sighted;
}

/** Payload of type FF, the company first. */
export function readManufacturer(payload: Buffer): Sighted {
  if (payload.length < 25 || !payload.subarray(0, 4).equals(IBEACON)) return {};
  return { beacon: iBeacon(payload.toString('hex', 4, 20), payload.readUInt16BE(20), payload.readUInt16BE(22)) };
}

/** Service data of FEAA, without the two bytes of its number. */
export function readEddystone(frame: Buffer): Sighted {
  if (frame[0] === 0x00 && frame.length >= 18)
    return { beacon: `${frame.toString('hex', 2, 12)}:${frame.toString('hex', 12, 18)}` };
  if (frame[0] === 0x20 && frame[1] === 0x00 && frame.length >= 14) {
    const millivolts = frame.readUInt16BE(2);
    // 0: it has no battery, or does not measure it.
    return millivolts === 0 ? {} : { millivolts };
  }
  return {};
}

/** `uuid`: with or without hyphens. */
export function iBeacon(uuid: string, major: number, minor: number): string {
  return `${uuid.replaceAll('-', '').toLowerCase()}:${major}:${minor}`;
}
