/**
 * Scales that speak the Toledo 8217 protocol (Mettler Toledo, Datalogic and Zebra counter scales, Brecknell ...), by the
 * service manuals of Mettler Toledo: usually 9600 bits per second, 7 bits, even parity.
 *
 *   question = "W"
 *   weight   = STX value ["N"] CR      value: digits with a decimal point, leading zeros or spaces; N: net
 *   status   = STX "?" byte CR         where there is no steady weight; bit 0 in motion, 1 over its range, 2 under zero,
 *                                      3 outside the range to find its zero, 4 at zero, 5 net, 6 always 1
 *
 * The protocol names no unit: kilograms are taken. A scale that is set to pounds has `calibration.weight: 0.45359237`.
 * Where the line was opened with eight bits, the parity arrives as bit 7: it is proven, and taken off.
 */
import type { Format, LineParser } from '../contracts/formats.ts';
import { type ScaleTelegram, scaleDecoder } from './scale-telegrams.ts';

const STX = 0x02;
const CR = 0x0d;
const SEVEN_BITS = 0x7f;
const ASK_MS = 200;
/** Longer than any telegram of it. */
const LONGEST = 16;
const WEIGHT = /^ {0,6}(-?\d{1,6}\.\d{1,4}) ?(N?)$/;
const STATUS = /^\?([@-~]|\x7f)$/;

/** `frame`: what stands between STX and CR, without parity. */
export function readToledo8217(frame: Uint8Array): ScaleTelegram | undefined {
  const text = Buffer.from(frame).toString('latin1');
  const weight = WEIGHT.exec(text);
  if (weight !== null) {
    const [, value = '', net] = weight;
    return { says: 'weight', value, unit: 'kg', steady: true, net: net === 'N' };
  }
  const status = STATUS.exec(text);
  return status === null ? undefined : statusOf((status[1] ?? '').charCodeAt(0));
}

function statusOf(bits: number): ScaleTelegram {
  if ((bits & 2) !== 0) return { says: 'fault', text: 'overloaded: too much weight on the scale' };
  if ((bits & 1) !== 0) return { says: 'note', text: 'in motion' };
  if ((bits & 4) !== 0) return { says: 'fault', text: 'under zero: the platform is not in place, or it lost its zero' };
  if ((bits & 8) !== 0)
    return { says: 'fault', text: 'it cannot find its zero: take everything off and switch it off and on' };
  return { says: 'note', text: (bits & 16) !== 0 ? 'at zero' : 'no weight now' };
}

function hasEvenParity(byte: number): boolean {
  let bits = byte ^ (byte >> 4);
  bits ^= bits >> 2;
  return ((bits ^ (bits >> 1)) & 1) === 0;
}

class Toledo8217Parser implements LineParser {
  readonly ask = { bytes: Buffer.from('W'), everyMs: ASK_MS };
  /** From STX on. */
  readonly #held: number[] = [];
  #skipped = 0;

  get skipped(): number {
    return this.#skipped;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const telegrams: Uint8Array[] = [];
    for (const byte of chunk) {
      const plain = byte & SEVEN_BITS;
      if (plain === STX) {
        this.#drop();
        this.#held.push(byte);
      } else if (this.#held.length === 0) {
        // Between telegrams.
        this.#skipped += 1;
      } else if (plain === CR) {
        const telegram = this.#cut(byte);
        if (telegram !== undefined) telegrams.push(telegram);
      } else if (this.#held.push(byte) > LONGEST) this.#drop();
    }
    return telegrams;
  }

  /** Where one byte has its parity, all of them must. */
  #cut(end: number): Uint8Array | undefined {
    const bytes = [...this.#held, end];
    const plain = Uint8Array.from(this.#held.slice(1), (byte) => byte & SEVEN_BITS);
    const hasParity = bytes.some((byte) => byte > SEVEN_BITS);
    if ((hasParity && !bytes.every(hasEvenParity)) || readToledo8217(plain) === undefined) {
      this.#drop();
      this.#skipped += 1;
      return undefined;
    }
    this.#held.length = 0;
    return plain;
  }

  #drop(): void {
    this.#skipped += this.#held.length;
    this.#held.length = 0;
  }
}

export const toledo8217: Format = {
  name: 'toledo-8217',
  open: (device) => scaleDecoder(device, readToledo8217),
  line: () => new Toledo8217Parser(),
};
