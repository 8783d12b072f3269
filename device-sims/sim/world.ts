/**
 * The simulated shop, from outside: let its time pass, hear what happens, and ask what is true at this moment. Pure: no
 * wall clock, no chance but the seed's. Devices are built on this alone; only the ledger hears everything.
 */
import { agenda } from './agenda.ts';
import { calendar, dayAfter } from './calendar.ts';
import { datesOf, openDays } from './days.ts';
import { openSupplier } from './deliveries.ts';
import { openDemand } from './demand.ts';
import { type Floor, fitOut, type Shelf } from './floor.ts';
import { type Fridge, openFridges } from './fridges.ts';
import type { Census, Fact, LedgerRecord } from './ledger-records.ts';
import { tellSetting } from './setting.ts';
import { openGoods, openQueues, type Shop } from './shop.ts';
import { fillOnRequest } from './staff.ts';
import { openTags } from './stock.ts';
import { streams } from './streams.ts';
import type { WorldFile } from './world-file.ts';

export interface WorldOptions {
  readonly file: WorldFile;
  readonly seed: number;
  /** First day, such as `2026-03-05`; it begins at midnight. */
  readonly from: string;
  readonly days: number;
  /** Minutes past midnight of the last day at which it ends; absent: at midnight. */
  readonly until?: number | undefined;
  /** Percent of the shelves that have a sensor. Default: the file's. */
  readonly coverage?: number | undefined;
}

export type Witness = (record: LedgerRecord) => void;

export interface World {
  readonly floor: Floor;
  /** Epoch milliseconds of the simulated clock. */
  readonly now: number;
  readonly endsAt: number;
  /** Hears every record from now on; before the first `advance` that is the whole ledger. */
  watch(witness: Witness): void;
  /** Lets the shop's time pass up to here, epoch milliseconds, but not beyond the end. */
  advance(to: number): void;
  /** Items of the shelf's own product on it. */
  countOn(shelf: string): number;
  /** Grams on the sensor of a shelf: its tare, and everything that stands on it, of whatever product. */
  weightOn(shelf: string): number;
  /** A fridge with its doors, and its air and goods as they were at most 10 s ago: asking changes nothing. */
  unit(name: string): Fridge;
  /** Of its air. */
  celsius(unit: string): number;
  /** EPCs of the tagged items in a zone, carried ones included. */
  tagsIn(zone: string): ReadonlySet<string>;
  /** The shelf that a tagged item stands on; none: it is carried, lies about, or is in the back room or at the dock. */
  shelfOf(epc: string): Shelf | undefined;
  /** Shoppers in a zone. */
  personsIn(zone: string): number;
  census(): Census;
  /** Somebody asks a member of staff to fill this shelf: they fetch what the back room has of it, and that takes a while. */
  sendStaff(shelf: string): void;
}

export function openWorld(options: WorldOptions): World {
  const { file, seed, from, days, until, coverage = file.coverage.default } = options;
  const floor = fitOut(file, coverage);
  const zoneTime = calendar(file.timezone);
  const dates = datesOf(zoneTime, from, days);
  const begins = zoneTime.at(from, 0);
  const endsAt =
    until === undefined ? zoneTime.at(dayAfter(from, days), 0) : zoneTime.at(dayAfter(from, days - 1), until);
  const time = agenda(begins);
  const of = streams(seed);
  const witnesses: Witness[] = [];
  let stamp = { ms: begins, time: zoneTime.iso(begins) };
  const tell = (fact: Fact): void => {
    if (stamp.ms !== time.now) stamp = { ms: time.now, time: zoneTime.iso(time.now) };
    // Two spreads in one literal would be thirty times slower.
    const record: LedgerRecord = { ms: stamp.ms, time: stamp.time, ...fact };
    for (const witness of witnesses) witness(record);
  };
  const supplier = openSupplier();
  const shop: Shop = {
    ...{ floor, time, of, tell },
    demand: openDemand(floor.products),
    tags: openTags(tell),
    fridges: openFridges(file.fridges, time, of, tell),
    queues: openQueues(floor, tell),
    goods: openGoods(floor, tell),
    promotions: new Map(),
    tillZones: new Map(file.tills.map(({ till, zone }) => [till, zone])),
    people: { parties: 0, persons: 0, sales: 0, sent: 0, in: new Map(), receipts: new Map() },
    today: from,
  };
  const theDays = openDays(shop, zoneTime, supplier);
  const state = { hasBegun: false, hasEnded: false };
  const begin = (): void => {
    state.hasBegun = true;
    tellSetting(shop, supplier, { seed, days });
    for (const [index, { date, begins: at }] of dates.entries()) time.at(at, () => theDays.begin(date, index + 1));
    shop.fridges.begin(file.failure_days);
  };
  const end = (): void => {
    state.hasEnded = true;
    const { parties, persons, sales } = shop.people;
    tell({ kind: 'ended', parties, persons, sales, items: shop.goods.census() });
  };
  const shelfNamed = (name: string): Shelf => {
    const shelf = floor.shelvesBy.get(name);
    if (!shelf) throw new Error(`this shop has no shelf ${name}`);
    return shelf;
  };
  const unit = (name: string): Fridge => {
    const found = shop.fridges.units.get(name);
    if (!found) throw new Error(`this shop has no fridge ${name}`);
    return found;
  };
  return {
    floor,
    endsAt,
    get now() {
      return time.now;
    },
    watch(witness) {
      witnesses.push(witness);
    },
    advance(to) {
      if (!state.hasBegun) begin();
      time.advance(Math.min(to, endsAt));
      if (to >= endsAt && !state.hasEnded) end();
    },
    countOn(name) {
      const shelf = shelfNamed(name);
      return shop.goods.on(shelf).count(shelf.product);
    },
    weightOn(name) {
      const shelf = shelfNamed(name);
      let grams = shelf.tareG;
      for (const { product, count } of shop.goods.on(shelf).lots()) grams += product.weightG * count;
      return grams;
    },
    unit,
    celsius: (name) => unit(name).cold.celsius,
    tagsIn: (zone) => shop.tags.in(zone),
    shelfOf: (epc) => shop.goods.shelfOf(epc),
    personsIn: (zone) => shop.people.in.get(zone) ?? 0,
    census: () => shop.goods.census(),
    sendStaff: (name) => time.live(fillOnRequest(shop, shelfNamed(name))),
  };
}
