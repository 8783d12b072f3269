/** What truly happens in the simulated shop. Devices and the ledger hear of it; only the ledger hears everything. */

export interface PaidLine {
  readonly gtin: string;
  readonly quantity: number;
  /** Minor units for one. */
  readonly price: number;
}

export type Fact =
  | { readonly kind: 'entered' }
  | { readonly kind: 'left'; readonly unpaid: number }
  | { readonly kind: 'picked'; readonly shelf: string; readonly count: number }
  | { readonly kind: 'put-back'; readonly shelf: string; readonly count: number }
  /** Somebody wanted it and the shelf was empty. */
  | { readonly kind: 'missed'; readonly shelf: string }
  | { readonly kind: 'paid'; readonly transaction: string; readonly lines: readonly PaidLine[] }
  | { readonly kind: 'refilled'; readonly shelf: string; readonly count: number };

export type Witness = (fact: Fact) => void;
