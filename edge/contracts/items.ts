/** Items with RFID tags, as the hub knows them. */

/** One that is in the shop. */
export interface KnownItem {
  /** Pure identity URI, or hex where the hub does not read the scheme. */
  readonly epc: string;
  readonly zone: string;
  /** In this zone since, and in the shop since: epoch ms. */
  readonly since: number;
  readonly arrived: number;
  readonly gtin: string | null;
  readonly serial: string | null;
  readonly sscc: string | null;
  /** That told where it is. */
  readonly reader: string;
  readonly antenna: number | null;
}

/** Which items are asked for; nothing: all. */
export interface ItemsWanted {
  readonly zone?: string | undefined;
  /** 14 digits. */
  readonly gtin?: string | undefined;
}

export interface ZoneCount {
  readonly zone: string;
  readonly items: number;
  /** Different products among them. */
  readonly products: number;
}
