/**
 * A shop fitted out from its file: the products of each department, a shelf for each, and which shelves have a sensor.
 * The same file gives the same floor whatever the seed of a run, and with more coverage the sensors of less stay.
 */
import { checkDigit } from '../../edge/contracts/gtin.ts';
import type { Sensing } from './ledger-records.ts';
import type { Random } from './random.ts';
import { type Streams, streams } from './streams.ts';
import { type Ways, ways } from './ways.ts';
import type { DepartmentPlan, WorldFile, ZonePlan } from './world-file.ts';

export interface Product {
  readonly gtin: string;
  readonly name: string;
  readonly department: string;
  /** Minor units for one. */
  readonly price: number;
  readonly weightG: number;
  readonly tagged: boolean;
  /** Share of all picks, 0..1. */
  readonly popularity: number;
  /** Items that shoppers want on a day of weight 1. */
  readonly daily: number;
}

/** A place for one product. */
export interface Shelf {
  readonly shelf: string;
  readonly zone: string;
  readonly aisle: string;
  readonly product: Product;
  readonly facings: number;
  readonly capacity: number;
  readonly minimum: number;
  readonly refill: number;
  readonly tareG: number;
  readonly sensor: Sensing;
  /** Metres, as the zones' areas: aisles side by side from the left, shelves along them from the front. */
  readonly x: number;
  readonly y: number;
  /** The fridge that it is in. */
  readonly unit: string | undefined;
}

export interface Floor {
  readonly file: WorldFile;
  /** Percent. */
  readonly coverage: number;
  readonly zones: ReadonlyMap<string, ZonePlan>;
  readonly backRoom: string;
  readonly dock: string;
  /** The most popular of each department first. */
  readonly products: readonly Product[];
  readonly shelves: readonly Shelf[];
  readonly shelfOf: ReadonlyMap<Product, Shelf>;
  /** By name. */
  readonly shelvesBy: ReadonlyMap<string, Shelf>;
  readonly byZone: ReadonlyMap<string, readonly Shelf[]>;
  readonly ways: Ways;
}

/** @param coverage percent of the shelves that have a sensor */
export function fitOut(file: WorldFile, coverage: number): Floor {
  const of = streams(0);
  const products = rangeOfGoods(file, of);
  const shelves = shelvesFor(file, products, coverage, of);
  const byZone = new Map<string, Shelf[]>();
  for (const shelf of shelves) {
    const there = byZone.get(shelf.zone);
    if (there) there.push(shelf);
    else byZone.set(shelf.zone, [shelf]);
  }
  const zoneThatIs = (kind: ZonePlan['is']): string => file.zones.find(({ is }) => is === kind)?.zone ?? kind;
  return {
    ...{ file, coverage, products, shelves, byZone },
    zones: new Map(file.zones.map((zone) => [zone.zone, zone])),
    backRoom: zoneThatIs('back-room'),
    dock: zoneThatIs('dock'),
    shelfOf: new Map(shelves.map((shelf) => [shelf.product, shelf])),
    shelvesBy: new Map(shelves.map((shelf) => [shelf.shelf, shelf])),
    ways: ways(file.zones),
  };
}

export function mean(weights: readonly number[], value: (index: number) => number): number {
  let [sum, total] = [0, 0];
  for (const [index, weight] of weights.entries()) {
    sum += weight * value(index);
    total += weight;
  }
  return total === 0 ? 0 : sum / total;
}

function rangeOfGoods(file: WorldFile, of: Streams): Product[] {
  const { per_day, errands, quantity, browsers } = file.shoppers;
  const picks = per_day * (1 - browsers) * errands.mean * mean(quantity, (index) => index + 1);
  const allShares = file.departments.reduce((sum, { share }) => sum + share, 0);
  const products: Product[] = [];
  for (const department of file.departments) {
    const weights = Array.from({ length: department.skus }, (_, rank) => (rank + 1) ** -department.zipf);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [rank, weight] of weights.entries()) {
      const random = of(file.world, 'product', department.department, rank);
      const body = `0${file.company_prefix}${String(products.length + 1).padStart(5, '0')}`;
      const popularity = ((department.share / allShares) * weight) / all;
      products.push({
        gtin: `${body}${checkDigit(body)}`,
        name: nameOf(department, rank),
        department: department.department,
        price: priced(skewed(department.price, random)),
        weightG: Math.round(skewed(department.weight_g, random)),
        tagged: department.tagged,
        popularity,
        daily: picks * popularity,
      });
    }
  }
  return products;
}

