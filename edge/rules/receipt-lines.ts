/** What a receipt sold and what it took back, by product. Quantities as they are measured: pieces, or kilograms. */
import type { Receipted } from '../contracts/offers.ts';

/** Of a sale's data, what concerns offers. */
export interface SaleData extends Receipted {
  readonly lines: readonly SaleLine[];
  readonly original?: Receipted | undefined;
  readonly shopper?: string | undefined;
  readonly offer?: string | undefined;
  readonly coupon?: string | undefined;
}

interface SaleLine {
  readonly gtin: string;
  readonly quantity: number | string;
  readonly kind?: 'sale' | 'return' | 'void' | undefined;
}

/** Product -> quantity. */
export type Quantities = Readonly<Record<string, number>>;

export interface Moved {
  /** What the receipt sold, less its voids and what it took back of its own. */
  readonly bought: Quantities;
  /** What it took back. */
  readonly returned: Quantities;
}

/** Ends the lines, which alone of a sale are an array; within a text its quotes would be escaped. */
const LINES_END = '"}],"';
const O = 0x6f;
const C = 0x63;
const BRACKET = 0x5d;

/**
 * Whether a sale (JSON text) names an offer, a coupon or an original. Every sale is asked, so this looks at the end only:
 * `original`, `offer` and `coupon` are written right after the lines, before anything else.
 */
export function namesMore(data: string): boolean {
  if (data.charCodeAt(data.length - 2) === BRACKET) return false;
  const at = data.lastIndexOf(LINES_END);
  if (at < 0) return data.includes('"offer":') || data.includes('"coupon":') || data.includes('"original":');
  const first = data.charCodeAt(at + LINES_END.length);
  return first === O || first === C;
}

/**
 * Tills write what comes back with a sign or without one. A void cancels a line of the same receipt; what is voided
 * beyond that belongs to the original, if there is one.
 */
export function moved({ lines, original }: SaleData): Moved {
  const sold: Record<string, number> = {};
  const back: Record<string, number> = {};
  const voided: Record<string, number> = {};
  for (const { gtin, quantity, kind } of lines) {
    const amount = Number(quantity);
    const into = kind === 'void' ? voided : kind === 'return' || amount < 0 ? back : sold;
    into[gtin] = (into[gtin] ?? 0) + Math.abs(amount);
  }
  const bought: Record<string, number> = {};
  const returned: Record<string, number> = { ...back };
  for (const gtin of new Set([...Object.keys(sold), ...Object.keys(voided), ...Object.keys(back)])) {
    const left = (sold[gtin] ?? 0) - (voided[gtin] ?? 0);
    const mine = original ? left : left - (back[gtin] ?? 0);
    bought[gtin] = Math.max(0, mine);
    if (left < 0) returned[gtin] = (returned[gtin] ?? 0) - left;
  }
  // A void of a line takes something back from the receipt itself.
  if (!original) for (const gtin of Object.keys(voided)) returned[gtin] ??= 0;
  return { bought, returned };
}
