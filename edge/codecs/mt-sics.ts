/**
 * Scales and balances that speak MT-SICS (Mettler Toledo), levels 0 and 1, by the reference manuals of its modules.
 *
 *   question   = "SI" CR LF                                 the weight now, steady or not
 *   weight     = "S" SP ("S" / "D") SP value SP unit CR LF  S steady, D in motion; value: 10 characters, right-aligned
 *   no weight  = "S" SP ("I" / "+" / "-" / "L") CR LF       busy, over the range, under it, wrong parameter
 *   broken     = "S" SP "S" SP "Error" SP code CR LF
 *   misheard   = ("ES" / "ET" / "EL") CR LF                 unknown command, damaged on the line, not possible now
 *   switched on = "I4" SP "A" SP DQUOTE serial DQUOTE CR LF
 *
 * It is asked again and again instead of once to repeat (SIR): a scale that was switched off answers again by itself.
 * It is never reset (@) either, because that would clear the tare that staff have set.
 */
import type { Format } from '../contracts/formats.ts';
import { type ScaleTelegram, scaleDecoder } from './scale-telegrams.ts';
import { TextParser } from './text-telegrams.ts';

const ASK_MS = 200;
const WEIGHT = /S ([SD]) {1,11}\+?(-?\d{1,9}(?:\.\d{1,6})?) ([A-Za-z%]{1,4}) {0,3}$/;
const OTHER = /(?:S ([I+L-])|S S Error +(\w{1,4})|(E[STL])|I4 A "([^"]{0,30})")$/;

const WITHOUT_WEIGHT: Readonly<Record<string, ScaleTelegram>> = {
  I: { says: 'note', text: 'busy: it is not at rest, or does something else' },
  L: { says: 'note', text: 'it does not take the question SI' },
  '+': { says: 'fault', text: 'overloaded: too much weight on the scale' },
  '-': { says: 'fault', text: 'under its range: the platform is not in place' },
};

const MISHEARD: Readonly<Record<string, string>> = {
  ES: 'it does not know the question SI (ES): is it set to MT-SICS?',
  ET: 'what it is asked arrives damaged (ET): check baud and frame of its line',
  EL: 'it cannot answer now (EL)',
};

export function readMtSics(frame: Uint8Array): ScaleTelegram | undefined {
  const text = Buffer.from(frame).toString('latin1');
  const weight = WEIGHT.exec(text);
  if (weight !== null) {
    const [, status, value = '', unit = ''] = weight;
    return { says: 'weight', value, unit, steady: status === 'S', net: false };
  }
  const other = OTHER.exec(text);
  if (other === null) return undefined;
  const [, state, fault, misheard, serial] = other;
  if (state !== undefined) return WITHOUT_WEIGHT[state];
  if (fault !== undefined) return { says: 'fault', text: `it reports error ${fault}: see its manual` };
  if (misheard !== undefined) return { says: 'note', text: MISHEARD[misheard] ?? misheard };
  return { says: 'note', text: `switched on, serial number ${serial}` };
}

export const mtSics: Format = {
  name: 'mt-sics',
  open: (device) => scaleDecoder(device, readMtSics),
  line: () =>
    new TextParser({
      grammar: new RegExp(`(?:${WEIGHT.source}|${OTHER.source})`),
      longest: 48,
      ask: { bytes: Buffer.from('SI\r\n'), everyMs: ASK_MS },
    }),
};
