import { expect, test } from 'vitest';
import { facingSchema } from '../../edge/contracts/planogram.ts';
import { coldUnit } from './cold-unit.ts';
import type { Fact } from './facts.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { seeded } from './random.ts';
import { openShop, type Shop } from './shop.ts';
import { planogramOf, TINY_SHOP } from './shop-plan.ts';

interface Day {
  readonly shop: Shop;
  readonly ledger: Ledger;
  readonly facts: Fact[];
}

/** Opens, lets an hour pass with staff who look each minute, and calls `each` every second. */
function day(seed: number, each: (day: Day) => void = () => undefined): Day {
  const shop = openShop(TINY_SHOP, seeded(seed));
  let now = 0;
  const ledger = openLedger(TINY_SHOP, () => now * 1000);
  const facts: Fact[] = [];
  shop.watch((fact) => {
    facts.push(fact);
    ledger.record(fact);
  });
  for (now = 1; now <= 3600; now += 1) {
    if (now === 3000) shop.closeDoors();
    shop.advance(now);
    if (now % 60 === 0) for (const { shelf } of TINY_SHOP.shelves) if (ledger.openGap(shelf)) shop.refill(shelf);
    each({ shop, ledger, facts });
  }
  return { shop, ledger, facts };
}

test('no item appears or vanishes: ledger and shop agree at every second', () => {
  const { ledger } = day(7, ({ shop, ledger }) => {
    const { items } = ledger;
    const shelves = TINY_SHOP.shelves;
    expect(items.onShelves).toBe(shelves.reduce((sum, { shelf }) => sum + shop.onShelf(shelf), 0));
    expect(items.inBackRoom).toBe(shelves.reduce((sum, { shelf }) => sum + shop.inBackRoom(shelf), 0));
    expect(items.inBaskets).toBe(shop.inBaskets());
    expect(items.onShelves + items.inBackRoom + items.inBaskets + items.sold + items.unpaid).toBe(items.opening);
    for (const { shelf, capacity } of shelves) {
      expect(shop.onShelf(shelf)).toBeGreaterThanOrEqual(0);
      // A refill tops up to capacity; a few things put back may come on top.
      expect(shop.onShelf(shelf)).toBeLessThanOrEqual(capacity + 3);
    }
  });
  expect(ledger.items.sold).toBeGreaterThan(100);
});

test('who came in leaves, and what left without being paid is known', () => {
  const { shop, ledger } = day(11);
  expect(shop.inside()).toBe(0);
  expect(ledger.left).toBe(ledger.entered);
  expect(ledger.items.inBaskets).toBe(0);
  const sold = ledger.sales.flatMap(({ lines }) => lines).reduce((sum, { quantity }) => sum + quantity, 0);
  expect(sold).toBe(ledger.items.sold);
  expect(new Set(ledger.sales.map(({ transaction }) => transaction)).size).toBe(ledger.sales.length);
});

test('the same seed gives the same day, another seed another one', () => {
  expect(day(3).facts).toEqual(day(3).facts);
  expect(day(4).facts).not.toEqual(day(3).facts);
});

test('a gap begins when a shelf falls below its minimum and ends when it is back', () => {
  let now = 0;
  const ledger = openLedger(TINY_SHOP, () => now);
  ledger.record({ kind: 'picked', shelf: 'B2-1', count: 1 });
  now = 500;
  ledger.record({ kind: 'picked', shelf: 'B2-1', count: 1 });
  expect(ledger.gaps).toEqual([{ shelf: 'B2-1', began: 0, ended: undefined }]);
  now = 900;
  ledger.record({ kind: 'refilled', shelf: 'B2-1', count: 7 });
  expect(ledger.gaps).toEqual([{ shelf: 'B2-1', began: 0, ended: 900 }]);
  expect(ledger.openGap('B2-1')).toBeUndefined();
});

test('whatever the seed, a shelf has a gap within the first two minutes', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const shop = openShop(TINY_SHOP, seeded(seed));
    const ledger = openLedger(TINY_SHOP, () => 0);
    shop.watch(ledger.record);
    shop.advance(120);
    expect(ledger.gaps.length).toBeGreaterThan(0);
  }
});

test('its planogram is one that the hub accepts', () => {
  expect(planogramOf(TINY_SHOP).map((facing) => facingSchema.safeParse(facing).success)).not.toContain(false);
});

test('a fridge stays near its set point, except while it defrosts', () => {
  const unit = coldUnit(4, seeded(5));
  let warmest = 0;
  let defrosts = 0;
  for (let now = 1; now <= 3600; now += 1) {
    const before = unit.defrosting;
    unit.advance(now);
    if (!before && unit.defrosting) defrosts += 1;
    warmest = Math.max(warmest, unit.celsius);
    expect(unit.celsius).toBeGreaterThan(1.5);
    expect(unit.celsius).toBeLessThan(14);
  }
  expect(defrosts).toBe(10);
  expect(warmest).toBeGreaterThan(6);
});
