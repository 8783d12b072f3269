/** The table of items with an RFID tag: one row for each that is in the shop, written with the event that moved it. */
import type { Database, Statement } from 'better-sqlite3';
import type { KnownItem } from '../contracts/items.ts';

export class ItemRows {
  readonly #all: Statement;
  readonly #put: Statement;
  readonly #remove: Statement;

  constructor(db: Database) {
    this.#all = db.prepare('SELECT epc AS tag, zone, reader, antenna FROM items');
    // An item that only moves arrived when it did.
    this.#put = db.prepare(
      `INSERT INTO items (epc, zone, since, arrived, gtin, serial, sscc, reader, antenna)
       VALUES ($epc, $zone, $since, $arrived, $gtin, $serial, $sscc, $reader, $antenna)
       ON CONFLICT DO UPDATE SET zone = excluded.zone, since = excluded.since, reader = excluded.reader, antenna = excluded.antenna`,
    );
    this.#remove = db.prepare('DELETE FROM items WHERE epc = ? RETURNING reader');
  }

  /** All of them, where they are, and which antenna saw them come there. */
  places(): { tag: string; zone: string; reader: string; antenna: number | null }[] {
    return this.#all.all() as { tag: string; zone: string; reader: string; antenna: number | null }[];
  }

  put(row: KnownItem): void {
    this.#put.run(row);
  }

  /** Returns the reader that saw it last. */
  remove(epc: string): string | undefined {
    return this.#remove.pluck().get(epc) as string | undefined;
  }
}
