/**
 * Items with an RFID tag, inside the writer's transactions: sightings become arrivals, moves and departures, each
 * journaled with the item's row. A sighting that changes nothing is forgotten. Where items are is the table's word;
 * what led there lives in memory only, and begins anew with it. Which antennas are dead is remembered beside them.
 */
import { holdsCardData } from './contracts/card-data.ts';
import { type Epc, readEpc } from './contracts/epc.ts';
import type { EventType } from './contracts/events.ts';
import type { Part } from './contracts/intake.ts';
import type { Database } from './journal/database.ts';
import type { Now } from './journal/elapsed-clock.ts';
import { ItemRows } from './journal/item-rows.ts';
import type { Remembered } from './journal/remembered.ts';
import { EdgexPresence } from './sensing/edgex-presence.ts';
import type { AntennaNews, DeadAntenna, ReaderZones, TagPresence, TagTransition } from './sensing/tag-presence.ts';

/** Under this kind is remembered which antennas of a reader are dead. */
export const ANTENNAS = 'antennas';

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
  /** Antennas of which it is known that they read nothing. */
  readonly dead: readonly DeadAntenna[];
}

/** Number of the antenna, or nothing where its reader does not tell -> why it is dead. */
type DeadOfReader = Readonly<Record<string, DeadAntenna['state']>>;

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
  readonly #remembered: Remembered;
  #dead: readonly DeadAntenna[] = [];

  constructor(db: Database, remembered: Remembered, diskBudget: number, options: ItemsOptions = DEFAULTS) {
    this.#rows = new ItemRows(db);
    this.#remembered = remembered;
    const most = Math.min(MOST_ITEMS, Math.max(1000, Math.floor(diskBudget / BUDGET_SHARE / ROW_BYTES)));
    this.#presence = new EdgexPresence({ ...options, most });
  }

  /** (Re)reads where items are, and which antennas are dead. `remembered` is loaded before. */
  load(): void {
    this.#dead = this.#deadAntennas();
    this.#presence.load(this.#rows.places(), this.#dead);
  }

  /** At start: dead antennas that the configuration does not know any more are nobody's business. */
  open(books: Books): void {
    for (const one of this.#dead.filter((dead) => !this.#presence.isUsed(dead)))
      this.#tell({ ...one, state: 'connected', zone: undefined, items: undefined }, books);
  }

  get figures(): ItemFigures {
    const { size, turnedAway } = this.#presence;
    return { known: size, unreadable: this.#unreadable, turnedAway, dead: this.#dead };
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
    if (this.#presence.hasNews) this.#tellAntennas(books);
  }

  /** A device's word on itself and its antennas; one that does not read tags now is not heard. */
  status({ device, readings }: Part, books: Books): void {
    for (const { body, history } of readings) {
      if (history === true) continue;
      const { online, inventory = true, antennas } = JSON.parse(body) as StatusBody;
      if (antennas !== undefined) this.#presence.say(device, antennas, books.now.elapsed);
      if (online && inventory) this.#presence.heard(device, books.now.elapsed);
    }
    if (this.#presence.hasNews) this.#tellAntennas(books);
  }

  /** Whether a device's word on its antennas would be a fact. */
  isNews({ device, readings }: Part): boolean {
    return readings.some(({ body, history }) => {
      const { antennas } = JSON.parse(body) as StatusBody;
      return history !== true && antennas !== undefined && this.#presence.isNews(device, antennas);
    });
  }

  /** Items that were not read for too long. */
  sweep(books: Books): void {
    if ((this.nextSweep ?? Number.POSITIVE_INFINITY) > books.now.elapsed) return;
    for (const departed of this.#presence.sweep(books.now.elapsed)) this.#write(departed, books);
    if (this.#presence.hasNews) this.#tellAntennas(books);
  }

  #tellAntennas(books: Books): void {
    for (const news of this.#presence.takeNews()) this.#tell(news, books);
  }

  #tell({ reader, antenna, zone, state, items }: AntennaNews, books: Books): void {
    const others = this.#dead.filter((one) => one.reader !== reader || one.antenna !== antenna);
    this.#dead = state === 'connected' ? others : [...others, { reader, antenna, state }];
    const known = this.#dead.filter((one) => one.reader === reader).map((one) => [one.antenna ?? '', one.state]);
    const value: DeadOfReader | null = known.length === 0 ? null : Object.fromEntries(known);
    this.#remembered.set(ANTENNAS, reader, value);
    books.journal('retail.devices.antenna.v1', reader, reader, { device: reader, antenna, zone, state, items });
  }

  #deadAntennas(): DeadAntenna[] {
    return this.#remembered.keys(ANTENNAS).flatMap((reader) => {
      const known = (this.#remembered.get(ANTENNAS, reader) ?? {}) as DeadOfReader;
      return Object.entries(known).map(([key, state]) => {
        return { reader, antenna: key === '' ? undefined : Number(key), state };
      });
    });
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

interface StatusBody {
  readonly online: boolean;
  readonly inventory?: boolean;
  readonly antennas?: Readonly<Record<string, boolean>>;
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