/** More small ones than large ones, as in life: even on a logarithmic scale. */
function skewed([low, high]: readonly [number, number], random: Random): number {
  return low * (high / low) ** random.next();
}

/** 1.99 rather than 1.97. */
function priced(amount: number): number {
  return amount < 100 ? Math.round(amount) : Math.max(99, Math.round(amount / 10) * 10 - 1);
}

function nameOf({ names, sorts, department }: DepartmentPlan, rank: number): string {
  const place = rank % names.length;
  const noun = names[place] ?? department;
  const kinds = Math.max(1, sorts.length);
  const turn = Math.floor(rank / names.length);
  const round = Math.floor(turn / kinds);
  const sort = sorts[(turn + place) % kinds];
  return [noun, ...(sort === undefined ? [] : [sort]), ...(round === 0 ? [] : [`no. ${round + 1}`])].join(' ');
}

function shelvesFor(file: WorldFile, products: readonly Product[], coverage: number, of: Streams): Shelf[] {
  const aisles = new Map(file.zones.map(({ zone, aisles: number }) => [zone, number]));
  const inZone = new Map<string, number>();
  const inDepartment = new Map<string, number>();
  const plans = new Map(file.departments.map((department) => [department.department, department]));
  const drafts = products.flatMap((product) => {
    const plan = plans.get(product.department);
    if (!plan) return [];
    const number = inDepartment.get(plan.department) ?? 0;
    inDepartment.set(plan.department, number + 1);
    const zone = plan.zones[number % plan.zones.length] ?? '';
    const place = (inZone.get(zone) ?? 0) + 1;
    inZone.set(zone, place);
    const aisle = `${zone}-${1 + (place % (aisles.get(zone) ?? 1))}`;
    const random = of(file.world, 'shelf', product.gtin);
    const depth = random.whole(Math.round(plan.depth[0]), Math.round(plan.depth[1]));
    // Two thirds of a day's demand stand on the shelf, if the shop has the room for it.
    const wanted = Math.ceil((product.daily * 0.66) / depth);
    const facings = Math.round(Math.min(Math.max(wanted, plan.facings[0]), plan.facings[1]));
    const capacity = facings * depth;
    const minimum = Math.max(1, Math.floor(capacity / 4));
    const shelf = {
      ...{ zone, aisle, product, facings, capacity, minimum },
      shelf: `${aisle}-${String(place).padStart(3, '0')}`,
      refill: Math.min(capacity, minimum + 2),
      tareG: plan.tare_g,
      unit: plan.units[number % Math.max(1, plan.units.length)],
    };
    const ofZone = { zone, number: place, aisles: aisles.get(zone) ?? 1 };
    return [{ ...ofZone, shelf, sensor: plan.sensor, rank: random.next() }];
  });
  const covered = new Set(
    [...drafts].sort((a, b) => a.rank - b.rank).slice(0, Math.round((drafts.length * coverage) / 100)),
  );
  const places = placesOn(file);
  return drafts.map((draft) => {
    const { zone, number, aisles: inAll } = draft;
    return {
      ...draft.shelf,
      ...places(zone, number, inAll, inZone.get(zone) ?? 1),
      sensor: covered.has(draft) ? draft.sensor : ('none' as const),
    };
  });
}

type Places = (zone: string, number: number, aisles: number, shelves: number) => { x: number; y: number };

/** Shelf `number` (from 1) of a zone stands in aisle `number` modulo the aisles. */
function placesOn(file: WorldFile): Places {
  const areas = new Map(file.zones.map(({ zone, area }) => [zone, area]));
  const rounded = (metres: number): number => Math.round(metres * 100) / 100;
  return (zone, number, aisles, shelves) => {
    const [left, front, width, depth] = areas.get(zone) ?? [0, 0, 1, 1];
    const along = (Math.floor((number - 1) / aisles) + 0.5) / Math.ceil(shelves / aisles);
    return { x: rounded(left + ((number % aisles) + 0.5) * (width / aisles)), y: rounded(front + along * depth) };
  };
}
