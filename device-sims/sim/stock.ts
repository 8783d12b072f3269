/**
 * Where every item is. Items are only ever moved between holdings (a shelf, the back room, a basket, a cart, the world
 * outside), never made or deleted, except by the supplier. Tagged items are known one by one, and by zone.
 */
import type { Product } from './floor.ts';
import type { Fact, Goods } from './ledger-records.ts';

/** Items of one product on their way from one holding to another. */
export interface Lot {
  readonly product: Product;
  readonly count: number;
  /** Of tagged products as many as `count`, else none. */
  readonly epcs: readonly string[];
}

export interface Holding {
  count(product: Product): number;
  total(): number;
  /** Everything in it, in the order in which it was first put there. */
  lots(): Lot[];
  /** At most so many, the ones that lie there longest first. */
  take(product: Product, count: number): Lot;
  put(lot: Lot): void;
}

export function holding(): Holding {
  const piles = new Map<Product, { count: number; epcs: string[] }>();
  return {
    count: (product) => piles.get(product)?.count ?? 0,
    total() {
      let sum = 0;
      for (const { count } of piles.values()) sum += count;
      return sum;
    },
    lots: () => [...piles].map(([product, { count, epcs }]) => ({ product, count, epcs: [...epcs] })),
    take(product, most) {
      const pile = piles.get(product);
      const count = Math.min(most, pile?.count ?? 0);
      if (!pile || count === 0) return { product, count: 0, epcs: [] };
      pile.count -= count;
      const epcs = pile.epcs.splice(0, count);
      if (pile.count === 0) piles.delete(product);
      return { product, count, epcs };
    },
    put({ product, count, epcs }) {
      if (count === 0) return;
      const pile = piles.get(product);
      if (pile) {
        pile.count += count;
        pile.epcs.push(...epcs);
      } else {
        piles.set(product, { count, epcs: [...epcs] });
      }
    },
  };
}

/** As the ledger names it. */
export function goodsOf({ product, count, epcs }: Lot): Goods {
  return epcs.length > 0 ? { gtin: product.gtin, count, epcs } : { gtin: product.gtin, count };
}

/** The zone of every tagged item. */
export interface Tags {
  in(zone: string): ReadonlySet<string>;
  zoneOf(epc: string): string | undefined;
  /** Where it is at the start; nothing is told. */
  begin(lot: Lot, zone: string): void;
  /** No zone: it left the shop. An item that is in that zone already stays. */
  move(lot: Lot, zone: string | undefined): void;
}

const NONE: ReadonlySet<string> = new Set();

export function openTags(tell: (fact: Fact) => void): Tags {
  const places = new Map<string, string>();
  const zones = new Map<string, Set<string>>();
  const enter = (epc: string, zone: string): void => {
    places.set(epc, zone);
    const there = zones.get(zone);
    if (there) there.add(epc);
    else zones.set(zone, new Set([epc]));
  };
  return {
    in: (zone) => zones.get(zone) ?? NONE,
    zoneOf: (epc) => places.get(epc),
    begin({ epcs }, zone) {
      for (const epc of epcs) enter(epc, zone);
    },
    move({ product: { gtin }, epcs }, zone) {
      for (const epc of epcs) {
        const from = places.get(epc);
        if (from === zone) continue;
        if (from !== undefined) {
          zones.get(from)?.delete(epc);
          places.delete(epc);
        }
        if (zone !== undefined) enter(epc, zone);
        tell({
          kind: 'item-moved',
          ...{ epc, gtin },
          ...(from === undefined ? {} : { from }),
          ...(zone === undefined ? {} : { to: zone }),
        });
      }
    },
  };
}
