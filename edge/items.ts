/**
 * Items with an RFID tag, inside the writer's transactions: sightings become arrivals, moves and departures, each
 * journaled with the item's row. A sighting that changes nothing is forgotten. Where items are is the table's word;
 * what led there lives in memory only, and begins anew with it.
 */
import { holdsCardData } from './contracts/card-data.ts';
import { type Epc, readEpc } from './contracts/epc.ts';
import type { EventType } from './contracts/events.ts';
import type { Part } from './contracts/intake.ts';
import type { Database } from './journal/database.ts';
import type { Now } from './journal/elapsed-clock.ts';
import { ItemRows } from './journal/item-rows.ts';
import { EdgexPresence } from './sensing/edgex-presence.ts';
import type { ReaderZones, TagPresence, TagTransition } from './sensing/tag-presence.ts';

export interface ItemsOptions {
  readonly profile: 'default' | 'garment';
  /** Unread for so long, an item has departed, ms. */
  readonly departedAfter: number;
  readonly readers: readonly ReaderZones[];
}

const DEFAULTS: ItemsOptions = { profile: 'default', departedAfter: 600_000, readers: [] };

export interface ItemFigures {
  /** Items in the shop. */
  readonly known: number;
  /** Since start: sightings of what is no EPC, and of new tags when there were too many. */
  readonly unreadable: number;
  readonly turnedAway: number;
}

/** Events and rows of the writer's transaction. */
interface Books {
  readonly now: Now;
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
}

/** More than any one shop has. */
const MOST_ITEMS = 200_000;
/** Bytes of a row with its index, and the share of the disk budget that all of them may take. */
const ROW_BYTES = 400;
const BUDGET_SHARE = 8;
/** Names of tags remembered in each of two generations. */
const NAMES = 65_536;
/** Shorter codes of schemes that are not looked into may be anything. */
const SHORTEST_OTHER = 20;
/** Digits of the shortest payment card. */
const SHORTEST_CARD = 13;

export class Items {
  readonly #rows: ItemRows;
  readonly #presence: TagPresence;
  /** As a reader writes it -> the item's name; null: no EPC. */
  #names = new Map<string, string | null>();
  #older = new Map<string, string | null>();
  #unreadable = 0;

  constructor(db: Database, diskBudget: number, options: ItemsOptions = DEFAULTS) {
    this.#rows = new ItemRows(db);
    const most = Math.min(MOST_ITEMS, Math.max(1000, Math.floor(diskBudget / BUDGET_SHARE / ROW_BYTES)));
    this.#presence = new EdgexPresence({ ...options, most });
  }

  /** (Re)reads where items are. */
  load(): void {
    this.#presence.load(this.#rows.places());
  }

  get figures(): ItemFigures {
    const { size, turnedAway } = this.#presence;
    return { known: size, unreadable: this.#unreadable, turnedAway };
  }

  /** When there may be departures, elapsed ms; nothing: not before a reader is heard from. */
  get nextSweep(): number | undefined {
    return this.#presence.nextSweep;
  }

  /** Sightings of one delivery. Those of the past tell nothing of now. */
  see({ device, readings }: Part, books: Books): void {
    const { elapsed } = books.now;
    this.#presence.heard(device, elapsed);
    for (const { subject, body, history } of readings) {
      if (history === true) continue;
      const tag = this.#nameOf(subject);
      if (tag === null) {
        this.#unreadable += 1;
        continue;
      }
      const { zone, antenna, rssi_dbm, count = 1 } = JSON.parse(body) as SightingBody;
      const changed = this.#presence.see({ tag, reader: device, antenna, zone, rssi: rssi_dbm, count }, elapsed);
      if (changed !== undefined) this.#write(changed, books);
    }
  }

  /** A device's word on itself; one that does not read tags now is not heard. */
  status({ device, readings }: Part, books: Books): void {
    for (const { body, history } of readings) {
      if (history === true) continue;
      const { online, inventory = true } = JSON.parse(body) as { online: boolean; inventory?: boolean };
      if (online && inventory) this.#presence.heard(device, books.now.elapsed);
    }
  }

  /** Items that were not read for too long. */
  sweep(books: Books): void {
    if ((this.nextSweep ?? Number.POSITIVE_INFINITY) > books.now.elapsed) return;
    for (const departed of this.#presence.sweep(books.now.elapsed)) this.#write(departed, books);
  }

  #write({ is, tag, zone, from, reader: seenBy, antenna, reads, rssi }: TagTransition, books: Books): void {
    const { gtin, serial, sscc } = detailsOf(tag);
    const { wall } = books.now;
    let reader = seenBy ?? '';
    if (is === 'departed') reader = this.#rows.remove(tag) ?? reader;
    else
      this.#rows.put({
        ...{ epc: tag, zone, since: wall, arrived: wall, reader, antenna: antenna ?? null },
        ...{ gtin: gtin ?? null, serial: serial ?? null, sscc: sscc ?? null },
      });
    const data = { epc: tag, gtin, serial, sscc, zone, from, reader, antenna, reads, rssi_dbm: rssi };
    books.journal(`retail.items.${is}.v1`, reader, tag, data);
  }

  #nameOf(text: string): string | null {
    const young = this.#names.get(text);
    if (young !== undefined) return young;
    const known = this.#older.get(text);
    const name = known === undefined ? nameOf(text) : known;
    if (this.#names.size >= NAMES) {
      this.#older = this.#names;
      this.#names = new Map();
    }
    this.#names.set(text, name);
    return name;
  }
}

interface SightingBody {
  readonly zone: string;
  readonly antenna?: number;
  readonly rssi_dbm?: number;
  readonly count?: number;
}

/** One name for one item, whatever its reader writes; null: no EPC, or one that may be a payment card. */
function nameOf(text: string): string | null {
  const epc = readEpc(text);
  if (epc.is === 'unreadable') return null;
  if (epc.is === 'other') return epc.hex.length < SHORTEST_OTHER ? null : epc.hex;
  const { serial = '' } = epc;
  return serial.length >= SHORTEST_CARD && holdsCardData(serial) ? null : epc.uri;
}

function detailsOf(tag: string): Partial<Pick<Epc, 'gtin' | 'serial' | 'sscc'>> {
  const epc = readEpc(tag);
  return epc.is === 'epc' ? epc : {};
}
