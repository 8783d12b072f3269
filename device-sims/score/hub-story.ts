/**
 * What the hub said, read from `store-hub journal export`: the same values over time, by the same names, on the
 * simulated clock. Facts count when the hub had them (`receivedtime`, and never before what stands before them in the
 * same stream: nothing is known earlier by being dated back), but counts of people by their own time, as long as the hub
 * trusted it: they are sums of an hour. What is no number is not said.
 */
import { z } from 'zod';
import type { Alarm } from './matching.ts';
import { type Span, Steps } from './steps.ts';
import { keyOfUri } from './tag-key.ts';
import { type Crossed, crossedIn, type TrueSale } from './truth.ts';

const eventSchema = z.object({
  type: z.string(),
  time: z.iso.datetime({ offset: true }),
  // Without a time nothing could be held against it.
  receivedtime: z.iso.datetime({ offset: true }),
  timequality: z.string().optional(),
  data: z.looseObject({}),
});

export type HubEvent = z.infer<typeof eventSchema>;

/** Throws where the line is no event. */
export function parseEvent(line: string): HubEvent {
  return eventSchema.parse(JSON.parse(line));
}

interface SoldLine {
  readonly gtin: string;
  readonly quantity: number | string;
  readonly kind?: string;
  readonly price: { readonly amount: number };
  readonly discount?: number | { readonly amount: number };
}

interface Told {
  readonly rule: string;
  alarm: Alarm;
}

const ENDED = new Set(['retail.alerts.resolved.v1', 'retail.alerts.dismissed.v1']);

export class HubStory {
  readonly #simulated: (hubMs: number) => number;
  /** Items of a product on a shelf as the hub knew it, by `levelKey`; nothing: it said nothing yet. */
  readonly levels = new Map<string, Steps<number | undefined>>();
  readonly items = new Map<string, Steps<string | undefined>>();
  /** When it said that an item arrived, moved or departed, and when how many stand on a shelf. */
  readonly transitions: number[] = [];
  readonly levelsSaid: number[] = [];
  readonly crossed = new Map<string, Crossed>();
  /** Each sale as often as it came. */
  readonly sales: TrueSale[] = [];
  readonly #alerts: Told[] = [];
  /** The latest under each id. */
  readonly #latest = new Map<string, Told>();
  readonly #said = new Map<string, number>();

  /** @param simulated the hub's wall clock, epoch ms -> the simulated clock */
  constructor(simulated: (hubMs: number) => number) {
    this.#simulated = simulated;
  }

  alarms(rule: string): Alarm[] {
    return this.#alerts.filter((told) => told.rule === rule).map(({ alarm }) => alarm);
  }

  /** Of how many rules that nobody judges here; raised from then until then. */
  otherAlarms(judged: readonly string[], { from, until }: Span): number {
    return this.#alerts.filter(
      ({ rule, alarm }) => !judged.includes(rule) && alarm.raised >= from && alarm.raised <= until,
    ).length;
  }

  take(event: HubEvent): void {
    const { type, data } = event;
    const stream = type.split('.')[1] ?? '';
    const received = this.#simulated(Date.parse(event.receivedtime));
    const at = Math.max(received, this.#said.get(stream) ?? received);
    this.#said.set(stream, at);
    if (type.startsWith('retail.alerts.')) this.#alert(type, data, at);
    else if (type === 'retail.shelves.level.v1') {
      this.levelsSaid.push(at);
      stepsOf<number | undefined>(this.levels, levelKey(text(data.shelf), text(data.gtin))).set(at, number(data.count));
    } else if (type === 'retail.items.arrived.v1' || type === 'retail.items.moved.v1')
      this.#locate(data, at, text(data.zone));
    else if (type === 'retail.items.departed.v1') this.#locate(data, at, undefined);
    else if (type === 'retail.traffic.crossed.v1') {
      const own = event.timequality === undefined || event.timequality === 'ok';
      const counted = own ? this.#simulated(Date.parse(event.time)) : at;
      const counts = crossedIn(this.crossed, text(data.line), counted);
      counts.in += number(data.in) ?? 0;
      counts.out += number(data.out) ?? 0;
    } else if (type === 'retail.sales.sold.v1') this.#sale(data, at);
  }

  #alert(type: string, data: HubEvent['data'], at: number): void {
    const id = text(data.id);
    const told = this.#latest.get(id);
    const stands = told !== undefined && told.alarm.ended === undefined;
    if (type === 'retail.alerts.raised.v1' || (type === 'retail.alerts.reopened.v1' && told && !stands)) {
      if (stands) told.alarm = { ...told.alarm, ended: at };
      const next = { rule: text(data.rule), alarm: { subject: text(data.subject), raised: at } };
      this.#alerts.push(next);
      this.#latest.set(id, next);
    } else if (stands && type === 'retail.alerts.reopened.v1')
      told.alarm = { ...told.alarm, reopened: (told.alarm.reopened ?? 0) + 1 };
    else if (stands && ENDED.has(type)) told.alarm = { ...told.alarm, ended: at };
  }

  #locate(data: HubEvent['data'], at: number, zone: string | undefined): void {
    this.transitions.push(at);
    const epc = text(data.epc);
    stepsOf<string | undefined>(this.items, keyOfUri(epc) ?? epc).set(at, zone);
  }

  #sale(data: HubEvent['data'], at: number): void {
    const items = new Map<string, number>();
    const lines = data.lines as readonly SoldLine[];
    let amount = 0;
    for (const { gtin, quantity, kind, price, discount = 0 } of lines) {
      if (kind !== undefined && kind !== 'sale') continue;
      items.set(gtin, (items.get(gtin) ?? 0) + Number(quantity));
      const off = typeof discount === 'number' ? discount : discount.amount;
      amount += Math.round(Number(quantity) * price.amount) - off;
    }
    this.sales.push({
      at,
      till: text(data.till),
      transaction: text(data.transaction),
      businessDay: text(data.business_day),
      items,
      amount,
    });
  }
}

function stepsOf<T>(all: Map<string, Steps<T | undefined>>, key: string): Steps<T | undefined> {
  let steps = all.get(key);
  if (steps === undefined) {
    steps = new Steps<T | undefined>(undefined);
    all.set(key, steps);
  }
  return steps;
}

/** A level is of a product on a shelf: one of another product says nothing of what should stand there. */
export function levelKey(shelf: string, gtin: string): string {
  return `${shelf} ${gtin}`;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
