/** When the store is open, in its own local time; the checked form of `hours` (config/hours.ts). */

/** Minutes of the day on which it opens; `until` is over 1440 where it closes after midnight. */
export interface OpenSpan {
  readonly from: number;
  readonly until: number;
}

export interface OpeningHours {
  /** Sunday first; a day without spans is closed. */
  readonly week: readonly (readonly OpenSpan[])[];
  /** `YYYY-MM-DD` -> what holds on that day instead. */
  readonly except: Readonly<Record<string, readonly OpenSpan[]>>;
}
