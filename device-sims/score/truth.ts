/** What truly happened, read from a ledger: values over time, episodes and sums, as the parts of the score need them. */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import type { Episode } from './matching.ts';
import { type Span, Steps } from './steps.ts';
import { keyOfHex } from './tag-key.ts';

interface TrueShelf {
  readonly gtin: string;
  readonly hasSensor: boolean;
  /** Items of its own product on it. */
  readonly count: Steps<number>;
}

export interface Crossed {
  in: number;
  out: number;
}

export interface TrueSale {
  readonly till: string;
  readonly transaction: string;
  readonly businessDay: string;
  /** GTIN -> items. */
  readonly items: ReadonlyMap<string, number>;
  /** Minor units, of all lines. */
  readonly amount: number;
}

export class Truth {
  readonly shelves = new Map<string, TrueShelf>();
  readonly gaps: Episode[] = [];
  readonly excursions: Episode[] = [];
  /** By GTIN and serial: the zone in which it is; nothing: not in the shop. */
  readonly items = new Map<string, Steps<string | undefined>>();
  /** Items that were in the shop when the ledger began, by GTIN and serial. */
  readonly stocked = new Set<string>();
  /** Moves of tagged items from zone to zone, arrivals and departures included. */
  moves = 0;
  /** Persons by `line` and hour (epoch hours). */
  readonly crossed = new Map<string, Crossed>();
  readonly sales: TrueSale[] = [];
  readonly zones = new Set<string>();
  readonly #open: Span[] = [];
  #openedAt: number | undefined;
  #began = 0;
  #ended = 0;
  #isComplete = false;

  /** Reads the next record. Throws where the ledger has no beginning. */
  take(record: LedgerRecord): void {
    if (this.#began === 0) {
      if (record.kind !== 'world') throw new Error('no ledger: it begins with the record `world`');
      this.#began = record.ms;
    }
    this.#ended = record.ms;
    this.#setting(record);
    this.#goods(record);
    this.#episodes(record);
    if (record.kind === 'line-crossed') {
      const counts = crossedIn(this.crossed, record.line, record.ms);
      counts[record.direction] += record.persons;
    }
  }

  /** The whole of it was read: a ledger that was cut short has no last record. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get span(): Span {
    return { from: this.#began, until: this.#ended };
  }

  /** Opening hours, which are what is judged: at night nothing moves, and being right is no merit. */
  get open(): readonly Span[] {
    if (this.#openedAt !== undefined) return [...this.#open, { from: this.#openedAt, until: this.#ended }];
    return this.#open.length === 0 ? [this.span] : this.#open;
  }

  #setting(record: LedgerRecord): void {
    if (record.kind === 'zone') this.zones.add(record.zone);
    else if (record.kind === 'shelf') {
      const { shelf, gtin, sensor, count } = record;
      this.shelves.set(shelf, { gtin, hasSensor: sensor !== 'none', count: new Steps(count) });
    } else if (record.kind === 'item') {
      this.stocked.add(keyOfHex(record.epc) ?? record.epc);
      this.#locate(record.epc, record.ms, record.zone);
    } else if (record.kind === 'shop-opened') this.#openedAt = record.ms;
    else if (record.kind === 'shop-closed' && this.#openedAt !== undefined) {
      this.#open.push({ from: this.#openedAt, until: record.ms });
      this.#openedAt = undefined;
    } else if (record.kind === 'ended') this.#isComplete = true;
  }

  #goods(record: LedgerRecord): void {
    switch (record.kind) {
      case 'picked':
        this.#change(record.shelf, record.gtin, record.ms, -record.count);
        break;
      case 'put-back':
      case 'restocked':
        this.#change(record.shelf, record.gtin, record.ms, record.count);
        break;
      case 'item-moved':
        this.moves += 1;
        this.#locate(record.epc, record.ms, record.to);
        break;
      case 'sold': {
        const items = new Map<string, number>();
        let amount = 0;
        for (const { gtin, count, price } of record.lines) {
          items.set(gtin, (items.get(gtin) ?? 0) + count);
          amount += count * price.amount;
        }
        const { till, transaction, business_day: businessDay } = record;
        this.sales.push({ till, transaction, businessDay, items, amount });
        break;
      }
      default:
    }
  }

  /** Items of another product on a shelf are not what it is planned to hold. */
  #change(shelf: string, gtin: string, ms: number, by: number): void {
    const known = this.shelves.get(shelf);
    if (known?.gtin === gtin) known.count.set(ms, known.count.latest + by);
  }

  #locate(epc: string, ms: number, zone: string | undefined): void {
    const key = keyOfHex(epc) ?? epc;
    let steps = this.items.get(key);
    if (steps === undefined) {
      steps = new Steps<string | undefined>(undefined);
      this.items.set(key, steps);
    }
    steps.set(ms, zone);
  }

  #episodes(record: LedgerRecord): void {
    if (record.kind === 'gap-began') this.gaps.push({ subject: record.shelf, began: record.ms });
    else if (record.kind === 'gap-ended') close(this.gaps, record.shelf, record.ms);
    else if (record.kind === 'excursion-began') this.excursions.push({ subject: record.unit, began: record.ms });
    else if (record.kind === 'excursion-ended') close(this.excursions, record.unit, record.ms);
  }
}

function close(episodes: Episode[], subject: string, ended: number): void {
  const index = episodes.findLastIndex((episode) => episode.subject === subject && episode.ended === undefined);
  const episode = episodes[index];
  if (episode !== undefined) episodes[index] = { ...episode, ended };
}

const MS_PER_HOUR = 3_600_000;

/** The counts of a line in the hour of this moment. */
export function crossedIn(all: Map<string, Crossed>, line: string, ms: number): Crossed {
  const key = `${line} ${Math.floor(ms / MS_PER_HOUR)}`;
  let counts = all.get(key);
  if (counts === undefined) {
    counts = { in: 0, out: 0 };
    all.set(key, counts);
  }
  return counts;
}
