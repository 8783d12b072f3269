/**
 * What a rule is. A rule is pure: it gets its state, what happened, what the shop looks like and the time, and returns
 * the new state, its decisions and when it wants to be woken. It reads no clock, no file, no socket; so a crash
 * neither loses nor repeats a decision, and a throw concerns one key only.
 */
import type { Alert } from '../contracts/alerts.ts';
import type { Campaign, NoOfferReason } from '../contracts/campaigns.ts';
import type { CodecName } from '../contracts/devices.ts';
import type { EventType } from '../contracts/events.ts';
import type { Facing } from '../contracts/planogram.ts';
import type { OfferViews } from './offer-views.ts';

/** Time as a rule sees it: durations on `elapsed`, calendar values and texts on `wall`. Milliseconds. */
export interface RuleTime {
  readonly elapsed: number;
  readonly wall: number;
}

/** An event as rules see it. */
export interface RuleEvent {
  readonly id: string;
  readonly type: EventType;
  /** Device name, or a part of the hub such as `rules/shelf-gap`. */
  readonly source: string;
  readonly subject: string;
  /** A record of the past: it may be counted, but decides nothing about now. */
  readonly history: boolean;
  /** The event's data; check with the catalogue's schema where a rule needs more than it can be sure of. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Wake {
  readonly wake: true;
}

export type RuleInput = RuleEvent | Wake;

export function isWake(input: RuleInput): input is Wake {
  return 'wake' in input;
}

/** What a rule decides: an event to be journaled. The engine adds `events`, the ids of what caused it, to the data. */
export interface Decision {
  readonly type: EventType;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Ids of earlier events that caused it; absent: the event or wake of this step. */
  readonly causes?: readonly string[];
}

/** A device of the configuration, or a way by which several come. */
export interface DeviceView {
  readonly codec?: CodecName;
  /** Where it stands, in words for staff. */
  readonly place?: string | undefined;
  /** In words for staff: what it is and where to look; names of the devices behind it. */
  readonly way?: { readonly title: string; readonly look: string; readonly behind: readonly string[] };
}

/** The shop as the hub knows it now, shared by all rules. */
export interface Views {
  facing(shelf: string): Facing | undefined;
  /** What the hub last knew to be on a shelf. */
  level(shelf: string): { gtin: string; count: number } | undefined;
  /** Items of a product on the shelves of a zone; a shelf of which nothing is known holds none. */
  onShelf(zone: string, gtin: string): number;
  /** Where the planogram puts a product in a zone. */
  shelvesOf(zone: string, gtin: string): readonly Facing[];
  /** Zones of the planogram and of campaigns. */
  readonly zones: readonly string[];
  /** Every campaign, best first. */
  readonly campaigns: readonly Campaign[];
  /** Those of a zone, best first. */
  campaignsIn(zone: string): readonly Campaign[];
  /** Whether the store's calendar day at this wall clock (epoch ms) is one of the campaign's. */
  runs(campaign: Campaign, wall: number): boolean;
  /** Epoch ms at which the store's next calendar day begins. */
  nextDay(wall: number): number;
  /** Whether a shopper (keyed pseudonym) has granted consent. */
  consented(shopper: string): boolean;
  /** When (elapsed) a shopper was last sighted, unchanged sightings included; nothing: not since the start. */
  sighted(shopper: string): number | undefined;
  readonly offers: OfferViews;
  /** Epoch ms -> date and time in the store, such as `2026-11-20 10:36`, for staff. */
  clockAt(wall: number): string;
  /** A device of the configuration, one for which a gateway's entry speaks, or a way; nothing: it is none of them. */
  device(name: string): DeviceView | undefined;
  /** A new id for an alert or an offer, a pure function of what caused it. */
  newId(): string;
}

export interface Step<State> {
  readonly state: State;
  readonly decisions: readonly Decision[];
  /** Somebody could have had an offer now and got none; counted, not journaled. */
  readonly noOffer?: { readonly zone: string; readonly campaign: string; readonly reason: NoOfferReason };
  /** On the elapsed clock; absent: no wake. Each step says it anew. */
  readonly wakeAt?: number;
}

export interface Rule<State> {
  /** kebab-case; it names the alerts of the rule and its rows. */
  readonly name: string;
  /** A new version converts the states of the old one, or begins anew. */
  readonly version: number;
  readonly subscribes: readonly EventType[];
  /** Where events are many and few concern the rule: a cheap look at an event's data (JSON text) before it is parsed. */
  glance?(type: EventType, data: string, subject: string, offers: OfferViews): boolean;
  /**
   * Which rows of state an event concerns; nothing: none. Where they are many hundreds, most of them are woken soon
   * after it instead, so that devices do not wait: such a rule decides by what the shop looks like, not by the event.
   */
  keyOf(event: RuleEvent, views: Views): string | readonly string[] | undefined;
  readonly initial: State;
  /** Its wakes decide what may wait: while no new facts can be stored they do not run, and stay due. */
  readonly needsRoom?: true;
  step(state: State, input: RuleInput, views: Views, now: RuleTime, key: string): Step<State>;
  /** The state of an older version as one of this; without it such a key begins anew. */
  convert?(state: unknown, version: number): State;
  /**
   * The state of a key whose own was lost, while this alert of it is open: after a salvage. The key is the alert's
   * subject. Without it nobody but staff ends such an alert.
   */
  adopt?(alert: Omit<Alert, 'events'>): State;
}
