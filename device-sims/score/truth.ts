/** What truly happened, read from a ledger: values over time, episodes and sums, as the parts of the score need them. */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { ColdTruth } from './cold-truth.ts';
import type { Episode } from './matching.ts';
import { type Span, Steps } from './steps.ts';
import { keyOfHex } from './tag-key.ts';

interface TrueShelf {
  readonly gtin: string;
  readonly hasSensor: boolean;
  /** Items of a full shelf, as planned. */
  readonly capacity: number;
  /** Items of its own product on it. */
  readonly count: Steps<number>;
}

export interface Crossed {
  in: number;
  out: number;
}

export interface TrueSale {
  /** When; of a sale that the hub told, when it had it. */
  readonly at: number;
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
  readonly cold = new ColdTruth();
  /** By GTIN and serial: the zone in which it is; nothing: not in the shop. */
  readonly items = new Map<string, Steps<string | undefined>>();
  /** Items that were in the shop when the ledger began, by GTIN and serial. */
  readonly stocked = new Set<string>();
  /** Moves of tagged items from zone to zone, arrivals and departures included, since the hub could see them. */
  moves = 0;
  /** Changes of the number of items on a shelf, since then. */
  changes = 0;
  /** Persons by `line` and hour (epoch hours). */
  readonly crossed = new Map<string, Crossed>();
  readonly sales: TrueSale[] = [];
  readonly zones = new Set<string>();
  readonly #from: number;
  /** Its first record. */
  world: Extract<LedgerRecord, { kind: 'world' }> | undefined;
  readonly #open: Span[] = [];
  #openedAt: number | undefined;
  #began = 0;
  #ended = 0;
  #isComplete = false;

  /** @param from when the hub began to see, epoch ms of the simulated clock; absent: with the ledger */
  constructor(from = Number.NEGATIVE_INFINITY) {
    this.#from = from;
  }

  /** Reads the next record. Throws where the ledger has no beginning. */
  take(record: LedgerRecord): void {
    if (this.#began === 0) {
      if (record.kind !== 'world') throw new Error('no ledger: it begins with the record `world`');
      this.#began = record.ms;
      this.world = record;
    }
    this.#ended = record.ms;
    this.#setting(record);
    this.#goods(record);
    this.#episodes(record);
    this.cold.take(record);
    if (record.kind === 'line-crossed' && record.ms >= this.#from) {
      const counts = crossedIn(this.crossed, record.line, record.ms);
      counts[record.direction] += record.persons;
    }
  }

  /** The whole of it was read: a ledger that was cut short has no last record. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** In which the hub could see. */
  get span(): Span {
    return { from: Math.max(this.#began, this.#from), until: this.#ended };
  }

  /** Opening hours, which are what is judged: at night nothing moves, and being right is no merit. */
  get open(): readonly Span[] {
    const { from } = this.span;
    const open = [...this.#open];
    if (this.#openedAt !== undefined) open.push({ from: this.#openedAt, until: this.#ended });
    if (open.length === 0) return [this.span];
    return open.flatMap((span) => (span.until <= from ? [] : [{ ...span, from: Math.max(from, span.from) }]));
  }

  #setting(record: LedgerRecord): void {
    if (record.kind === 'zone') this.zones.add(record.zone);
    else if (record.kind === 'shelf') {
      const { shelf, gtin, sensor, capacity, count } = record;
      this.shelves.set(shelf, { gtin, capacity, hasSensor: sensor !== 'none', count: new Steps(count) });
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
        if (record.ms >= this.#from) this.moves += 1;
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
        this.sales.push({ at: record.ms, till, transaction, businessDay, items, amount });
        break;
      }
      default:
    }
  }

  /** Items of another product on a shelf are not what it is planned to hold. */
  #change(shelf: string, gtin: string, ms: number, by: number): void {
    const known = this.shelves.get(shelf);
    if (known?.gtin !== gtin) return;
    known.count.set(ms, known.count.latest + by);
    if (ms >= this.#from) this.changes += 1;
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
