/**
 * Weight -> items: round(net / unit weight), where what is left over can be explained by the items and the scale. The
 * weights of n items that each vary by sigma vary by sigma * sqrt(n) together, and the scale adds its own; more than
 * four times that is another product among them, or something that was put down there.
 */
import type { Facing } from '../contracts/planogram.ts';

/** No number of items explains the weight. Grams; `residual_g`: net weight less that of the nearest number of items. */
export interface Unclear {
  readonly nearest: number;
  readonly residual_g: number;
  /** What could be explained. */
  readonly tolerance_g: number;
}

/** One in 16,000 weights of the right product lies further out. */
const SIGMAS = 4;
const UNIT_SIGMA_SHARE = 0.01;
/** Of a shelf scale: noise, drift, and its step of 5 g. */
const SCALE_SIGMA_G = 5;

/** Items of a gross weight in grams. A shelf that weighs less than its tare is empty. */
export function countByWeight(gross: number, facing: Facing | undefined): number | Unclear {
  const unit = facing?.unit_weight_g;
  if (unit === undefined) return 0;
  const net = gross - (facing?.tare_g ?? 0);
  if (net <= 0) return 0;
  const nearest = Math.round(net / unit);
  const residual = net - nearest * unit;
  const unitSigma = facing?.unit_sigma_g ?? unit * UNIT_SIGMA_SHARE;
  const tolerance = SIGMAS * Math.hypot(unitSigma * Math.sqrt(Math.max(1, nearest)), SCALE_SIGMA_G);
  if (Math.abs(residual) <= tolerance) return nearest;
  return { nearest, residual_g: Math.round(residual * 10) / 10, tolerance_g: tolerance };
}
