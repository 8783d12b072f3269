/** One party's visit, from the door to the door: what it came for, what it changes its mind about, and how it leaves. */
import type { Life } from './agenda.ts';
import { pay } from './checkout.ts';
import { errandCount, howMany } from './demand.ts';
import type { Product, Shelf } from './floor.ts';
import { abandon, comeIn, goOut, type Party, pick, putBack, walkTo } from './party.ts';
import type { Shop } from './shop.ts';
import { holding, type Lot } from './stock.ts';

/** @param number counts the parties from 1 */
export function* visit(shop: Shop, number: number): Life {
  const plan = shop.floor.file.shoppers;
  const random = shop.of('party', number);
  const party: Party = {
    who: number,
    persons: howMany(plan.persons, random),
    random,
    shopper: random.chance(plan.members) ? memberOf(shop, random.whole(1, plan.member_pool)) : undefined,
    basket: holding(),
    bag: [],
    zone: undefined,
  };
  comeIn(shop, party);
  const isBrowser = random.chance(plan.browsers);
  yield* goShopping(shop, party, isBrowser);
  yield* tryOn(shop, party);
  const { basket } = party;
  if (basket.total() > 0 && random.chance(plan.abandon)) abandon(shop, party, basket.lots());
  if (basket.total() > 0 && random.chance(plan.steal)) {
    yield* goOut(shop, party, 'walked-out');
    return;
  }
  if (basket.total() > 0) yield* pay(shop, party);
  yield* goOut(shop, party, 'not-scanned');
}

/** The same member has the same pseudonym on every visit, in every run of this seed. */
function memberOf(shop: Shop, number: number): string {
  const random = shop.of('member', number);
  return `member-${Array.from({ length: 10 }, () => random.whole(0, 35).toString(36)).join('')}`;
}

/** From shelf to shelf, in the order in which the floor lies. */
function* goShopping(shop: Shop, party: Party, isBrowser: boolean): Life {
  const { random } = party;
  const plan = shop.floor.file.shoppers;
  const order = [...shop.floor.zones.keys()];
  const errands = new Set<Shelf>();
  for (let left = errandCount(plan.errands.mean, plan.errands.most, random); left > 0; left -= 1) {
    const shelf = shop.floor.shelfOf.get(shop.demand.choose(random));
    if (shelf) errands.add(shelf);
  }
  const round = [...errands].sort((a, b) => order.indexOf(a.zone) - order.indexOf(b.zone) || byName(a.aisle, b.aisle));
  /** Picked, and not wanted any more: to be dropped at the next shelf. */
  const regretted: Product[] = [];
  let aisle = '';
  for (const shelf of round) {
    yield* walkTo(shop, party, shelf.zone);
    if (shelf.aisle !== aisle) yield random.between(3, 12) * 1000;
    aisle = shelf.aisle;
    for (const product of regretted.splice(0)) dropSomewhere(shop, party, product);
    yield random.between(...plan.choose_seconds) * 1000;
    if (isBrowser) continue;
    const taken = yield* pick(shop, party, shelf, howMany(plan.quantity, random));
    if (taken === 0 || !random.chance(plan.put_back)) continue;
    if (random.chance(plan.wrong_shelf)) {
      regretted.push(shelf.product);
    } else {
      yield random.between(3, 20) * 1000;
      putBack(shop, party, shelf.product, 1, shelf);
    }
  }
  for (const product of regretted) dropSomewhere(shop, party, product);
}

const byName = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** One item onto whatever shelf is at hand. Where there is none they keep it. */
function dropSomewhere(shop: Shop, party: Party, product: Product): void {
  const there = shop.floor.byZone.get(party.zone ?? '');
  if (there)
    putBack(
      shop,
      party,
      product,
      1,
      party.random.pick(there, () => 1),
    );
}

/** Into a cabin with everything; some of it is kept, the rest is hung back or left there. */
function* tryOn(shop: Shop, party: Party): Life {
  const { random, basket, who } = party;
  const plan = shop.floor.file.shoppers;
  const rooms = [...shop.queues.cabins];
  if (rooms.length === 0 || basket.total() === 0 || !random.chance(plan.try_on)) return;
  const [zone, queue] = random.pick(rooms, () => 1);
  yield* walkTo(shop, party, zone);
  const turn = queue.join(who);
  yield turn.wait;
  yield (60 + basket.total() * random.between(40, 120)) * 1000;
  const left: Lot[] = [];
  const unwanted: Product[] = [];
  for (const { product, count } of basket.lots()) {
    for (let item = 0; item < count; item += 1) {
      if (random.chance(plan.keep_after_trying)) continue;
      if (random.chance(plan.leave_in_cabin)) left.push({ product, count: 1, epcs: [] });
      else unwanted.push(product);
    }
  }
  abandon(shop, party, left);
  turn.done();
  for (const product of unwanted) {
    const shelf = shop.floor.shelfOf.get(product);
    if (!shelf) continue;
    if (random.chance(plan.wrong_shelf)) {
      const near = random.pick(shop.floor.shelves, () => 1);
      yield* walkTo(shop, party, near.zone);
      dropSomewhere(shop, party, product);
    } else {
      yield* walkTo(shop, party, shelf.zone);
      yield random.between(5, 20) * 1000;
      putBack(shop, party, product, 1, shelf);
    }
  }
}
