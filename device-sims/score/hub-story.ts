/**
 * What the hub said, read from `store-hub journal export`: the same values over time, by the same names, on the
 * simulated clock. Facts count when the hub had them (`receivedtime`), but counts of people by their own time, as long
 * as the hub trusted it: they are sums of an hour.
 */
import { z } from 'zod';
import type { Alarm } from './matching.ts';
import { Steps } from './steps.ts';
import { keyOfUri } from './tag-key.ts';
import { type Crossed, crossedIn, type TrueSale } from './truth.ts';

const eventSchema = z.object({
  type: z.string(),
  time: z.string(),
  receivedtime: z.string(),
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

interface Standing {
  readonly rule: string;
  readonly alarm: Alarm;
}

const ENDED = new Set(['retail.alerts.resolved.v1', 'retail.alerts.dismissed.v1']);

export class HubStory {
  readonly #simulated: (hubMs: number) => number;
  /** Items on a shelf as the hub knew it; nothing: it said nothing yet. */
  readonly levels = new Map<string, Steps<number | undefined>>();
  readonly items = new Map<string, Steps<string | undefined>>();
  transitions = 0;
  readonly crossed = new Map<string, Crossed>();
  /** Each sale as often as it came. */
  readonly sales: TrueSale[] = [];
  readonly #alerts = new Map<string, Standing>();

  /** @param simulated the hub's wall clock, epoch ms -> the simulated clock */
  constructor(simulated: (hubMs: number) => number) {
    this.#simulated = simulated;
  }

  alarms(rule: string): Alarm[] {
    return [...this.#alerts.values()].filter((standing) => standing.rule === rule).map(({ alarm }) => alarm);
  }

  take(event: HubEvent): void {
    const { type, data } = event;
    const at = this.#simulated(Date.parse(event.receivedtime));
    if (type.startsWith('retail.alerts.')) this.#alert(type, data, at);
    else if (type === 'retail.shelves.level.v1')
      stepsOf<number | undefined>(this.levels, text(data.shelf)).set(at, Number(data.count));
    else if (type === 'retail.items.arrived.v1' || type === 'retail.items.moved.v1')
      this.#locate(data, at, text(data.zone));
    else if (type === 'retail.items.departed.v1') this.#locate(data, at, undefined);
    else if (type === 'retail.traffic.crossed.v1') {
      const own = event.timequality === undefined || event.timequality === 'ok';
      const counted = own ? this.#simulated(Date.parse(event.time)) : at;
      const counts = crossedIn(this.crossed, text(data.line), counted);
      counts.in += Number(data.in);
      counts.out += Number(data.out);
    } else if (type === 'retail.sales.sold.v1') this.#sale(data);
  }

  #alert(type: string, data: HubEvent['data'], at: number): void {
    const id = text(data.id);
    const standing = this.#alerts.get(id);
    if (type === 'retail.alerts.raised.v1')
      this.#alerts.set(id, { rule: text(data.rule), alarm: { subject: text(data.subject), raised: at } });
    else if (ENDED.has(type) && standing !== undefined)
      this.#alerts.set(id, { ...standing, alarm: { ...standing.alarm, ended: at } });
  }

  #locate(data: HubEvent['data'], at: number, zone: string | undefined): void {
    this.transitions += 1;
    const epc = text(data.epc);
    stepsOf<string | undefined>(this.items, keyOfUri(epc) ?? epc).set(at, zone);
  }

  #sale(data: HubEvent['data']): void {
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

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
