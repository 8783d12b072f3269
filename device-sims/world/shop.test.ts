import { expect, test } from 'vitest';
import { campaignSchema } from '../../config/campaign.ts';
import { facingSchema } from '../../edge/contracts/planogram.ts';
import { seeded } from '../sim/random.ts';
import { coldUnit } from './cold-unit.ts';
import type { Fact, ShownOffer, Who } from './facts.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { openShop, type Shop } from './shop.ts';
import { campaignsOf, planogramOf, TINY_SHOP } from './shop-plan.ts';

const WHO: Who = { number: 1 };

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
  ledger.record({ kind: 'picked', who: WHO, shelf: 'B2-1', count: 1 });
  now = 500;
  ledger.record({ kind: 'picked', who: WHO, shelf: 'B2-1', count: 1 });
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

const JUICE = '09521234000013';

function offerOf(gtin: string, id = 'o'.repeat(26)): ShownOffer {
  return { id, campaign: 'juice-10', gtin, text: '10 % off', code: '7K2M-QX9D-3HTA' };
}

/** How a phone answers a stay in a zone: an offer, eight seconds after its owner went in. */
function offering(seed: number, ofWhom: (who: Who) => boolean) {
  const entered = new Map<string, number>();
  let now = 0;
  return day(seed, ({ shop, facts }) => {
    now += 1;
    for (const fact of facts.slice(-20)) {
      if (fact.kind !== 'zone-entered' || fact.who.app === undefined || entered.has(fact.who.app)) continue;
      if (fact.zone === 'beverages' && ofWhom(fact.who)) entered.set(fact.who.app, now);
    }
    for (const [app, at] of entered) if (now === at + 8) shop.show(app, offerOf(JUICE, app.padEnd(26, '-')));
  });
}

test('shoppers are in one zone at a time, leave it before the till, and the ledger knows for how long', () => {
  const { facts, ledger } = day(13);
  const zones = new Map<number, string>();
  for (const fact of facts) {
    if (fact.kind === 'zone-entered') {
      expect(zones.has(fact.who.number)).toBe(false);
      zones.set(fact.who.number, fact.zone);
    } else if (fact.kind === 'zone-left') {
      expect(zones.get(fact.who.number)).toBe(fact.zone);
      zones.delete(fact.who.number);
    } else if (fact.kind === 'paid') expect(zones.has(fact.who.number)).toBe(false);
    else if (fact.kind === 'picked') {
      expect(zones.get(fact.who.number)).toBe(TINY_SHOP.shelves.find(({ shelf }) => shelf === fact.shelf)?.zone);
    }
  }
  expect(zones.size).toBe(0);
  const lengths = ledger.stays.map(({ began, ended = Number.NaN }) => (ended - began) / 1000);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(3);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(150);
  expect(new Set(ledger.stays.map(({ zone }) => zone))).toEqual(new Set(['beverages', 'bakery', 'dairy']));
});

test('some carry the app and consent, some carry it and do not, most of a day nobody knows', () => {
  const { facts, ledger } = day(17);
  const entered = facts.flatMap((fact) => (fact.kind === 'entered' ? [fact.who] : []));
  const apps = entered.flatMap(({ app }) => app ?? []);
  const granted = ledger.consents.filter((one) => one.granted).map(({ who }) => who.app);
  const withdrawn = ledger.consents.filter((one) => !one.granted).map(({ who }) => who.app);
  expect(new Set(apps).size).toBe(apps.length);
  expect(apps.length).toBeGreaterThan(entered.length * 0.35);
  expect(apps.length).toBeLessThan(entered.length * 0.65);
  expect(granted.length).toBeLessThan(apps.length);
  expect(granted.length).toBeGreaterThan(apps.length * 0.5);
  expect(withdrawn.length).toBeGreaterThan(0);
  for (const app of withdrawn) expect(granted).toContain(app);
  // Nobody without the app says anything about consent.
  expect(granted).not.toContain(undefined);
});

