/**
 * Scales and weighing indicators that send without being asked, in the format that A&D, CAS, Dini Argeo and many others
 * share. The manuals differ in what stands between the fields, so that is optional here.
 *
 *   telegram = [address] status "," [mode ","] [id lamps ","] value [","] unit CR LF
 *   address  = 2DIGIT                         Dini Argeo on RS-485
 *   status   = "ST" / "US" / "OL" / "UL"      steady, in motion, over and under the range
 *            / "LO"                           out of range (A&D indicators)
 *            / "TL"                           not level (Dini Argeo)
 *            / "QT"                           a number of pieces, steady (A&D)
 *   mode     = "GS" / "NT" / "TR"             gross, net, the tare itself; absent: balances of A&D
 *   id lamps = 2OCTET                         CAS, 22 bytes
 *   value    = sign or spaces, digits, "."    8 or 9 characters; spaces or 9s where it is out of range
 *   unit     = "g" / "kg" / "lb" / "oz" ...   right-aligned
 */
import type { Format } from '../contracts/formats.ts';
import { type ScaleTelegram, scaleDecoder } from './scale-telegrams.ts';
import { TextParser } from './text-telegrams.ts';

const TELEGRAM =
  /(ST|QT|US|OL|UL|LO|TL),(?:(GS|NT|TR),)?(?:[\x21-\xff]{2},)?(?:([ +-]{0,8})(\d{1,9}(?:\.\d{0,6})?)|[ +.-]{1,10}),? {0,3}([A-Za-z%]{0,3}) {0,2}$/;

const FAULTS: Readonly<Record<string, string>> = {
  OL: 'overloaded: too much weight on the scale',
  UL: 'under its range: the platform is not in place',
  LO: 'out of its range: too much weight on the scale, or too little',
  TL: 'not level: put the scale upright',
};

export function readScaleStream(frame: Uint8Array): ScaleTelegram | undefined {
  const found = TELEGRAM.exec(Buffer.from(frame).toString('latin1'));
  if (found === null) return undefined;
  const [, status = '', mode, sign = '', digits, unit = ''] = found;
  const fault = FAULTS[status];
  if (fault !== undefined) return { says: 'fault', text: fault };
  if (mode === 'TR') return { says: 'note', text: 'the tare, not a weight' };
  if (digits === undefined || unit === '') return { says: 'note', text: 'no weight in it' };
  if (status === 'QT' || unit.toUpperCase() === 'PC')
    return { says: 'note', text: 'pieces, not a weight: set the scale to weigh' };
  const value = `${sign.includes('-') ? '-' : ''}${digits.endsWith('.') ? digits.slice(0, -1) : digits}`;
  return { says: 'weight', value, unit: unit.toLowerCase(), steady: status === 'ST', net: mode === 'NT' };
}

export const scaleStream: Format = {
  name: 'scale-stream',
  open: (device) => scaleDecoder(device, readScaleStream),
  line: () => new TextParser({ grammar: TELEGRAM, longest: 40 }),
};
