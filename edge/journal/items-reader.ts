/** Items with an RFID tag as the hub knows them, read from journal.db: works with the edge running or stopped. */
import type { ItemsWanted, KnownItem, ZoneCount } from '../contracts/items.ts';
import type { Prepare } from './offers-reader.ts';

const MOST = 2000;

export class ItemsReader {
  readonly #prepare: Prepare;

  constructor(prepare: Prepare) {
    this.#prepare = prepare;
  }

  /** In order of their EPCs, those after `after`, at most 2,000. */
  page(after: string, { zone, gtin }: ItemsWanted): KnownItem[] {
    const narrowed = `${zone === undefined ? '' : 'AND zone = $zone'} ${gtin === undefined ? '' : 'AND gtin = $gtin'}`;
    return this.#prepare(`SELECT * FROM items WHERE epc > $after ${narrowed} ORDER BY epc LIMIT ${MOST}`).all({
      after,
      ...(zone !== undefined && { zone }),
      ...(gtin !== undefined && { gtin }),
    }) as KnownItem[];
  }

  find(epc: string): KnownItem | undefined {
    return this.#prepare('SELECT * FROM items WHERE epc = ?').get(epc) as KnownItem | undefined;
  }

  counts({ zone, gtin }: ItemsWanted): ZoneCount[] {
    return this.#prepare(
      `SELECT zone, count(*) AS items, count(DISTINCT gtin) AS products FROM items
       WHERE ($zone IS NULL OR zone = $zone) AND ($gtin IS NULL OR gtin = $gtin) GROUP BY zone ORDER BY zone LIMIT ${MOST}`,
    ).all({ zone: zone ?? null, gtin: gtin ?? null }) as ZoneCount[];
  }
}
