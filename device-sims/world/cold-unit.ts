/**
 * The air in a fridge: it drifts up, the compressor brings it down between two limits, an open door lets warmth in,
 * and now and then it defrosts. Time is the shop's, in seconds.
 */
import type { Random } from '../sim/random.ts';

const HYSTERESIS = 0.8;
const DEFROST_EVERY = 360;
const DEFROST_LASTS = 60;
/** Degrees a second. */
const RATES = { drift: 0.012, cooling: -0.03, door: 0.06, defrost: 0.07 };

export interface ColdUnit {
  readonly celsius: number;
  readonly defrosting: boolean;
  readonly doorOpen: boolean;
  advance(to: number): void;
}

export function coldUnit(setpoint: number, random: Random): ColdUnit {
  let now = 0;
  let celsius = setpoint;
  let cooling = false;
  let nextDefrost = DEFROST_EVERY / 3;
  let doorShuts = 0;

  const second = (): void => {
    now += 1;
    if (now >= nextDefrost + DEFROST_LASTS) nextDefrost += DEFROST_EVERY;
    const defrosting = now >= nextDefrost;
    if (now >= doorShuts && random.chance(0.01)) doorShuts = now + random.between(5, 15);
    if (celsius > setpoint + HYSTERESIS) cooling = true;
    if (celsius < setpoint - HYSTERESIS) cooling = false;
    celsius += RATES.drift + random.noise(0.01);
    if (now < doorShuts) celsius += RATES.door;
    if (defrosting) celsius += RATES.defrost;
    else if (cooling) celsius += RATES.cooling * Math.max(1, celsius - setpoint);
  };
  return {
    get celsius() {
      return celsius;
    },
    get defrosting() {
      return now >= nextDefrost;
    },
    get doorOpen() {
      return now < doorShuts;
    },
    advance(to) {
      while (now + 1 <= to) second();
    },
  };
}
