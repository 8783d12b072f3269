/** The shop's books kept from the ledger alone, to be held against what the world itself says. Throws on a contradiction. */
import type { Census, Goods, LedgerRecord } from './ledger-records.ts';

type Place = 'shelf' | 'back' | 'dock' | 'staff' | 'basket' | 'lying' | 'sold' | 'stolen';

export interface Replay {
  census(): Census;
  /** Items of the shelf's own product on it. */
  onShelf(shelf: string): number;
  shelves(): string[];
  /** Zone by EPC. */
  readonly zones: ReadonlyMap<string, string>;
  /** Shelves whose count is below the minimum, and not yet back at refill. */
  readonly gaps: ReadonlySet<string>;
}

export function replay(records: Iterable<LedgerRecord>): Replay {
  const piles = new Map<string, number>();
  const shelves = new Map<string, { gtin: string; minimum: number; refill: number }>();
  const zones = new Map<string, string>();
  const gaps = new Set<string>();
  const pallets = new Map<string, Goods[]>();
  let [opening, delivered] = [0, 0];

  const change = (place: Place, name: string | number, { gtin, count, epcs }: Goods, sign: 1 | -1): void => {
    if (count <= 0) throw new Error(`${count} items of ${gtin} were moved`);
    if (epcs && (epcs.length !== count || new Set(epcs).size !== count))
      throw new Error(`${gtin}: tags are not as many`);
    const key = `${place}|${name}|${gtin}`;
    const now = (piles.get(key) ?? 0) + sign * count;
    if (now < 0) throw new Error(`${key}: more were taken than there were`);
    piles.set(key, now);
  };
  const move = (from: [Place, string | number], to: [Place, string | number], goods: Goods): void => {
    change(...from, goods, -1);
    change(...to, goods, 1);
  };
  const onShelf = (name: string): number => piles.get(`shelf|${name}|${shelves.get(name)?.gtin}`) ?? 0;
  const total = (place: Place): number => {
    let sum = 0;
    for (const [key, count] of piles) if (key.startsWith(`${place}|`)) sum += count;
    return sum;
  };
  for (const record of records) {
    switch (record.kind) {
      case 'shelf':
        shelves.set(record.shelf, record);
        if (record.count > 0) change('shelf', record.shelf, record, 1);
        opening += record.count;
        break;
      case 'backstock':
        change('back', '', record, 1);
        opening += record.count;
        break;
      case 'item':
        if (zones.has(record.epc)) throw new Error(`${record.epc} is there twice`);
        zones.set(record.epc, record.zone);
        break;
      case 'picked':
        move(['shelf', record.shelf], ['basket', record.who], record);
        break;
      case 'put-back':
        if (record.right !== (shelves.get(record.shelf)?.gtin === record.gtin)) throw new Error('right is wrong');
        move(['basket', record.who], ['shelf', record.shelf], record);
        break;
      case 'sold':
        for (const line of record.lines) move(['basket', record.who], ['sold', ''], line);
        break;
      case 'stolen':
        for (const goods of record.goods) move(['basket', record.who], ['stolen', ''], goods);
        break;
      case 'abandoned':
        for (const goods of record.goods) move(['basket', record.who], ['lying', record.zone], goods);
        break;
      case 'fetched':
        move(['back', ''], ['staff', ''], record);
        break;
      case 'restocked':
        move(['staff', ''], ['shelf', record.shelf], record);
        break;
      case 'returned':
        move(['staff', ''], ['back', ''], record);
        break;
      case 'collected': {
        const { shelf, zone } = record;
        if (shelf !== undefined) move(['shelf', shelf], ['staff', ''], record);
        else move(['lying', zone ?? ''], ['staff', ''], record);
        break;
      }
      case 'counted':
        if (record.count !== onShelf(record.shelf)) throw new Error(`${record.shelf} was miscounted`);
        break;
      case 'delivered': {
        const goods = record.lines
          .filter(({ received }) => received > 0)
          .map(({ gtin, received, epcs }): Goods => ({ gtin, count: received, ...(epcs ? { epcs } : {}) }));
        pallets.set(record.sscc, goods);
        for (const lot of goods) {
          change('dock', '', lot, 1);
          delivered += lot.count;
        }
        break;
      }
      case 'put-away':
        for (const goods of pallets.get(record.sscc) ?? []) move(['dock', ''], ['back', ''], goods);
        pallets.delete(record.sscc);
        break;
      case 'item-moved':
        if (zones.get(record.epc) !== record.from) throw new Error(`${record.epc} was not in ${record.from}`);
        if (record.to === undefined) zones.delete(record.epc);
        else zones.set(record.epc, record.to);
        break;
      case 'gap-began': {
        const { shelf, count, minimum } = record;
        if (gaps.has(shelf) || count !== onShelf(shelf) || count >= minimum) throw new Error(`${shelf} has no new gap`);
        if (record.in_back_room !== (piles.get(`back||${record.gtin}`) ?? 0)) throw new Error('wrong back room');
        gaps.add(shelf);
        break;
      }
      case 'gap-ended': {
        const { shelf, count } = record;
        const refill = shelves.get(shelf)?.refill ?? 0;
        if (!gaps.has(shelf) || count !== onShelf(shelf) || count < refill) throw new Error(`${shelf} has a gap still`);
        gaps.delete(shelf);
        break;
      }
    }
  }
  return {
    census() {
      let own = 0;
      for (const name of shelves.keys()) own += onShelf(name);
      return {
        ...{ opening, delivered },
        on_shelves: own,
        misplaced: total('shelf') - own,
        in_back_room: total('back'),
        at_dock: total('dock'),
        with_staff: total('staff'),
        in_baskets: total('basket'),
        lying_about: total('lying'),
        sold: total('sold'),
        stolen: total('stolen'),
      };
    },
    onShelf,
    shelves: () => [...shelves.keys()],
    zones,
    gaps,
  };
}
