/**
 * The ledger: what truly happened in the simulated shop, one JSON object a line, in the order in which it happened.
 * It begins with `world`, then says how everything stood at the start (`zone`, `line`, `till`, `unit`, `product`,
 * `shelf`, `backstock`, `item`), then what happened, and ends with `ended`: a file without it is of a run that was cut
 * short. Devices see only parts of it, and wrongly; this file is what they are judged by. The same world, seed, start
 * and number of days give the same file byte for byte.
 *
 * Names and units are those of the hub's own readings where both know a thing: GTINs are 14 digits, money is minor
 * units, weights are grams, temperatures degrees Celsius, EPCs 24 upper-case hex digits (SGTIN-96).
 */

/** On every record. */
export interface Stamp {
  /** Epoch milliseconds of the simulated clock. Never falls from one record to the next. */
  readonly ms: number;
  /** The same instant, ISO 8601 with milliseconds and the shop's offset. */
  readonly time: string;
}

export type LedgerRecord = Stamp & Fact;

export type Fact = Setting | PersonFact | GoodsFact | StaffFact | ClimateFact | JudgedFact | Ended;

/** Some items of one product. */
export interface Goods {
  readonly gtin: string;
  readonly count: number;
  /** Of tagged products: which ones; as many as `count`. */
  readonly epcs?: readonly string[];
}

export interface Price {
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
}

export type ZoneKind = 'sales' | 'entrance' | 'checkout' | 'fitting-room' | 'back-room' | 'dock';
/** How the sensor of a shelf knows: it counts facings, or it weighs. Most shelves of most shops have none. */
export type Sensing = 'none' | 'counter' | 'scale';
export type TillKind = 'fixed' | 'self-service' | 'mobile';

// ---- How things stand at the start ----------------------------------------------------------------------------------

export type Setting =
  | {
      readonly kind: 'world';
      /** Of this file's format; grows when a record changes its meaning. */
      readonly format: 1;
      readonly world: string;
      readonly seed: number;
      readonly days: number;
      /** Percent of the shelves that have a sensor. */
      readonly coverage: number;
      /** IANA name. */
      readonly timezone: string;
    }
  /** `area`: metres from the left front corner of the building: left, front, width, depth. */
  | {
      readonly kind: 'zone';
      readonly zone: string;
      readonly is: ZoneKind;
      readonly area?: readonly [number, number, number, number];
      readonly next_to: readonly string[];
    }
  /** A line at an entrance, over which people are counted. */
  | { readonly kind: 'line'; readonly line: string; readonly zone: string }
  /** A mobile till's zone is where it begins. */
  | { readonly kind: 'till'; readonly till: string; readonly is: TillKind; readonly zone: string }
  /** A fridge or freezer. Warmer than `limit` at the core of the goods is an excursion. */
  | {
      readonly kind: 'unit';
      readonly unit: string;
      readonly zone: string;
      readonly setpoint: number;
      readonly limit: number;
      readonly celsius: number;
      readonly product_celsius: number;
    }
  | {
      readonly kind: 'product';
      readonly gtin: string;
      readonly name: string;
      readonly department: string;
      readonly price: Price;
      readonly unit_weight_g: number;
      /** Each item has an RFID tag. */
      readonly tagged: boolean;
    }
  /** A place for one product on a shelf, as the planogram has it. `count`: items of that product on it at the start. */
  | {
      readonly kind: 'shelf';
      readonly shelf: string;
      readonly zone: string;
      readonly aisle: string;
      /** Metres, as the zones' areas. */
      readonly x?: number;
      readonly y?: number;
      readonly gtin: string;
      readonly facings: number;
      readonly capacity: number;
      readonly minimum: number;
      readonly refill: number;
      readonly unit_weight_g: number;
      readonly tare_g: number;
      readonly sensor: Sensing;
      readonly count: number;
    }
  /** In the back room at the start. */
  | { readonly kind: 'backstock'; readonly gtin: string; readonly count: number }
  /** Where a tagged item is at the start. */
  | { readonly kind: 'item'; readonly epc: string; readonly gtin: string; readonly zone: string };

