/** What truly happens in the simulated shop. Devices and the ledger hear of it; only the ledger hears everything. */

export interface PaidLine {
  readonly gtin: string;
  readonly quantity: number;
  /** Minor units for one. */
  readonly price: number;
}

/** A shopper, as only the world knows them: devices see the app at most. */
export interface Who {
  /** Counts from 1 as they come in. */
  readonly number: number;
  /** Pseudonym of the shop's app; absent: they carry none. */
  readonly app?: string | undefined;
}

/** What a shopper's phone shows. */
export interface ShownOffer {
  readonly id: string;
  readonly campaign: string;
  readonly gtin: string;
  readonly text: string;
  /** Of a coupon. */
  readonly code?: string | undefined;
}

export type Fact =
  | { readonly kind: 'entered'; readonly who: Who }
  | { readonly kind: 'left'; readonly who: Who; readonly unpaid: number }
  | { readonly kind: 'consent'; readonly who: Who; readonly granted: boolean }
  | { readonly kind: 'zone-entered'; readonly who: Who; readonly zone: string }
  | { readonly kind: 'zone-left'; readonly who: Who; readonly zone: string }
  | { readonly kind: 'offered'; readonly who: Who; readonly offer: ShownOffer }
  /** It left the phone before it was used. */
  | { readonly kind: 'offer-gone'; readonly who: Who; readonly offer: ShownOffer }
  | { readonly kind: 'picked'; readonly who: Who; readonly shelf: string; readonly count: number }
  | { readonly kind: 'put-back'; readonly shelf: string; readonly count: number }
  /** Somebody wanted it and the shelf was empty. */
  | { readonly kind: 'missed'; readonly shelf: string }
  | {
      readonly kind: 'paid';
      readonly who: Who;
      readonly transaction: string;
      readonly lines: readonly PaidLine[];
      /** Coupons they show for what is in the basket. */
      readonly coupons: readonly ShownOffer[];
    }
  | { readonly kind: 'refilled'; readonly shelf: string; readonly count: number };

export type Witness = (fact: Fact) => void;
