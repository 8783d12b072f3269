/**
 * What truly happened, kept in memory beside the world, so that the hub can be judged by it: every sale, who came and
 * went, who stood where for how long, who consented to what and which offer reached whom, where each item is, and when
 * a shelf truly had a gap. It counts from the facts alone and never asks the shop.
 */
import type { Fact, PaidLine, ShownOffer, Who } from './facts.ts';
import type { ShopPlan } from './shop-plan.ts';

/** A time in which a shelf truly had fewer items than its minimum. Milliseconds of the clock given to the ledger. */
export interface TrueGap {
  readonly shelf: string;
  readonly began: number;
  ended: number | undefined;
}

export interface TrueSale {
  readonly who: Who;
  readonly transaction: string;
  readonly lines: readonly PaidLine[];
}

export interface TrueConsent {
  readonly who: Who;
  readonly granted: boolean;
  readonly at: number;
}

/** Somebody stood in a zone. */
export interface TrueStay {
  readonly who: Who;
  readonly zone: string;
  readonly began: number;
  ended: number | undefined;
}

/** An offer that a phone showed. */
export interface TrueOffer {
  readonly who: Who;
  readonly offer: ShownOffer;
  readonly at: number;
  gone: number | undefined;
}

export interface Ledger {
  readonly sales: readonly TrueSale[];
  /** In the order in which they were said. */
  readonly consents: readonly TrueConsent[];
  readonly stays: readonly TrueStay[];
  readonly offers: readonly TrueOffer[];
  readonly gaps: readonly TrueGap[];
  readonly entered: number;
  readonly left: number;
  /** Items by where they are now. */
  readonly items: {
    readonly opening: number;
    readonly onShelves: number;
    readonly inBackRoom: number;
    readonly inBaskets: number;
    readonly sold: number;
    readonly unpaid: number;
  };
  /** Somebody wanted it and the shelf was empty. */
  readonly missed: number;
  /** The gap of this shelf that is open now. */
  openGap(shelf: string): TrueGap | undefined;
  onShelf(shelf: string): number;
  record(fact: Fact): void;
}

/** @param clock milliseconds; the same clock by which the hub's alerts are timed */
export function openLedger(plan: ShopPlan, clock: () => number): Ledger {
  const levels = new Map(plan.shelves.map(({ shelf, opening }) => [shelf, opening]));
  const minimums = new Map(plan.shelves.map(({ shelf, minimum }) => [shelf, minimum]));
  const onShelves = plan.shelves.reduce((sum, { opening }) => sum + opening, 0);
  const inBackRoom = plan.shelves.reduce((sum, { backRoom }) => sum + backRoom, 0);
  const items = { opening: onShelves + inBackRoom, onShelves, inBackRoom, inBaskets: 0, sold: 0, unpaid: 0 };
  const sales: TrueSale[] = [];
  const gaps: TrueGap[] = [];
  const consents: TrueConsent[] = [];
  const stays: TrueStay[] = [];
  const offers: TrueOffer[] = [];
  const people = { entered: 0, left: 0, missed: 0 };

  const openGap = (shelf: string): TrueGap | undefined =>
    gaps.findLast((gap) => gap.shelf === shelf && gap.ended === undefined);
  const move = (shelf: string, change: number): void => {
    const level = (levels.get(shelf) ?? 0) + change;
    levels.set(shelf, level);
    items.onShelves += change;
    const gap = openGap(shelf);
    const short = level < (minimums.get(shelf) ?? 0);
    if (short && !gap) gaps.push({ shelf, began: clock(), ended: undefined });
    if (!short && gap) gap.ended = clock();
  };
  const record = (fact: Fact): void => {
    switch (fact.kind) {
      case 'entered':
        people.entered += 1;
        break;
      case 'left':
        people.left += 1;
        items.inBaskets -= fact.unpaid;
        items.unpaid += fact.unpaid;
        break;
      case 'picked':
        items.inBaskets += fact.count;
        move(fact.shelf, -fact.count);
        break;
      case 'put-back':
        items.inBaskets -= fact.count;
        move(fact.shelf, fact.count);
        break;
      case 'missed':
        people.missed += 1;
        break;
      case 'paid': {
        const count = fact.lines.reduce((sum, { quantity }) => sum + quantity, 0);
        items.inBaskets -= count;
        items.sold += count;
        sales.push({ who: fact.who, transaction: fact.transaction, lines: fact.lines });
        break;
      }
      case 'consent':
        consents.push({ who: fact.who, granted: fact.granted, at: clock() });
        break;
      case 'zone-entered':
        stays.push({ who: fact.who, zone: fact.zone, began: clock(), ended: undefined });
        break;
      case 'zone-left': {
        const stay = stays.findLast(({ who, ended }) => who.number === fact.who.number && ended === undefined);
        if (stay) stay.ended = clock();
        break;
      }
      case 'offered':
        offers.push({ who: fact.who, offer: fact.offer, at: clock(), gone: undefined });
        break;
      case 'offer-gone': {
        const offered = offers.findLast(({ offer }) => offer.id === fact.offer.id);
        if (offered) offered.gone = clock();
        break;
      }
      case 'refilled':
        items.inBackRoom -= fact.count;
        move(fact.shelf, fact.count);
        break;
    }
  };
  return {
    ...{ sales, consents, stays, offers, gaps },
    items,
    get entered() {
      return people.entered;
    },
    get left() {
      return people.left;
    },
    get missed() {
      return people.missed;
    },
    openGap,
    onShelf: (shelf) => levels.get(shelf) ?? 0,
    record,
  };
}