// ---- People ---------------------------------------------------------------------------------------------------------

/** `who` counts the parties from 1 as they come in; a party is one shopper, and whoever came along. */
export type PersonFact =
  /** `shopper`: pseudonym of a loyalty member, as their card says it. */
  | { readonly kind: 'entered'; readonly who: number; readonly persons: number; readonly shopper?: string }
  | { readonly kind: 'left'; readonly who: number; readonly persons: number }
  /** Once for a party: its persons cross close together. */
  | {
      readonly kind: 'line-crossed';
      readonly line: string;
      readonly direction: 'in' | 'out';
      readonly who: number;
      readonly persons: number;
    }
  /** A party is in one zone at a time: it leaves one before it enters the next. */
  | { readonly kind: 'zone-entered'; readonly who: number; readonly zone: string; readonly persons: number }
  | { readonly kind: 'zone-left'; readonly who: number; readonly zone: string; readonly persons: number }
  /** Began to wait. A queue serves in the order in which it was joined, and may have several tills or cabins. */
  | { readonly kind: 'queued'; readonly who: number; readonly queue: string }
  /** Is served now, by this till or cabin. */
  | { readonly kind: 'served'; readonly who: number; readonly queue: string; readonly by: string }
  /** A mobile till walked to where a shopper wants to pay. */
  | { readonly kind: 'till-moved'; readonly till: string; readonly zone: string };

// ---- Goods in the hands of shoppers -----------------------------------------------------------------------------------

export type GoodsFact =
  | ({ readonly kind: 'picked'; readonly who: number; readonly shelf: string } & Goods)
  /** `right`: false when the planogram has another product on this shelf. */
  | ({
      readonly kind: 'put-back';
      readonly who: number;
      readonly shelf: string;
      readonly right: boolean;
    } & Goods)
  /** Somebody came for it, and none of it was on its shelf. */
  | { readonly kind: 'missed'; readonly who: number; readonly shelf: string; readonly gtin: string }
  | {
      readonly kind: 'sold';
      readonly who: number;
      readonly till: string;
      readonly is: TillKind;
      readonly zone: string;
      /** Counts within (till, business day). */
      readonly transaction: string;
      readonly business_day: string;
      readonly lines: readonly SoldLine[];
      readonly total: Price;
      /** Of a loyalty member who showed the card. */
      readonly shopper?: string;
    }
  /** Left the shop unpaid: nothing was paid at all, or a self-service till was not shown everything. Told at the door. */
  | {
      readonly kind: 'stolen';
      readonly who: number;
      readonly how: 'walked-out' | 'not-scanned';
      readonly goods: readonly Goods[];
    }
  /** Left lying in a zone, not on a shelf: in the fitting room, or the whole basket. Lies there until `collected`. */
  | { readonly kind: 'abandoned'; readonly who: number; readonly zone: string; readonly goods: readonly Goods[] }
  /** A tagged item went from one zone to another. No `from`: it came with a delivery; no `to`: it left the shop. */
  | {
      readonly kind: 'item-moved';
      readonly epc: string;
      readonly gtin: string;
      readonly from?: string;
      readonly to?: string;
    };

export interface SoldLine extends Goods {
  /** For one. */
  readonly price: Price;
  readonly promotion?: string;
}

// ---- Staff and suppliers ------------------------------------------------------------------------------------------------

