/**
 * The simulated shop: shoppers come in by the door, walk, take items, sometimes put one back, pay or (rarely) do not,
 * and leave. Nothing here knows of sensors or of the hub. Time is the shop's own, in seconds since opening; it moves
 * only when `advance` is called, and the same seed with the same refills gives the same day.
 */
import type { Fact, PaidLine, Witness } from './facts.ts';
import type { Random } from './random.ts';
import type { ShelfPlan, ShopPlan } from './shop-plan.ts';

interface Shopper {
  readonly basket: Map<ShelfPlan, number>;
  /** Shelves still to visit. */
  visits: number;
}

interface Due {
  readonly at: number;
  readonly act: () => void;
}

export interface Shop {
  readonly plan: ShopPlan;
  /** Lets the shop's time pass up to here, seconds since opening. */
  advance(to: number): void;
  /** No further shoppers come in; those inside finish. */
  closeDoors(): void;
  /** Shoppers inside now. */
  inside(): number;
  onShelf(shelf: string): number;
  inBackRoom(shelf: string): number;
  inBaskets(): number;
  /** Staff bring items from the back room up to the shelf's capacity; how many they brought. */
  refill(shelf: string): number;
  /** Hears every fact from now on. */
  watch(witness: Witness): void;
}

export function openShop(plan: ShopPlan, random: Random): Shop {
  const shelves = new Map(plan.shelves.map((shelf) => [shelf.shelf, shelf]));
  const stock = new Map(
    plan.shelves.map(({ shelf, opening, backRoom }) => [shelf, { shelf: opening, back: backRoom }]),
  );
  const shoppers = new Set<Shopper>();
  const witnesses: Witness[] = [];
  const agenda: Due[] = [];
  let now = 0;
  let open = true;
  let tillFreeAt = 0;
  let transactions = 0;

  const tell = (fact: Fact): void => {
    for (const witness of witnesses) witness(fact);
  };
  const after = (seconds: number, act: () => void): void => {
    const due = { at: now + seconds, act };
    const place = agenda.findIndex((other) => other.at > due.at);
    agenda.splice(place === -1 ? agenda.length : place, 0, due);
  };
  const stockOf = (shelf: string): { shelf: number; back: number } => {
    const found = stock.get(shelf);
    if (!found) throw new Error(`this shop has no shelf ${shelf}`);
    return found;
  };

  const arrive = (): void => {
    if (!open) return;
    after(random.wait(plan.secondsBetweenShoppers), arrive);
    comeIn();
  };
  const comeIn = (): void => {
    const shopper: Shopper = { basket: new Map(), visits: random.whole(1, 3) };
    shoppers.add(shopper);
    tell({ kind: 'entered' });
    after(random.between(4, 15), () => visit(shopper));
  };
  const visit = (shopper: Shopper): void => {
    const wanted = random.pick(plan.shelves, ({ popularity }) => popularity);
    const level = stockOf(wanted.shelf);
    const count = Math.min(level.shelf, random.whole(1, 2));
    if (count === 0) {
      tell({ kind: 'missed', shelf: wanted.shelf });
    } else {
      level.shelf -= count;
      shopper.basket.set(wanted, (shopper.basket.get(wanted) ?? 0) + count);
      tell({ kind: 'picked', shelf: wanted.shelf, count });
      if (random.chance(0.08)) after(random.between(2, 4), () => putBack(shopper, wanted));
    }
    shopper.visits -= 1;
    after(random.between(6, 18), shopper.visits > 0 ? () => visit(shopper) : () => toTill(shopper));
  };
  const putBack = (shopper: Shopper, product: ShelfPlan): void => {
    const held = shopper.basket.get(product) ?? 0;
    if (held <= 1) shopper.basket.delete(product);
    else shopper.basket.set(product, held - 1);
    stockOf(product.shelf).shelf += 1;
    tell({ kind: 'put-back', shelf: product.shelf, count: 1 });
  };
  const toTill = (shopper: Shopper): void => {
    if (shopper.basket.size === 0 || random.chance(0.02)) {
      leave(shopper);
      return;
    }
    const start = Math.max(now, tillFreeAt);
    tillFreeAt = start + 4 + 2 * shopper.basket.size;
    after(tillFreeAt - now, () => pay(shopper));
  };
  const pay = (shopper: Shopper): void => {
    transactions += 1;
    const lines: PaidLine[] = [...shopper.basket].map(([{ gtin, price }, quantity]) => ({ gtin, quantity, price }));
    shopper.basket.clear();
    tell({ kind: 'paid', transaction: String(transactions).padStart(6, '0'), lines });
    after(random.between(3, 8), () => leave(shopper));
  };
  const leave = (shopper: Shopper): void => {
    shoppers.delete(shopper);
    let unpaid = 0;
    for (const count of shopper.basket.values()) unpaid += count;
    tell({ kind: 'left', unpaid });
  };

  for (let early = 0; early < plan.waitingAtOpening; early += 1) after(1 + 2 * early, comeIn);
  after(2, arrive);
  return {
    plan,
    advance(to) {
      for (let due = agenda[0]; due && due.at <= to; due = agenda[0]) {
        agenda.shift();
        now = due.at;
        due.act();
      }
      now = Math.max(now, to);
    },
    closeDoors() {
      open = false;
    },
    inside: () => shoppers.size,
    onShelf: (shelf) => stockOf(shelf).shelf,
    inBackRoom: (shelf) => stockOf(shelf).back,
    inBaskets() {
      let held = 0;
      for (const { basket } of shoppers) for (const count of basket.values()) held += count;
      return held;
    },
    refill(shelf) {
      const level = stockOf(shelf);
      const count = Math.min(level.back, (shelves.get(shelf)?.capacity ?? 0) - level.shelf);
      // Something put back may have overfilled it.
      if (count <= 0) return 0;
      level.back -= count;
      level.shelf += count;
      tell({ kind: 'refilled', shelf, count });
      return count;
    },
    watch(witness) {
      witnesses.push(witness);
    },
  };
}
