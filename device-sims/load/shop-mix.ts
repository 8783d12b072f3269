/**
 * The mix of readings of a whole shop, as fast as it is wanted: the simulated supermarket lives through its hours at once,
 * and what its devices would have sent comes out in order, in the hub's own format. Sales carry random UUIDs, as tills do.
 */
import { randomUUID } from 'node:crypto';
import { loadWorld } from '../sim/load-world.ts';
import { openWorld } from '../sim/world.ts';
import type { WorldFile } from '../sim/world-file.ts';
import { productGtin } from './sales.ts';

export interface MixedReading {
  readonly kind: 'sale' | 'shelf' | 'traffic' | 'climate';
  readonly device: string;
  readonly reading: Readonly<Record<string, unknown>>;
}

const FROM = '2026-03-05';
const DAYS = 365;
/** As the benchmarks' stores have them in their planogram. */
const SHELVES = 40;
const SHELVES_IN_AISLE = 8;
const [FACINGS, DEPTH] = [4, 6];
/** One every six seconds. */
const SHOPPERS = 8_000;
/** A fridge reports once a minute, a counter when somebody came or went in the last two seconds. */
const STEP_MS = 2_000;
const CLIMATE_EVERY_MS = 60_000;

/** The supermarket's drinks alone: forty shelves with sensors, four fridges, and many customers. */
function plan(): WorldFile {
  const file = loadWorld('supermarket');
  const department = file.departments.find((one) => one.department === 'drinks');
  if (department === undefined) throw new Error('the supermarket has no drinks');
  const place = { facings: [FACINGS, FACINGS] as [number, number], depth: [DEPTH, DEPTH] as [number, number] };
  return {
    ...file,
    departments: [{ ...department, ...place, skus: SHELVES, share: 1, zipf: 0.4 }],
    fridges: file.fridges.slice(0, 4),
    promotions: [],
    failures: [],
    shoppers: { ...file.shoppers, per_day: SHOPPERS, errands: { mean: 2, most: 5 } },
    staff: { ...file.staff, rounds_minutes: 5 },
  };
}

/** At least this many readings, in the order in which devices would send them. */
export function shopMix(count: number, seed: number): MixedReading[] {
  const world = openWorld({ file: plan(), seed, from: FROM, days: DAYS, coverage: 100 });
  const { file, shelves, products } = world.floor;
  const names = new Map(
    shelves.map(({ shelf }, n) => [shelf, `A${1 + (n % SHELVES_IN_AISLE)}-${1 + Math.floor(n / SHELVES_IN_AISLE)}`]),
  );
  const gtins = new Map(products.map(({ gtin }, n) => [gtin, productGtin(n * 17)]));
  const readings: MixedReading[] = [];
  const series = seed.toString(16).padStart(8, '0');
  const put = (kind: MixedReading['kind'], device: string, fields: MixedReading['reading'], id?: string): void => {
    readings.push({ kind, device, reading: { id: id ?? `${device}-${series}-${readings.length + 1}`, ...fields } });
  };
  /** Persons by line since the counters were hung up, and lines that somebody crossed since they were told. */
  const totals = new Map(file.lines.map(({ line }) => [line, { in: 481_223, out: 480_917 }]));
  const crossed = new Set<string>();
  world.watch((record) => {
    switch (record.kind) {
      case 'picked':
      case 'put-back':
      case 'restocked': {
        const shelf = names.get(record.shelf);
        put('shelf', `shelf-${shelf}`, { shelf, count: world.countOn(record.shelf) });
        break;
      }
      case 'line-crossed': {
        const total = totals.get(record.line);
        if (total) total[record.direction] += record.persons;
        crossed.add(record.line);
        break;
      }
      case 'sold': {
        const { till, transaction, business_day, total } = record;
        const lines = record.lines.map(({ gtin, count: quantity, price }) => {
          return { gtin: gtins.get(gtin), quantity, price };
        });
        put('sale', till, { till, transaction, business_day, lines, total }, randomUUID());
        break;
      }
      default:
    }
  });
  let measured = world.now;
  while (readings.length < count && world.now < world.endsAt) {
    world.advance(world.now + STEP_MS);
    for (const line of crossed) {
      const total = totals.get(line);
      put('traffic', `counter-${line}`, { line, total_in: total?.in, total_out: total?.out });
    }
    crossed.clear();
    if (world.now - measured < CLIMATE_EVERY_MS) continue;
    measured = world.now;
    for (const { unit } of file.fridges) {
      const { cold } = world.unit(unit);
      const celsius = Math.round(cold.celsius * 10) / 10;
      put('climate', `fridge-${unit}`, {
        unit,
        celsius,
        probe: 'air',
        door_open: cold.openDoors > 0,
        defrost: cold.defrosting,
      });
    }
  }
  return readings;
}
