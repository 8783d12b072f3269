/**
 * Scales on a serial line, as makers build them: a platform that swings when something is put down, noise, a slow
 * drift, a smallest step, a range; and three protocols, written from the makers' manuals apart from the hub's decoders.
 */
import type { Random } from '../../sim/random.ts';

export type ScaleProtocol = 'mt-sics' | 'toledo-8217' | 'a-and-d' | 'dini' | 'cas';

export interface ScaleModel {
  readonly protocol: ScaleProtocol;
  /** What the display shows; the 8217 protocol never says which. */
  readonly unit: 'g' | 'kg' | 'lb' | 'oz';
  /** Steps of the display, in its unit. */
  readonly step: number;
  readonly decimals: number;
  readonly capacityG: number;
  /** Of one measurement, grams. */
  readonly noiseG: number;
  /** Of its zero, grams an hour (random walk). */
  readonly driftG: number;
  /** Bit 7 of each byte makes the parity even: what an eight-bit port sees of a 7E1 line. */
  readonly parity?: boolean;
}

export const COUNTER_SCALE: Omit<ScaleModel, 'protocol'> = {
  ...{ unit: 'kg', step: 0.005, decimals: 3, capacityG: 15_000, noiseG: 0.6, driftG: 1 },
};

const GRAMS = { g: 1, kg: 1000, lb: 453.592_37, oz: 28.349_523_125 } as const;
/** The platform comes to rest with this time constant. */
const SETTLES_MS = 180;
/** Streams send ten times a second. */
const STREAM_MS = 100;
/** Of its steps: what is further from where it will rest counts as motion. */
const MOTION_STEPS = 0.5;
const BELOW_ZERO_STEPS = 20;

type State = 'steady' | 'motion' | 'over' | 'under';

interface Shown {
  readonly state: State;
  /** In the unit of the display. */
  readonly value: number;
}

export interface ScaleParts {
  readonly model: ScaleModel;
  readonly random: Random;
  /** What truly lies on it, in grams. */
  readonly load: () => number;
  /** Out on the line. */
  readonly say: (bytes: Buffer) => void;
}

export class SimulatedScale {
  readonly #parts: ScaleParts;
  #at: number;
  #platform: number;
  #drift = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #repeats = false;

  /** `at`: the simulated time, ms. */
  constructor(parts: ScaleParts, at = 0) {
    this.#parts = parts;
    this.#at = at;
    this.#platform = parts.load();
  }

  /** Lets time pass until `at` (ms); streams send in it what is due. */
  advance(at: number): void {
    const { model, random, load } = this.#parts;
    const passed = Math.max(0, at - this.#at);
    this.#at = at;
    const target = load();
    this.#platform = target + (this.#platform - target) * Math.exp(-passed / SETTLES_MS);
    this.#drift += random.noise(model.driftG * Math.sqrt(passed / 3_600_000));
    const streams = model.protocol !== 'mt-sics' && model.protocol !== 'toledo-8217';
    if (!(streams || this.#repeats) || at - this.#saidAt < STREAM_MS) return;
    this.#saidAt = at;
    this.#parts.say(this.#telegram());
  }

  /** What the hub asks. */
  hear(bytes: Uint8Array): void {
    const { protocol } = this.#parts.model;
    const text = Buffer.from(bytes).toString('latin1');
    if (protocol === 'toledo-8217') {
      for (const letter of text) if ((letter.charCodeAt(0) & 0x7f) === 0x57) this.#parts.say(this.#telegram());
    } else if (protocol === 'mt-sics') {
      for (const command of text.split('\r\n').slice(0, -1)) this.#answer(command);
    }
  }

  #answer(command: string): void {
    if (command === 'SIR') this.#repeats = true;
    else if (command === 'SI') {
      this.#repeats = false;
      this.#parts.say(this.#telegram());
    } else if (command === '@') {
      this.#repeats = false;
      this.#parts.say(Buffer.from('I4 A "B021002593"\r\n'));
    } else this.#parts.say(Buffer.from('ES\r\n'));
  }

  #look(): Shown {
    const { model, random, load } = this.#parts;
    const { unit, step, capacityG, noiseG } = model;
    const measured = this.#platform + this.#drift + random.noise(noiseG);
    const value = Math.round(measured / GRAMS[unit] / step) * step;
    const stepG = step * GRAMS[unit];
    const isMoving = Math.abs(this.#platform - load()) > MOTION_STEPS * stepG;
    if (measured > capacityG + 9 * stepG) return { state: 'over', value };
    if (measured < -BELOW_ZERO_STEPS * stepG) return { state: 'under', value };
    return { state: isMoving ? 'motion' : 'steady', value };
  }

  #telegram(): Buffer {
    const { model } = this.#parts;
    const shown = this.#look();
    switch (model.protocol) {
      case 'mt-sics':
        return Buffer.from(sics(shown, model));
      case 'toledo-8217':
        return withParity(eightTwoOneSeven(shown, model), model.parity === true);
      default:
        return stream(shown, model);
    }
  }
}

function sics({ state, value }: Shown, { decimals, unit }: ScaleModel): string {
  if (state === 'over') return 'S +\r\n';
  if (state === 'under') return 'S -\r\n';
  return `S ${state === 'steady' ? 'S' : 'D'} ${value.toFixed(decimals).padStart(10)} ${unit}\r\n`;
}

/** Five digits with a point in them; whatever is no steady weight is a status. */
function eightTwoOneSeven({ state, value }: Shown, { decimals }: ScaleModel): string {
  const bits = state === 'motion' ? 1 : state === 'over' ? 2 : value < 0 ? 4 : 0;
  if (bits !== 0) return `\x02?${String.fromCharCode(0x40 | bits)}\r`;
  return `\x02${Math.abs(value).toFixed(decimals).padStart(6, '0')}\r`;
}

function withParity(text: string, wanted: boolean): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (!wanted) return bytes;
  return Buffer.from(
    bytes.map((byte) => {
      const ones = byte.toString(2).replaceAll('0', '').length;
      return ones % 2 === 0 ? byte : byte | 0x80;
    }),
  );
}

function stream({ state, value }: Shown, { protocol, decimals, unit }: ScaleModel): Buffer {
  const header = { steady: 'ST', motion: 'US', over: 'OL', under: protocol === 'a-and-d' ? 'OL' : 'UL' }[state];
  const digits = Math.abs(value).toFixed(decimals);
  const isNegative = Number(digits) !== 0 && value < 0;
  const signed = `${isNegative ? '-' : ''}${digits}`;
  if (protocol === 'dini') return Buffer.from(`${header},GS,${signed.padStart(8)},${unit.padStart(2)}\r\n`);
  if (protocol === 'cas') {
    // Device 1; lamps: always, steady, gross.
    const lamps = 0x80 | (state === 'steady' ? 0x40 : 0) | 0x04;
    const head = Buffer.from(`${header},GS,1`);
    const tail = Buffer.from(`,${signed.padStart(8)} ${unit.padStart(2)}\r\n`);
    return Buffer.concat([head, Buffer.of(lamps), tail]);
  }
  const field = `${isNegative ? '-' : '+'}${digits.padStart(8, '0')}`;
  return Buffer.from(`${header},GS,${field}${unit.padStart(2)}\r\n`);
}