test('whatever the seed, the guest comes, consents and looks around among the beverages, where juice is left', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const shop = openShop(TINY_SHOP, seeded(seed));
    const ledger = openLedger(TINY_SHOP, () => 0);
    shop.watch(ledger.record);
    shop.advance(60);
    const { app, zone } = TINY_SHOP.guest ?? {};
    expect(ledger.stays.filter(({ who }) => who.app === app)).toMatchObject([{ zone, ended: undefined }]);
    expect(ledger.consents.filter(({ who }) => who.app === app)).toMatchObject([{ granted: true }]);
    expect(shop.onShelf('A1-2')).toBeGreaterThan(0);
    shop.show(app ?? '', offerOf(JUICE));
    shop.advance(150);
    const paid = ledger.sales.find(({ who }) => who.app === app);
    expect(paid?.lines).toMatchObject([{ gtin: JUICE }]);
  }
});

test('an offer raises the chance that its product is bought', () => {
  const bought = ({ ledger }: Day, whom: (who: Who) => boolean) => {
    const there = new Set(
      ledger.stays.filter(({ zone, who }) => zone === 'beverages' && whom(who)).map(({ who }) => who),
    );
    const buyers = ledger.sales.filter(({ who, lines }) => there.has(who) && lines.some(({ gtin }) => gtin === JUICE));
    return { there: there.size, buyers: buyers.length };
  };
  const carries = ({ app }: Who) => app !== undefined && app !== TINY_SHOP.guest?.app;
  const sums = { offered: { there: 0, buyers: 0 }, not: { there: 0, buyers: 0 } };
  for (let seed = 1; seed <= 10; seed += 1) {
    for (const [name, ofWhom] of [
      ['offered', carries],
      ['not', () => false],
    ] as const) {
      const { there, buyers } = bought(offering(seed, ofWhom), carries);
      sums[name].there += there;
      sums[name].buyers += buyers;
    }
  }
  const share = ({ there, buyers }: { there: number; buyers: number }) => buyers / there;
  expect(share(sums.offered)).toBeGreaterThan(share(sums.not) + 0.15);
});

test('the same seed with the same offers gives the same day; an offer to one changes nobody else who comes', () => {
  const all = () => true;
  expect(offering(3, all).facts).toEqual(offering(3, all).facts);
  const came = ({ facts }: Day) => facts.flatMap((fact) => (fact.kind === 'entered' ? [fact.who] : []));
  const [offered, not] = [offering(3, all), day(3)];
  expect(offered.ledger.offers.length).toBeGreaterThan(5);
  expect(not.ledger.offers).toEqual([]);
  expect(came(offered)).toEqual(came(not));
});

test('a coupon is shown at the till when its product was bought, unless it left the phone before', () => {
  const shop = openShop(TINY_SHOP, seeded(2));
  const ledger = openLedger(TINY_SHOP, () => 0);
  const shown: (readonly ShownOffer[])[] = [];
  const app = TINY_SHOP.guest?.app ?? '';
  shop.watch(ledger.record);
  shop.watch((fact) => {
    if (fact.kind === 'paid' && fact.who.app === app) shown.push(fact.coupons);
  });
  shop.advance(60);
  shop.show(app, offerOf(JUICE, 'a'));
  shop.show(app, offerOf(JUICE, 'a'));
  shop.show(app, offerOf(JUICE, 'b'));
  shop.show(app, offerOf('09521234000020', 'c'));
  shop.hide(app, 'b');
  shop.advance(200);
  expect(shown[0]?.map(({ id }) => id)).toContain('a');
  expect(shown[0]?.map(({ id }) => id)).not.toContain('b');
  expect(ledger.offers.map(({ offer, gone }) => [offer.id, gone !== undefined])).toEqual([
    ['a', false],
    ['b', true],
    ['c', false],
  ]);
});

test('its planogram is one that the hub accepts', () => {
  expect(planogramOf(TINY_SHOP).map((facing) => facingSchema.safeParse(facing).success)).not.toContain(false);
});

test('its campaigns are ones that the hub accepts', () => {
  for (const campaign of campaignsOf(TINY_SHOP, '2026-11-01', '2026-11-30')) {
    expect(campaignSchema.safeParse(campaign)).toMatchObject({ success: true });
  }
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
