/**
 * Staff on the floor: they carry pallets in, pick up what was left lying, walk their rounds and refill what they notice,
 * and put back what stands on a wrong shelf. They do not see everything, so gaps last for a while.
 */

import type { Life } from './agenda.ts';
import type { Shelf } from './floor.ts';
import type { Random } from './random.ts';
import type { Shop } from './shop.ts';
import { goodsOf, type Holding, holding, type Lot } from './stock.ts';

/** What the members of one shift share. */
export interface Shift {
  /** The zone whose turn it is. */
  nextRound(): string | undefined;
}

/** Of those at which somebody looks closely. */
const NOTICES_MISPLACED = 0.5;

export function openShift(shop: Shop): Shift {
  const zones = [...shop.floor.byZone.keys()];
  let turn = 0;
  return {
    nextRound() {
      turn += 1;
      return zones[(turn - 1) % Math.max(1, zones.length)];
    },
  };
}

/** @param until epoch milliseconds; what is begun by then is finished */
export function* work(shop: Shop, shift: Shift, staff: string, random: Random, until: number): Life {
  const { rounds_minutes } = shop.floor.file.staff;
  yield random.between(0, rounds_minutes / 2) * 60_000;
  while (shop.time.now < until) {
    yield* putAway(shop, staff, random);
    yield* pickUp(shop, staff, random);
    const zone = shift.nextRound();
    if (zone !== undefined) yield* round(shop, staff, random, zone);
    yield rounds_minutes * random.between(0.6, 1.4) * 60_000;
  }
}

/** Pallets from the dock into the back room, as long as there are any. */
function* putAway(shop: Shop, staff: string, random: Random): Life {
  const { pallets, backRoom } = shop.goods;
  for (;;) {
    const pallet = pallets.find(({ taken }) => !taken);
    if (!pallet) return;
    pallet.taken = true;
    yield random.between(4, 12) * 60_000;
    shop.tell({ kind: 'put-away', staff, delivery: pallet.delivery, sscc: pallet.sscc });
    for (const product of pallet.products) {
      const lot = pallet.goods.take(product, Number.POSITIVE_INFINITY);
      backRoom.put(lot);
      shop.tags.move(lot, shop.floor.backRoom);
    }
    pallets.splice(pallets.indexOf(pallet), 1);
  }
}

function takeCart(shop: Shop): Holding {
  const cart = holding();
  shop.goods.carts.add(cart);
  return cart;
}

/** What shoppers left lying. */
function* pickUp(shop: Shop, staff: string, random: Random): Life {
  for (const [zone, there] of shop.goods.lying) {
    if (there.total() === 0) continue;
    const cart = takeCart(shop);
    yield random.between(20, 60) * 1000;
    for (const { product, count } of there.lots()) {
      const lot = there.take(product, count);
      cart.put(lot);
      shop.tell({ kind: 'collected', staff, zone, ...goodsOf(lot) });
    }
    yield* shelve(shop, staff, random, cart);
  }
}

/** Looks over one zone, then fetches and fills what was low. */
function* round(shop: Shop, staff: string, random: Random, zone: string): Life {
  const { notice, cart: cartful } = shop.floor.file.staff;
  const { goods } = shop;
  const shelves = shop.floor.byZone.get(zone) ?? [];
  yield (30 + shelves.length * 0.4) * 1000;
  const low: Shelf[] = [];
  const misplaced = takeCart(shop);
  for (const shelf of shelves) {
    const { product, capacity } = shelf;
    const there = goods.on(shelf);
    const own = there.count(product);
    if (own < capacity / 2 && goods.backRoom.count(product) > 0 && random.chance(notice)) low.push(shelf);
    if (there.total() > own && random.chance(NOTICES_MISPLACED)) collectForeign(shop, staff, shelf, misplaced);
  }
  yield* shelve(shop, staff, random, misplaced);
  // The emptiest first.
  const need = ({ product, capacity }: Shelf, shelf: Shelf): number => goods.on(shelf).count(product) / capacity;
  low.sort((a, b) => need(a, a) - need(b, b));
  for (let first = 0; first < low.length; first += cartful) {
    yield* fill(shop, staff, random, low.slice(first, first + cartful));
  }
}

/** One walk to the back room and back, for these shelves. */
function* fill(shop: Shop, staff: string, random: Random, shelves: readonly Shelf[]): Life {
  const { goods } = shop;
  const cart = takeCart(shop);
  yield random.between(40, 90) * 1000;
  for (const shelf of shelves) {
    const lacking = shelf.capacity - goods.on(shelf).count(shelf.product);
    const lot = goods.backRoom.take(shelf.product, Math.max(0, lacking));
    if (lot.count === 0) continue;
    cart.put(lot);
    shop.tell({ kind: 'fetched', staff, ...goodsOf(lot) });
    yield random.between(4, 15) * 1000;
  }
  yield* shelve(shop, staff, random, cart);
}

/** Somebody was told about this shelf, and goes. */
export function* fillOnRequest(shop: Shop, shelf: Shelf): Life {
  shop.people.sent += 1;
  const staff = `staff-${1 + (shop.people.sent % shop.floor.file.staff.members)}`;
  yield* fill(shop, staff, shop.of('sent', shop.people.sent), [shelf]);
}

function collectForeign(shop: Shop, staff: string, shelf: Shelf, into: Holding): void {
  for (const { product, count } of shop.goods.on(shelf).lots()) {
    if (product === shelf.product) continue;
    const lot = shop.goods.pick(shelf, product, count, (taken) => ({
      kind: 'collected',
      ...{ staff, shelf: shelf.shelf },
      ...goodsOf(taken),
    }));
    into.put(lot);
  }
}

/** Everything on the cart onto its own shelf; what finds no room there goes into the back room. */
function* shelve(shop: Shop, staff: string, random: Random, cart: Holding): Life {
  const { goods, tags, floor } = shop;
  const lots = cart.lots();
  if (lots.length > 0) yield random.between(20, 60) * 1000;
  for (const { product, count } of lots) {
    const shelf = floor.shelfOf.get(product);
    yield random.between(5, 25) * 1000;
    const room = shelf ? Math.max(0, shelf.capacity - goods.on(shelf).total()) : 0;
    const fits: Lot = cart.take(product, Math.min(count, room));
    if (shelf && fits.count > 0) {
      goods.place(shelf, fits, { kind: 'restocked', staff, shelf: shelf.shelf, ...goodsOf(fits) });
      tags.move(fits, shelf.zone);
    }
    const rest = cart.take(product, count);
    if (rest.count === 0) continue;
    goods.backRoom.put(rest);
    shop.tell({ kind: 'returned', staff, ...goodsOf(rest) });
    tags.move(rest, floor.backRoom);
  }
  goods.carts.delete(cart);
}

/** Counts one shelf now; the shop's books are put right by it. */
export function countOne(shop: Shop, staff: string, random: Random): void {
  const { goods, floor, tell } = shop;
  const shelf = random.pick(floor.shelves, () => 1);
  const { product } = shelf;
  const count = goods.on(shelf).count(product);
  goods.book.set(product, count + goods.backRoom.count(product));
  tell({ kind: 'counted', staff, shelf: shelf.shelf, gtin: product.gtin, count });
}
