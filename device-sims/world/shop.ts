/**
 * The simulated shop: shoppers come in by the door, walk from zone to zone, take items, sometimes put one back, pay or
 * (rarely) do not, and leave. What a phone shows may send its owner to another shelf. Nothing here knows of sensors or
 * of the hub. Time is the shop's own, in seconds since opening; it moves only when `advance` is called, and the same
 * seed with the same refills and the same offers gives the same day.
 */

import type { Random } from '../sim/random.ts';
import { agenda } from './agenda.ts';
import type { Fact, ShownOffer, Witness } from './facts.ts';
import type { ShelfPlan, ShopPlan } from './shop-plan.ts';
import { anybody, couponsOf, guest, linesOf, type Shopper } from './shopper.ts';

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
  /** The phone with this app shows an offer: its owner may go and take the product. */
  show(app: string, offer: ShownOffer): void;
  /** The phone with this app shows this offer no more, by its id. */
  hide(app: string, offer: string): void;
  /** Hears every fact from now on. */
  watch(witness: Witness): void;
}

export function openShop(plan: ShopPlan, random: Random): Shop {
  const shelves = new Map(plan.shelves.map((shelf) => [shelf.shelf, shelf]));
  const stock = new Map(
    plan.shelves.map(({ shelf, opening, backRoom }) => [shelf, { shelf: opening, back: backRoom }]),
  );
  const shoppers = new Set<Shopper>();
  const owners = new Map<string, Shopper>();
  const witnesses: Witness[] = [];
  const time = agenda();
  let open = true;
  let tillFreeAt = 0;
  let transactions = 0;
  let came = 0;

  const tell = (fact: Fact): void => {
    for (const witness of witnesses) witness(fact);
  };
  const stockOf = (shelf: string): { shelf: number; back: number } => {
    const found = stock.get(shelf);
    if (!found) throw new Error(`this shop has no shelf ${shelf}`);
    return found;
  };
  /** Unless the shopper changes their mind before. */
  const later = (shopper: Shopper, seconds: number, act: (shopper: Shopper) => void): void => {
    const { mind } = shopper;
    time.after(seconds, () => {
      if (shopper.mind === mind) act(shopper);
    });
  };

  const arrive = (): void => {
    if (!open) return;
    time.after(random.wait(plan.secondsBetweenShoppers), arrive);
    welcome();
  };
  const welcome = (): void => {
    came += 1;
    comeIn(anybody(plan, came, random), onward);
  };
  const invite = (): void => {
    if (!open || !plan.guest) return;
    const { app, zone, patience } = plan.guest;
    came += 1;
    comeIn(guest(came, app), (shopper) => {
      walkTo(shopper, zone);
      later(shopper, patience, onward);
    });
  };
  const comeIn = (shopper: Shopper, act: (shopper: Shopper) => void): void => {
    const { who, random: own, consents, withdrawsAfter } = shopper;
    shoppers.add(shopper);
    if (who.app !== undefined) owners.set(who.app, shopper);
    tell({ kind: 'entered', who });
    if (consents) tell({ kind: 'consent', who, granted: true });
    if (withdrawsAfter !== undefined) {
      time.after(withdrawsAfter, () => {
        if (shoppers.has(shopper)) tell({ kind: 'consent', who, granted: false });
      });
    }
    later(shopper, own.between(2, 6), act);
  };
  /** To the next shelf, or to the till. */
  const onward = (shopper: Shopper): void => {
    const { random: own } = shopper;
    const aim = shopper.errands[0];
    if (!aim) {
      toTill(shopper);
    } else if (aim.zone === shopper.zone) {
      later(shopper, own.between(6, 18), take);
    } else {
      walkTo(shopper, undefined);
      later(shopper, own.between(1, 3), () => {
        walkTo(shopper, aim.zone);
        later(shopper, own.between(4, 16), take);
      });
    }
  };
  const walkTo = (shopper: Shopper, zone: string | undefined): void => {
    const { who } = shopper;
    if (shopper.zone !== undefined) tell({ kind: 'zone-left', who, zone: shopper.zone });
    shopper.zone = zone;
    if (zone !== undefined) tell({ kind: 'zone-entered', who, zone });
  };
  const take = (shopper: Shopper): void => {
    const { who, random: own, basket } = shopper;
    const wanted = shopper.errands.shift();
    if (!wanted) return;
    const level = stockOf(wanted.shelf);
    const count = Math.min(level.shelf, own.whole(1, 2));
    if (count === 0) {
      tell({ kind: 'missed', shelf: wanted.shelf });
    } else {
      level.shelf -= count;
      basket.set(wanted, (basket.get(wanted) ?? 0) + count);
      tell({ kind: 'picked', who, shelf: wanted.shelf, count });
    }
    const regrets = count > 0 && own.chance(shopper.fickle);
    later(shopper, own.between(2, 4), () => {
      if (regrets) putBack(shopper, wanted);
      onward(shopper);
    });
  };
  const putBack = ({ basket }: Shopper, product: ShelfPlan): void => {
    const held = basket.get(product) ?? 0;
    if (held <= 1) basket.delete(product);
    else basket.set(product, held - 1);
    stockOf(product.shelf).shelf += 1;
    tell({ kind: 'put-back', shelf: product.shelf, count: 1 });
  };
  const toTill = (shopper: Shopper): void => {
    shopper.isLooking = false;
    walkTo(shopper, undefined);
    if (shopper.basket.size === 0 || shopper.random.chance(shopper.careless)) {
      leave(shopper);
      return;
    }
    const start = Math.max(time.now, tillFreeAt);
    tillFreeAt = start + 4 + 2 * shopper.basket.size;
    later(shopper, tillFreeAt - time.now, pay);
  };
  const pay = (shopper: Shopper): void => {
    const { who } = shopper;
    transactions += 1;
    const transaction = String(transactions).padStart(6, '0');
    tell({ kind: 'paid', who, transaction, lines: linesOf(shopper), coupons: couponsOf(shopper) });
    shopper.basket.clear();
    later(shopper, shopper.random.between(3, 8), leave);
  };
  const leave = (shopper: Shopper): void => {
    shoppers.delete(shopper);
    let unpaid = 0;
    for (const count of shopper.basket.values()) unpaid += count;
    tell({ kind: 'left', who: shopper.who, unpaid });
  };
  /** Goes for what the phone shows, then on as before. */
  const tempt = (shopper: Shopper, gtin: string): void => {
    const offered = plan.shelves.find((shelf) => shelf.gtin === gtin);
    const { random: own, errands } = shopper;
    if (!offered || !shopper.isLooking || !own.chance(shopper.willing)) return;
    const planned = errands.indexOf(offered);
    if (planned !== -1) errands.splice(planned, 1);
    errands.unshift(offered);
    shopper.mind += 1;
    later(shopper, own.between(1, 3), onward);
  };

  for (let early = 0; early < plan.waitingAtOpening; early += 1) time.after(1 + 2 * early, welcome);
  time.after(2, arrive);
  if (plan.guest) time.after(plan.guest.comesAt, invite);
  return {
    plan,
    advance: (to) => time.advance(to),
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
    show(app, offer) {
      const shopper = owners.get(app);
      if (!shopper) throw new Error(`nobody carries the app ${app}`);
      const isNew = !shopper.offers.has(offer.id);
      shopper.offers.set(offer.id, offer);
      // The hub may say it twice.
      if (!isNew) return;
      tell({ kind: 'offered', who: shopper.who, offer });
      tempt(shopper, offer.gtin);
    },
    hide(app, id) {
      const shopper = owners.get(app);
      const offer = shopper?.offers.get(id);
      if (!shopper || !offer) return;
      shopper.offers.delete(id);
      tell({ kind: 'offer-gone', who: shopper.who, offer });
    },
    watch(witness) {
      witnesses.push(witness);
    },
  };
}
