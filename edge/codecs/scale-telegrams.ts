/**
 * What scales have in common, whatever their protocol: a telegram says a weight, steady or in motion, or what is wrong.
 * A line of text has no checksum, so a weight counts only when two steady telegrams in a row agree.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { OnceInAWhile } from './once-in-a-while.ts';
import { gramsOf, lastDigitGrams } from './scale-units.ts';

export type ScaleTelegram =
  | {
      readonly says: 'weight';
      /** Decimal text, such as `-1.250`. */
      readonly value: string;
      readonly unit: string;
      readonly steady: boolean;
      /** The scale has taken off a tare of its own. */
      readonly net: boolean;
    }
  /** It cannot weigh: over or under its range, not level. */
  | { readonly says: 'fault'; readonly text: string }
  /** Neither, such as its serial number. */
  | { readonly says: 'note'; readonly text: string };

/** Scales count their last digit in steps of 1, 2 or 5: what differs by no more is the same weight. */
const LARGEST_STEP = 5;
/** An unchanged weight is said again after so long, so that it is known that the scale still weighs. */
const SAY_AGAIN_MS = 10_000;

interface Weighed {
  readonly grams: number;
  readonly net: boolean;
}

/** Throws HubError CONFIG_INVALID without a shelf. */
export function scaleDecoder(device: DeviceConfig, read: (frame: Uint8Array) => ScaleTelegram | undefined): Decoder {
  const { shelf } = device;
  if (shelf === undefined) throw new HubError('CONFIG_INVALID', `a scale needs \`shelf\`, the shelf that it weighs`);
  return new ScaleDecoder(shelf, device.calibration.weight, read);
}

class ScaleDecoder implements Decoder {
  readonly #shelf: string;
  readonly #factor: number;
  readonly #read: (frame: Uint8Array) => ScaleTelegram | undefined;
  readonly #faults = new OnceInAWhile();
  readonly #refusals = new OnceInAWhile();
  /** Steady, and not yet confirmed by a second one. */
  #first: Weighed | undefined;
  #last: Weighed | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #isFaulty = false;

  constructor(shelf: string, factor: number, read: (frame: Uint8Array) => ScaleTelegram | undefined) {
    this.#shelf = shelf;
    this.#factor = factor;
    this.#read = read;
  }

  decode({ bytes, received }: Frame): Understood | NotUnderstood {
    const telegram = this.#read(bytes);
    if (telegram === undefined)
      return this.#refuse(
        'this is no telegram of the scale: check the codec, and baud and frame of its line',
        received,
      );
    if (telegram.says === 'note') return { ok: true, said: [], note: telegram.text };
    if (telegram.says === 'fault') return this.#faulty(telegram.text, received);
    const { value, unit, steady, net } = telegram;
    const raw = gramsOf(value, unit);
    const digit = lastDigitGrams(value, unit);
    if (raw === undefined || digit === undefined)
      return this.#refuse(`it weighs in ${unit}: set the scale to g, kg, lb or oz`, received);
    if (!steady) {
      this.#first = undefined;
      return { ok: true, said: [], note: `in motion: ${value} ${unit}` };
    }
    const step = LARGEST_STEP * digit * (1 + 1e-9);
    const first = this.#first;
    this.#first = { grams: raw, net };
    if (first === undefined || first.net !== net || Math.abs(first.grams - raw) > step)
      return { ok: true, said: [], note: `${value} ${unit}, to be confirmed by the next telegram` };
    return this.#weigh({ grams: raw, net }, step, received);
  }

  unstored(): void {
    this.#last = undefined;
    this.#faults.forget();
  }

  #weigh(weighed: Weighed, step: number, received: number): Understood {
    const said: Said[] = [];
    if (this.#isFaulty) {
      said.push({ kind: 'status', reading: { online: true, text: 'it weighs again' } });
      this.#isFaulty = false;
      this.#faults.forget();
    }
    const last = this.#last;
    const notes: string[] = [];
    if (weighed.grams < -step) notes.push('below zero: let it find its zero, with nothing on it');
    if (last !== undefined && last.net !== weighed.net)
      notes.push(
        weighed.net
          ? 'it now takes off a tare of its own: tare_g of the shelf must be without it'
          : 'it no longer takes off a tare of its own',
      );
    const isNews = last === undefined || last.net !== weighed.net || Math.abs(last.grams - weighed.grams) > step;
    // A clock that was set back must not silence it.
    const age = Math.abs(received - this.#lastAt);
    if (isNews || age >= SAY_AGAIN_MS || said.length > 0) {
      this.#last = weighed;
      this.#lastAt = received;
      said.push({ kind: 'shelf', reading: { shelf: this.#shelf, weight_g: this.#calibrated(weighed.grams) } });
    }
    return notes.length === 0 ? { ok: true, said } : { ok: true, said, note: notes.join('; ') };
  }

  #calibrated(grams: number): number {
    return this.#factor === 1 ? grams : Number((grams * this.#factor).toFixed(6));
  }

  #faulty(text: string, received: number): Understood {
    this.#first = undefined;
    this.#isFaulty = true;
    if (!this.#faults.isDue(text, received)) return { ok: true, said: [], note: text };
    return { ok: true, said: [{ kind: 'status', reading: { online: true, text } }], note: text };
  }

  #refuse(reason: string, received: number): Understood | NotUnderstood {
    this.#first = undefined;
    return this.#refusals.isDue(reason, received) ? { ok: false, reason } : { ok: true, said: [], note: reason };
  }
}
