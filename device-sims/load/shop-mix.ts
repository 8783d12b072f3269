/**
 * The mix of readings of a whole shop, as fast as it is wanted: the simulated shop lives through its hours at once, and
 * what its devices would have sent comes out in order. Sales carry random UUIDs, as tills do.
 */
import { randomUUID } from 'node:crypto';
import { coldUnit } from '../world/cold-unit.ts';
import { seeded } from '../world/random.ts';
import { openShop } from '../world/shop.ts';
import { type ShopPlan, TINY_SHOP } from '../world/shop-plan.ts';
import { productGtin } from './sales.ts';

export interface MixedReading {
  readonly kind: 'sale' | 'shelf' | 'traffic' | 'climate';
  readonly device: string;
  readonly reading: Readonly<Record<string, unknown>>;
}

const SHELVES = 40;
/** A fridge reports once a minute, a counter when somebody came or went in the last two seconds. */
const CLIMATE_EVERY = 60;
const COUNTER_EVERY = 2;

/** The tiny shop, grown: forty shelves, a customer every few seconds. */
function plan(): ShopPlan {
  const shelves = Array.from({ length: SHELVES }, (_, n) => {
    const model = TINY_SHOP.shelves[n % TINY_SHOP.shelves.length] ?? TINY_SHOP.shelves[0];
    if (model === undefined) throw new Error('the tiny shop has no shelves');
    const gtin = productGtin(n * 17);
    return {
      ...model,
      shelf: `A${1 + (n % 8)}-${1 + Math.floor(n / 8)}`,
      gtin,
      opening: 12,
      capacity: 24,
      backRoom: 1e9,
    };
  });
  return { ...TINY_SHOP, shelves, secondsBetweenShoppers: 6 };
}

/** At least this many readings, in the order in which devices would send them. */
export function shopMix(count: number, seed: number): MixedReading[] {
  const shopPlan = plan();
  const random = seeded(seed);
  const shop = openShop(shopPlan, random);
  const fridges = Array.from({ length: 4 }, (_, n) => coldUnit(n < 3 ? 4 : -19, seeded(seed + 1 + n)));
  const readings: MixedReading[] = [];
  const series = seed.toString(16).padStart(8, '0');
  const put = (kind: MixedReading['kind'], device: string, fields: MixedReading['reading'], id?: string): void => {
    readings.push({ kind, device, reading: { id: id ?? `${device}-${series}-${readings.length + 1}`, ...fields } });
  };
  const totals = { in: 481_223, out: 480_917 };
  let counted = '';
  const level = (shelf: string): void => {
    put('shelf', `shelf-${shelf}`, { shelf, count: shop.onShelf(shelf) });
  };
  shop.watch((fact) => {
    if (fact.kind === 'entered') totals.in += 1;
    if (fact.kind === 'left') totals.out += 1;
    if (fact.kind === 'picked' || fact.kind === 'put-back' || fact.kind === 'refilled') level(fact.shelf);
    if (fact.kind !== 'paid') return;
    const { transaction, lines } = fact;
    const { currency, till } = shopPlan;
    const sale = {
      till,
      transaction,
      lines: lines.map(({ gtin, quantity, price }) => ({ gtin, quantity, price: { amount: price, currency } })),
      total: { amount: lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0), currency },
    };
    put('sale', till, sale, randomUUID());
  });
  for (let second = COUNTER_EVERY; readings.length < count; second += COUNTER_EVERY) {
    shop.advance(second);
    const { door } = shopPlan;
    const seen = `${totals.in}/${totals.out}`;
    if (seen !== counted) {
      counted = seen;
      put('traffic', `counter-${door}`, { line: door, total_in: totals.in, total_out: totals.out });
    }
    if (second % CLIMATE_EVERY === 0) {
      for (const [n, unit] of fridges.entries()) {
        unit.advance(second);
        const celsius = Math.round(unit.celsius * 10) / 10;
        const state = { door_open: unit.doorOpen, defrost: unit.defrosting };
        const name = `fridge-${n + 1}`;
        put('climate', name, { unit: name, celsius, probe: 'air', ...state });
      }
      for (const { shelf } of shopPlan.shelves) if (shop.onShelf(shelf) < 4) shop.refill(shelf);
    }
  }
  return readings;
}
