/**
 * The shop as its people find it: where goods are, which queues there are, what is on promotion. Whoever changes what is
 * on a shelf does it here, so that a gap is judged at the moment in which it begins.
 */
import type { Agenda } from './agenda.ts';
import type { Demand } from './demand.ts';
import type { Floor, Product, Shelf } from './floor.ts';
import type { Fridges } from './fridges.ts';
import type { Census, Fact } from './ledger-records.ts';
import { openQueue, type Queue } from './queue.ts';
import { type Holding, holding, type Lot, type Tags } from './stock.ts';
import type { Streams } from './streams.ts';

export interface Pallet {
  readonly delivery: string;
  readonly sscc: string;
  readonly products: readonly Product[];
  readonly goods: Holding;
  /** Somebody is carrying it in: it is at the dock until all of it is put away. */
  taken: boolean;
}

export interface Promotion {
  readonly promotion: string;
  readonly percentOff: number;
}

export interface Shop {
  readonly floor: Floor;
  readonly time: Agenda;
  readonly of: Streams;
  readonly demand: Demand;
  readonly tags: Tags;
  readonly fridges: Fridges;
  readonly queues: Queues;
  readonly goods: Goods;
  readonly promotions: Map<Product, Promotion>;
  /** Where mobile tills are. */
  readonly tillZones: Map<string, string>;
  readonly people: People;
  /** ISO date of the day that is lived. */
  today: string;
  tell(fact: Fact): void;
}

export interface People {
  parties: number;
  persons: number;
  sales: number;
  /** Shelves that staff were sent to. */
  sent: number;
  /** Persons by zone. */
  readonly in: Map<string, number>;
  /** Sales by till on this day. */
  readonly receipts: Map<string, number>;
}

export interface Queues {
  readonly fixed: readonly Queue[];
  readonly selfService: readonly Queue[];
  readonly mobile: readonly Queue[];
  /** By zone. */
  readonly cabins: ReadonlyMap<string, Queue>;
}

/** All holdings there are: together they are every item. */
export interface Goods {
  readonly backRoom: Holding;
  readonly pallets: Pallet[];
  readonly carts: Set<Holding>;
  readonly baskets: Set<Holding>;
  /** By zone. */
  readonly lying: Map<string, Holding>;
  readonly sold: Holding;
  readonly stolen: Holding;
  /** Items at the start, and what suppliers brought since. */
  opening: number;
  delivered: number;
  /** What the shop's own books say of a product, in shelf and back room together: sales and advised deliveries. */
  readonly book: Map<Product, number>;
  on(shelf: Shelf): Holding;
  /** Where a tagged item stands; none: it is carried, or lies about, or is in the back room. */
  shelfOf(epc: string): Shelf | undefined;
  /** Puts them onto a shelf before anything is told. */
  stock(shelf: Shelf, lot: Lot): void;
  /** Takes at most so many from a shelf, tells it, and judges the shelf. Nothing there: nothing is told. */
  pick(shelf: Shelf, product: Product, most: number, fact: (lot: Lot) => Fact): Lot;
  /** Puts them onto a shelf, tells it, and judges the shelf. Of no items nothing is told. */
  place(shelf: Shelf, lot: Lot, fact: Fact): void;
  /** At the start: tells which shelves have a gap already. */
  judgeAll(): void;
  census(): Census;
}

export function openQueues({ file }: Floor, tell: (fact: Fact) => void): Queues {
  const of = (kind: string): Queue[] => {
    const queues = new Map<string, string[]>();
    for (const { till, is, queue } of file.tills) {
      // All mobile tills roam the same shop.
      const name = kind === 'mobile' ? 'mobile' : (queue ?? till);
      if (is === kind) queues.set(name, [...(queues.get(name) ?? []), till]);
    }
    return [...queues].map(([name, tills]) => openQueue(name, tills, tell));
  };
  const cabins = file.zones.flatMap(({ zone, is, cabins: number = 0 }) =>
    is === 'fitting-room'
      ? [
          [
            zone,
            openQueue(
              zone,
              Array.from({ length: number }, (_, i) => `${zone}-cabin-${i + 1}`),
              tell,
            ),
          ] as const,
        ]
      : [],
  );
  return {
    fixed: of('fixed'),
    selfService: of('self-service'),
    mobile: of('mobile'),
    cabins: new Map(cabins),
  };
}

export function openGoods({ shelves }: Floor, tell: (fact: Fact) => void): Goods {
  const onShelves = new Map(shelves.map((shelf) => [shelf, holding()]));
  const standing = new Map<string, Shelf>();
  const gaps = new Set<Shelf>();
  const on = (shelf: Shelf): Holding => {
    const found = onShelves.get(shelf);
    if (!found) throw new Error(`this shop has no shelf ${shelf.shelf}`);
    return found;
  };
  const judge = (shelf: Shelf): void => {
    const { product, minimum, refill } = shelf;
    const count = on(shelf).count(product);
    const { gtin } = product;
    if (gaps.has(shelf) && count >= refill) {
      gaps.delete(shelf);
      tell({ kind: 'gap-ended', shelf: shelf.shelf, gtin, count });
    } else if (!gaps.has(shelf) && count < minimum) {
      gaps.add(shelf);
      const in_back_room = goods.backRoom.count(product);
      tell({ kind: 'gap-began', shelf: shelf.shelf, gtin, count, minimum, in_back_room });
    }
  };
  const stock = (shelf: Shelf, lot: Lot): void => {
    on(shelf).put(lot);
    for (const epc of lot.epcs) standing.set(epc, shelf);
  };
  const sum = (holdings: Iterable<Holding>): number => {
    let total = 0;
    for (const one of holdings) total += one.total();
    return total;
  };
  const goods: Goods = {
    backRoom: holding(),
    pallets: [],
    carts: new Set(),
    baskets: new Set(),
    lying: new Map(),
    sold: holding(),
    stolen: holding(),
    opening: 0,
    delivered: 0,
    book: new Map(),
    on,
    stock,
    shelfOf: (epc) => standing.get(epc),
    pick(shelf, product, most, fact) {
      const lot = on(shelf).take(product, most);
      if (lot.count === 0) return lot;
      for (const epc of lot.epcs) standing.delete(epc);
      tell(fact(lot));
      judge(shelf);
      return lot;
    },
    place(shelf, lot, fact) {
      if (lot.count === 0) return;
      stock(shelf, lot);
      tell(fact);
      judge(shelf);
    },
    judgeAll() {
      for (const shelf of shelves) judge(shelf);
    },
    census() {
      let [own, misplaced] = [0, 0];
      for (const [{ product }, there] of onShelves) {
        own += there.count(product);
        misplaced += there.total() - there.count(product);
      }
      return {
        opening: goods.opening,
        delivered: goods.delivered,
        on_shelves: own,
        misplaced,
        in_back_room: goods.backRoom.total(),
        at_dock: sum(goods.pallets.map((pallet) => pallet.goods)),
        with_staff: sum(goods.carts),
        in_baskets: sum(goods.baskets),
        lying_about: sum(goods.lying.values()),
        sold: goods.sold.total(),
        stolen: goods.stolen.total(),
      };
    },
  };
  return goods;
}
