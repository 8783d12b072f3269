/** How a party pays: which till it goes to, how long that takes, and what the till rings up. */
import type { Life } from './agenda.ts';
import type { SoldLine, TillKind } from './ledger-records.ts';
import { abandon, type Party, walkTo } from './party.ts';
import type { Queue } from './queue.ts';
import type { Shop } from './shop.ts';
import { goodsOf, type Lot } from './stock.ts';

/** Seconds at a till: for itself, and for each item. */
const PACE: Readonly<Record<TillKind, { readonly base: number; readonly item: number }>> = {
  fixed: { base: 30, item: 2.5 },
  'self-service': { base: 35, item: 5 },
  mobile: { base: 25, item: 4 },
};
/** Nobody takes a full trolley to a self-service till. */
const SELF_SERVICE_ITEMS = 15;
/** What one who waits expects for each party before them. */
const EXPECTED_MINUTES = 1.5;

/** Pays what is in the basket, or leaves it behind when the queue is too long. */
export function* pay(shop: Shop, party: Party): Life {
  const { who, random, basket } = party;
  const { is, queue } = choose(shop, party);
  const places =
    is === 'mobile' ? [] : shop.floor.file.tills.filter((till) => (till.queue ?? till.till) === queue.name);
  const [place] = places;
  if (place) yield* walkTo(shop, party, place.zone);
  const expected = (queue.length() / queue.places) * EXPECTED_MINUTES;
  if (expected > shop.floor.file.shoppers.patience_minutes && random.chance(0.3)) {
    abandon(shop, party, basket.lots());
    return;
  }
  const turn = queue.join(who);
  yield turn.wait;
  const till = turn.by();
  if (is === 'mobile' && party.zone !== undefined && shop.tillZones.get(till) !== party.zone) {
    yield random.between(10, 50) * 1000;
    shop.tillZones.set(till, party.zone);
    shop.tell({ kind: 'till-moved', till, zone: party.zone });
  }
  const { base, item } = PACE[is];
  yield (base + item * basket.total()) * random.between(0.7, 1.4) * 1000;
  ringUp(shop, party, till, is);
  turn.done();
  yield random.between(3, 15) * 1000;
}

function choose({ floor, queues }: Shop, { random, basket }: Party): { is: TillKind; queue: Queue } {
  const { self_service, mobile } = floor.file.shoppers;
  const shortest = (all: readonly Queue[]): Queue | undefined => {
    const load = (queue: Queue): number => queue.length() / queue.places;
    return all.reduce<Queue | undefined>(
      (best, queue) => (best && load(best) <= load(queue) ? best : queue),
      undefined,
    );
  };
  const wish = random.next();
  const options: readonly [TillKind, Queue | undefined, boolean][] = [
    ['mobile', shortest(queues.mobile), wish < mobile],
    [
      'self-service',
      shortest(queues.selfService),
      wish < mobile + self_service && basket.total() <= SELF_SERVICE_ITEMS,
    ],
    ['fixed', shortest(queues.fixed), true],
    // A shop may have none but the others.
    ['self-service', shortest(queues.selfService), true],
    ['mobile', shortest(queues.mobile), true],
  ];
  for (const [is, queue, wanted] of options) if (wanted && queue) return { is, queue };
  throw new Error('a shop without tills');
}

function ringUp(shop: Shop, party: Party, till: string, is: TillKind): void {
  const { who, shopper, random, basket, bag } = party;
  const { currency, shoppers } = shop.floor.file;
  const lines: SoldLine[] = [];
  let amount = 0;
  for (const { product, count } of basket.lots()) {
    let shown = count;
    if (is === 'self-service') {
      for (let item = 0; item < count; item += 1) if (random.chance(shoppers.not_scanned)) shown -= 1;
    }
    if (shown === 0) continue;
    const lot = basket.take(product, shown);
    shop.goods.sold.put(lot);
    shop.goods.book.set(product, (shop.goods.book.get(product) ?? 0) - shown);
    if (lot.epcs.length > 0) bag.push(lot);
    lines.push(lineOf(shop, lot));
  }
  if (lines.length === 0) return;
  for (const { count, price } of lines) amount += count * price.amount;
  const number = (shop.people.receipts.get(till) ?? 0) + 1;
  shop.people.receipts.set(till, number);
  shop.people.sales += 1;
  shop.tell({
    kind: 'sold',
    ...{ who, till, is, zone: party.zone ?? '' },
    transaction: String(number).padStart(6, '0'),
    business_day: shop.today,
    lines,
    total: { amount, currency },
    ...(shopper === undefined ? {} : { shopper }),
  });
}

function lineOf({ promotions, floor }: Shop, lot: Lot): SoldLine {
  const { currency } = floor.file;
  const running = promotions.get(lot.product);
  const amount = Math.round(lot.product.price * (1 - (running?.percentOff ?? 0) / 100));
  return {
    ...goodsOf(lot),
    price: { amount, currency },
    ...(running === undefined ? {} : { promotion: running.promotion }),
  };
}