export type StaffFact =
  /** From the back room. */
  | ({ readonly kind: 'fetched'; readonly staff: string } & Goods)
  /** Onto its own shelf, out of what was `fetched` or `collected`. */
  | ({ readonly kind: 'restocked'; readonly staff: string; readonly shelf: string } & Goods)
  /** Back into the back room: its shelf was full. */
  | ({ readonly kind: 'returned'; readonly staff: string } & Goods)
  /** Picked up where it does not belong: from a shelf of another product, or where it was abandoned (`zone`). */
  | ({ readonly kind: 'collected'; readonly staff: string; readonly shelf?: string; readonly zone?: string } & Goods)
  /** Counted the shelf's own product, without mistake. */
  | {
      readonly kind: 'counted';
      readonly staff: string;
      readonly shelf: string;
      readonly gtin: string;
      readonly count: number;
    }
  /** Stands at the dock now. `advised` is what the supplier announced; `received` what truly came. */
  | {
      readonly kind: 'delivered';
      readonly delivery: string;
      /** Of the pallet, 18 digits. */
      readonly sscc: string;
      readonly lines: readonly {
        readonly gtin: string;
        readonly advised: number;
        readonly received: number;
        readonly epcs?: readonly string[];
      }[];
    }
  /** All of the pallet was carried from the dock into the back room. */
  | { readonly kind: 'put-away'; readonly staff: string; readonly delivery: string; readonly sscc: string }
  | {
      readonly kind: 'promotion-began';
      readonly promotion: string;
      readonly gtins: readonly string[];
      readonly percent_off: number;
      /** So many times as often as usual do shoppers come for it. */
      readonly demand: number;
    }
  | { readonly kind: 'promotion-ended'; readonly promotion: string; readonly gtins: readonly string[] }
  | { readonly kind: 'shop-opened'; readonly business_day: string }
  /** Nobody may come in any more; who is inside finishes. */
  | { readonly kind: 'shop-closed'; readonly business_day: string };

// ---- Fridges ----------------------------------------------------------------------------------------------------------

export type ClimateFact =
  /** `who`: by which party. Told for the first of several doors of a unit that are open at once, and `closed` for the last. */
  | { readonly kind: 'door-opened'; readonly unit: string; readonly who?: number }
  | { readonly kind: 'door-closed'; readonly unit: string }
  /** How warm it is at the moment in which something changed; between them it follows from the physics. */
  | {
      readonly kind: 'temperature';
      readonly unit: string;
      readonly why: 'compressor-on' | 'compressor-off' | 'defrost-began' | 'defrost-ended' | 'failed' | 'repaired';
      /** Of the air. */
      readonly celsius: number;
      /** At the core of the goods. */
      readonly product_celsius: number;
    }
  /** The air of a unit is above its `limit` from here on, whatever the reason, or no longer. */
  | { readonly kind: 'air-warmed'; readonly unit: string }
  | { readonly kind: 'air-cooled'; readonly unit: string }
  /** The core of the goods is warmer than the unit's `limit`. Air that swings in a defrost is none. */
  | { readonly kind: 'excursion-began'; readonly unit: string; readonly limit: number }
  /** `peak`: the warmest that the core became. */
  | { readonly kind: 'excursion-ended'; readonly unit: string; readonly peak: number };

// ---- What a perfect observer would decide -------------------------------------------------------------------------------

export type JudgedFact =
  /** Fewer than `minimum` items of its own product are on the shelf. Items of other products on it do not count. */
  | {
      readonly kind: 'gap-began';
      readonly shelf: string;
      readonly gtin: string;
      readonly count: number;
      readonly minimum: number;
      /** Of the same product in the back room at this moment. */
      readonly in_back_room: number;
    }
  /** `refill` is reached again. Between `minimum` and `refill` a gap that began goes on. */
  | { readonly kind: 'gap-ended'; readonly shelf: string; readonly gtin: string; readonly count: number };

/** Items by where they are. Items are never made or lost: `opening + delivered` is the sum of all others. */
export interface Census {
  readonly opening: number;
  readonly delivered: number;
  /** On their own shelf. */
  readonly on_shelves: number;
  /** On the shelf of another product. */
  readonly misplaced: number;
  readonly in_back_room: number;
  readonly at_dock: number;
  /** Carried by staff. */
  readonly with_staff: number;
  /** Carried by shoppers, paid or not, as long as they are inside. Paid items count under `sold` only. */
  readonly in_baskets: number;
  /** Abandoned, not collected yet. */
  readonly lying_about: number;
  readonly sold: number;
  readonly stolen: number;
}

/** The last record. Gaps and excursions that are open stay without their end. */
export interface Ended {
  readonly kind: 'ended';
  /** Parties that came in, and persons. */
  readonly parties: number;
  readonly persons: number;
  readonly sales: number;
  readonly items: Census;
}
