/**
 * What crosses between the main thread and the writer's thread. Deliveries go over as one flat array of strings and
 * numbers: structured clone of thousands of small objects would cost more than the work itself.
 */
import type { Alert, AlertCommand } from './contracts/alerts.ts';
import type { NoOfferReason } from './contracts/campaigns.ts';
import type {
  AcknowledgeRequest,
  NewIncarnationRequest,
  RefillRequest,
  ReserveRequest,
  ResumedRequest,
} from './contracts/edge-socket.ts';
import type { EventType } from './contracts/events.ts';
import type { AcceptedReading, Delivery, Part, Receipt, Refusal, SourcePosition } from './contracts/intake.ts';
import type { Claim } from './contracts/offers.ts';
import { KINDS, type Kind } from './contracts/readings.ts';
import type { Handshake, SessionChange } from './contracts/sessions.ts';
import type { Stream } from './contracts/streams.ts';
import type { Dropping } from './dropping.ts';
import type { ItemFigures } from './items.ts';
import type { OutMessage } from './notify/outbox.ts';
import type { HeardDevice } from './sensing/liveness.ts';

/** Everything else that enters the journal: one answer each. */
export type Request =
  | { readonly op: 'act'; readonly command: AlertCommand }
  | { readonly op: 'beat'; readonly buffer: { events: number; oldest_age_s: number }; readonly synced: boolean }
  | { readonly op: 'discard'; readonly letter: string }
  | { readonly op: 'delivered'; readonly ids: readonly number[] }
  | { readonly op: 'reserve'; readonly request: ReserveRequest }
  | { readonly op: 'acknowledge'; readonly request: AcknowledgeRequest }
  | { readonly op: 'refill'; readonly request: RefillRequest }
  | { readonly op: 'new-incarnation'; readonly request: NewIncarnationRequest }
  | { readonly op: 'resumed'; readonly request: ResumedRequest }
  /** A till asks whether an offer may be redeemed; answered with a ClaimAnswer. */
  | { readonly op: 'claim'; readonly claim: Claim }
  /** A shopper's device showed the offer; answered with whether there is such an offer. */
  | { readonly op: 'offer-seen'; readonly offer: string }
  /** A screen showed a zone's offer; answered likewise. */
  | { readonly op: 'offer-played'; readonly offer: string; readonly screen: string; readonly seconds: number }
  /** Everything that leads to this person is destroyed; answered with whether there was anything. */
  | { readonly op: 'erase'; readonly shopper: string }
  /** Configured devices that were heard since the last time. */
  | { readonly op: 'heard'; readonly devices: readonly HeardDevice[] }
  /** How far a source was read; answered with text or nothing. */
  | { readonly op: 'position'; readonly source: string }
  /** All of the sources whose names begin so; answered with a list of them. */
  | { readonly op: 'positions'; readonly prefix: string }
  /** They are read no more. */
  | { readonly op: 'forget-positions'; readonly sources: readonly string[] }
  | { readonly op: 'sessions'; readonly changes: readonly SessionChange[] };

export type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

export type Packed = (string | number | null)[];

export interface Batch {
  /** Packed deliveries, in order of receipt; a refusal stands in it by its index. */
  readonly deliveries: Packed;
  readonly count: number;
  readonly refusals: readonly Refusal[];
  readonly requests: readonly Request[];
  /** Whether the wall clock has been synchronised since boot. */
  readonly synced: boolean;
}

export interface Reply {
  /** For each delivery, in order. Undefined: accepted, one reading, not a repeat (nearly all of them). */
  readonly receipts: readonly (Receipt | undefined)[];
  readonly answers: readonly Answer[];
  readonly out: readonly OutMessage[];
  readonly alerts: readonly Alert[];
  /** Topics of shoppers: what waits for their readers is not sent any more. It is older than `out`. */
  readonly silenced: readonly string[];
  readonly figures: Figures;
}

/** What a batch has to tell when it is committed. */
export type Told = Pick<Reply, 'out' | 'alerts' | 'silenced'>;

export const NOTHING_TOLD: Told = { out: [], alerts: [], silenced: [] };

/** What happened in a batch, for metrics and health. */
export interface Figures {
  readonly appended: readonly { type: EventType; count: number; bytes: number }[];
  readonly conflicting: Readonly<Partial<Record<Kind, number>>>;
  readonly committed: boolean;
  /** Milliseconds from BEGIN to the end of COMMIT. */
  readonly commitMs: number;
  /** Why the writer refuses facts now; nothing when it takes them. */
  readonly refusing: string | undefined;
  /** What does not go as it should although facts are taken. */
  readonly trouble: string | undefined;
  readonly quarantined: readonly { rule: string; key: string; fault: string }[];
  /** Devices that are silent. */
  readonly quiet: readonly string[];
  /** Sensing states given up since start, because there were too many. */
  readonly forgotten: number;
  /** Since start: sales whose shopper was left out for want of consent. */
  readonly shoppersRemoved: number;
  /** Since start: moments in which somebody could have had an offer and got none. */
  readonly noOffers: Readonly<Record<NoOfferReason, number>>;
  /** Since start: shoppers.db could not be used as it was. */
  readonly shoppersLost: boolean;
  /** Dead letters that left by age or size since start. */
  readonly lettersExpired: number;
  readonly usedBytes: number;
  readonly walBytes: number;
  /** What head office does not have, as a share of the disk budget. */
  readonly filled: number;
  /** Events dropped for want of space since start, by stream. */
  readonly dropped: Readonly<Partial<Record<Stream, number>>>;
  /** A time of dropping that is to be told of still. */
  readonly dropping: Dropping | undefined;
  readonly items: ItemFigures;
}

