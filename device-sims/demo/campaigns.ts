/** The campaigns of the afternoon: in a few zones, what sells best of that which a sensor can see. */
import type { Floor, Product } from '../sim/floor.ts';

const ZONES = ['dairy', 'bakery', 'beverages'] as const;
const PERCENT = 10;

export interface Campaign {
  readonly id: string;
  readonly zone: string;
  readonly product: Product;
  readonly text: string;
}

export function campaignsOf({ byZone }: Floor): Campaign[] {
  return ZONES.flatMap((zone) => {
    const seen = (byZone.get(zone) ?? []).filter(({ sensor }) => sensor !== 'none');
    const [best] = seen.map(({ product }) => product).sort((a, b) => b.daily - a.daily);
    if (best === undefined) return [];
    return [{ id: `${zone}-${PERCENT}`, zone, product: best, text: `${PERCENT} % off ${best.name} today` }];
  });
}

/** As the hub's configuration wants them, on these days. */
export function campaignEntries(campaigns: readonly Campaign[], from: string, until: string): object[] {
  return campaigns.map(({ id, zone, product: { gtin }, text }) => {
    return { ...{ id, zone, gtin, text, from, until }, per_shopper: '1 per 1d', attribution: '2h' };
  });
}
