/** A party on its way through the shop: where it is, what it carries, and how it moves goods. */

import type { Life } from './agenda.ts';
import type { Product, Shelf } from './floor.ts';
import type { Random } from './random.ts';
import type { Shop } from './shop.ts';
import { goodsOf, type Holding, holding, type Lot } from './stock.ts';

export interface Party {
  /** Counts from 1. */
  readonly who: number;
  readonly persons: number;
  readonly random: Random;
  /** Pseudonym, when they are members who show their card. */
  readonly shopper: string | undefined;
  /** Unpaid. */
  readonly basket: Holding;
  /** Paid, as far as it is tagged. */
  readonly bag: Lot[];
  zone: string | undefined;
}

/** Comes in by a random one of the lines. */
export function comeIn(shop: Shop, party: Party): void {
  const { who, persons, shopper, random } = party;
  const { line, zone } = random.pick(shop.floor.file.lines, () => 1);
  shop.people.parties += 1;
  shop.people.persons += persons;
  shop.goods.baskets.add(party.basket);
  shop.tell({ kind: 'entered', who, persons, ...(shopper === undefined ? {} : { shopper }) });
  shop.tell({ kind: 'line-crossed', line, direction: 'in', who, persons });
  stepInto(shop, party, zone);
}

/** Walks to the way out and leaves; what is unpaid then is stolen. */
export function* goOut(shop: Shop, party: Party, how: 'walked-out' | 'not-scanned'): Life {
  const { who, persons, random, basket, bag } = party;
  const { line, zone } = random.pick(shop.floor.file.lines, () => 1);
  yield* walkTo(shop, party, zone);
  const unpaid = basket.lots();
  if (unpaid.length > 0) {
    for (const { product, count } of unpaid) shop.goods.stolen.put(basket.take(product, count));
    shop.tell({ kind: 'stolen', who, how, goods: unpaid.map(goodsOf) });
  }
  for (const lot of [...bag, ...unpaid]) shop.tags.move(lot, undefined);
  shop.goods.baskets.delete(basket);
  stepInto(shop, party, undefined);
  shop.tell({ kind: 'line-crossed', line, direction: 'out', who, persons });
  shop.tell({ kind: 'left', who, persons });
}

function stepInto(shop: Shop, party: Party, zone: string | undefined): void {
  const { who, persons } = party;
  const count = (where: string, change: number): void => {
    shop.people.in.set(where, (shop.people.in.get(where) ?? 0) + change);
  };
  if (party.zone !== undefined) {
    count(party.zone, -persons);
    shop.tell({ kind: 'zone-left', who, zone: party.zone, persons });
  }
  party.zone = zone;
  if (zone === undefined) return;
  count(zone, persons);
  shop.tell({ kind: 'zone-entered', who, zone, persons });
  for (const lot of party.basket.lots()) shop.tags.move(lot, zone);
  for (const lot of party.bag) shop.tags.move(lot, zone);
}

/** Through all zones between. */
export function* walkTo(shop: Shop, party: Party, zone: string): Life {
  for (const next of shop.floor.ways(party.zone ?? zone, zone)) {
    const seconds = shop.floor.zones.get(party.zone ?? next)?.seconds ?? 1;
    yield seconds * 1000 * party.random.between(0.6, 1.6);
    stepInto(shop, party, next);
  }
}

/** Takes items from the shelf, or misses them. Opens and closes the fridge that they are in. */
export function* pick(shop: Shop, party: Party, shelf: Shelf, count: number): Life<number> {
  const { who, random } = party;
  if (shelf.unit !== undefined) {
    const open = random.between(5, 14);
    shop.fridges.open(shelf.unit, who, open);
    yield random.between(0.4, 0.9) * open * 1000;
  }
  const { product } = shelf;
  const lot = shop.goods.pick(shelf, product, count, (taken) => ({
    kind: 'picked',
    ...{ who, shelf: shelf.shelf },
    ...goodsOf(taken),
  }));
  if (lot.count === 0) shop.tell({ kind: 'missed', who, shelf: shelf.shelf, gtin: product.gtin });
  party.basket.put(lot);
  return lot.count;
}

/** Out of the basket onto a shelf, be it the right one or not. */
export function putBack(shop: Shop, party: Party, product: Product, count: number, shelf: Shelf): void {
  const lot = party.basket.take(product, count);
  shop.goods.place(shelf, lot, {
    kind: 'put-back',
    ...{ who: party.who, shelf: shelf.shelf, right: shelf.product === product },
    ...goodsOf(lot),
  });
  shop.tags.move(lot, shelf.zone);
}

/** Leaves these items of the basket where the party is. */
export function abandon(shop: Shop, party: Party, wanted: readonly Lot[]): void {
  const { who, zone, basket } = party;
  if (zone === undefined || wanted.length === 0) return;
  const there = shop.goods.lying.get(zone) ?? holding();
  shop.goods.lying.set(zone, there);
  const left = wanted.map(({ product, count }) => basket.take(product, count));
  for (const lot of left) there.put(lot);
  shop.tell({ kind: 'abandoned', who, zone, goods: left.map(goodsOf) });
}