const REFUSAL = -1;
const HANDSHAKE = -2;
const SHOPPERS = -3;
const EXTRAS = -4;
const ALSO = -5;

export function packDelivery(into: Packed, delivery: Delivery): void {
  // Stands before the unit that it belongs to; a refusal carries its own.
  if (delivery.handshake !== undefined) into.push(HANDSHAKE, delivery.handshake.client, delivery.handshake.packet);
  if (delivery.also !== undefined) into.push(ALSO, delivery.also.length);
  packPart(into, delivery, delivery.position);
  if (delivery.also !== undefined) for (const part of delivery.also) packPart(into, part, undefined);
}

function packPart(into: Packed, part: Part, position: SourcePosition | undefined): void {
  packExtras(into, part, position);
  packShoppers(into, part);
  into.push(KINDS.indexOf(part.kind), part.device, part.received, part.readings.length);
  for (const reading of part.readings) {
    into.push(reading.subject, reading.identity ?? null, reading.time ?? null, reading.body);
  }
}

/** What nearly no delivery has. */
interface Extras {
  /** Indexes of readings that are records of the past. */
  readonly history?: readonly number[];
  readonly position?: SourcePosition;
}

function packExtras(into: Packed, { readings }: Part, position: SourcePosition | undefined): void {
  let history: number[] | undefined;
  for (let i = 0; i < readings.length; i += 1) {
    if (readings[i]?.history !== true) continue;
    history ??= [];
    history.push(i);
  }
  if (history === undefined && position === undefined) return;
  // Absent fields are undefined here, and JSON leaves them out.
  into.push(EXTRAS, JSON.stringify({ history, position }));
}

/** Few readings name one, so they cross beside the unit: their number, then index and pseudonym of each. */
function packShoppers(into: Packed, { readings }: Part): void {
  const named: Packed = [];
  for (const [index, { shopper }] of readings.entries()) if (shopper !== undefined) named.push(index, shopper);
  if (named.length > 0) into.push(SHOPPERS, named.length / 2, ...named);
}

export function packRefusal(into: Packed, index: number): void {
  into.push(REFUSAL, index);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The next unit of a packed batch: a delivery, or the index of a refusal. */
export class Unpacker {
  readonly #packed: Packed;
  #at = 0;
  /** Of the delivery that `next` gave last. */
  handshake: Handshake | undefined;

  constructor(packed: Packed) {
    this.#packed = packed;
  }

  get done(): boolean {
    return this.#at >= this.#packed.length;
  }

  next(): Delivery | number {
    let kind = this.#number();
    this.handshake = undefined;
    if (kind === HANDSHAKE) {
      this.handshake = { client: this.#text(), packet: this.#number() };
      kind = this.#number();
    }
    if (kind === REFUSAL) return this.#number();
    if (kind !== ALSO) return this.#part(kind);
    let left = this.#number();
    const whole: Writable<Delivery> = this.#part(this.#number());
    const also: Part[] = [];
    for (; left > 0; left -= 1) also.push(this.#part(this.#number()));
    whole.also = also;
    return whole;
  }

  #part(first: number): Delivery {
    let kind = first;
    const extras = kind === EXTRAS ? (JSON.parse(this.#text()) as Extras) : undefined;
    if (extras) kind = this.#number();
    const shoppers = kind === SHOPPERS ? this.#shoppers() : undefined;
    if (shoppers) kind = this.#number();
    const device = this.#text();
    const received = this.#number();
    const readings: AcceptedReading[] = [];
    for (let left = this.#number(); left > 0; left -= 1) {
      const subject = this.#text();
      const identity = this.#packed[this.#at];
      const time = this.#packed[this.#at + 1];
      this.#at += 2;
      const reading: Writable<AcceptedReading> = {
        subject,
        identity: typeof identity === 'string' ? identity : undefined,
        time: typeof time === 'number' ? time : undefined,
        body: this.#text(),
      };
      // Set apart: spreads in the literal would cost more than all the rest.
      const index = readings.length;
      if (shoppers?.has(index)) reading.shopper = shoppers.get(index);
      if (extras?.history?.includes(index)) reading.history = true;
      readings.push(reading);
    }
    const known = KINDS[kind] ?? 'status';
    if (extras?.position === undefined) return { kind: known, device, received, readings };
    return { kind: known, device, received, readings, position: extras.position };
  }

  /** The next unit as a batch of its own, without the requests. */
  single(batch: Batch): Batch {
    const from = this.#at;
    this.next();
    return { ...batch, deliveries: this.#packed.slice(from, this.#at), count: 1, requests: [] };
  }

  #shoppers(): ReadonlyMap<number, string> {
    const shoppers = new Map<number, string>();
    for (let left = this.#number(); left > 0; left -= 1) shoppers.set(this.#number(), this.#text());
    return shoppers;
  }

  #number(): number {
    return this.#packed[this.#at++] as number;
  }

  #text(): string {
    return this.#packed[this.#at++] as string;
  }
}
