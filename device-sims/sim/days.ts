/** The rhythm of the shop: what is to happen on a day is entered into the agenda when the day begins. */
import { type Calendar, dayAfter, weekdayOf } from './calendar.ts';
import { deliver, type Supplier } from './deliveries.ts';
import { arrivals } from './demand.ts';
import type { Shop } from './shop.ts';
import { countOne, openShift, work } from './staff.ts';
import { visit } from './visit.ts';
import type { WorldFile } from './world-file.ts';

const MINUTE = 60_000;
/** Staff come before the doors open, and stay after they closed. */
const EARLY_MINUTES = 90;
const LATE_MINUTES = 30;

export interface Days {
  /** @param date its business day; @param number 1: the first */
  begin(date: string, number: number): void;
}

export function openDays(shop: Shop, calendar: Calendar, supplier: Supplier): Days {
  const { file } = shop.floor;
  const { time } = shop;
  const counts = { parties: 0, deliveries: 0 };
  const running = new Set<WorldFile['promotions'][number]>();

  const open = (date: string, opens: number, closes: number): void => {
    const { per_day, week, hours } = file.shoppers;
    const expected = per_day * (week[weekdayOf(date)] ?? 1);
    const at = (minutes: number): number => calendar.at(date, minutes);
    time.at(at(opens), () => shop.tell({ kind: 'shop-opened', business_day: date }));
    time.at(at(closes), () => shop.tell({ kind: 'shop-closed', business_day: date }));
    for (const minutes of arrivals(hours, expected, [opens, closes], shop.of('arrivals', date))) {
      counts.parties += 1;
      const number = counts.parties;
      time.at(at(0) + Math.floor(minutes * MINUTE), () => time.live(visit(shop, number)));
    }
    const shift = openShift(shop);
    const until = at(closes + LATE_MINUTES);
    for (let member = 1; member <= file.staff.members; member += 1) {
      const name = `staff-${member}`;
      const life = work(shop, shift, name, shop.of('staff', name, date), until);
      time.at(at(Math.max(0, opens - EARLY_MINUTES)), () => time.live(life));
    }
    const random = shop.of('counting', date);
    for (let count = 0; count < file.staff.counts_per_day; count += 1) {
      const minutes = opens + ((count + 0.5) / file.staff.counts_per_day) * (closes - opens);
      const name = `staff-${1 + (count % file.staff.members)}`;
      time.at(at(0) + Math.floor(minutes * MINUTE), () => countOne(shop, name, random));
    }
  };
  const promote = (date: string): void => {
    for (const plan of file.promotions) {
      const isOn = plan.days.includes(weekdayOf(date));
      if (isOn === running.has(plan)) continue;
      const { promotion, percent_off, demand } = plan;
      const products = shop.floor.products.filter(({ department }) => department === plan.department);
      const chosen = products.slice(0, plan.products);
      const gtins = chosen.map(({ gtin }) => gtin);
      if (isOn) running.add(plan);
      else running.delete(plan);
      for (const product of chosen) {
        shop.demand.boost(product, isOn ? demand : 1);
        if (isOn) shop.promotions.set(product, { promotion, percentOff: percent_off });
        else shop.promotions.delete(product);
      }
      if (isOn) shop.tell({ kind: 'promotion-began', promotion, gtins, percent_off, demand });
      else shop.tell({ kind: 'promotion-ended', promotion, gtins });
    }
  };
  return {
    begin(date, number) {
      shop.today = date;
      shop.people.receipts.clear();
      promote(date);
      const hours = file.open[weekdayOf(date)];
      if (hours) open(date, minutesOf(hours[0]), minutesOf(hours[1]));
      if (file.deliveries.days.includes(weekdayOf(date))) {
        time.at(calendar.at(date, minutesOf(file.deliveries.at)), () => {
          counts.deliveries += 1;
          time.live(deliver(shop, supplier, counts.deliveries));
        });
      }
      for (const { unit, day, at, hours: lasts } of file.failures) {
        if (day === number) time.at(calendar.at(date, minutesOf(at)), () => shop.fridges.fail(unit, lasts));
      }
    },
  };
}

/** Each day of the run and when it begins. */
export function datesOf(calendar: Calendar, from: string, days: number): { date: string; begins: number }[] {
  return Array.from({ length: days }, (_, index) => {
    const date = dayAfter(from, index);
    return { date, begins: calendar.at(date, 0) };
  });
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
