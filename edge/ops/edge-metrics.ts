/**
 * The edge's figures. Hot paths add to plain number fields, once per batch; what other rooms know is asked for when
 * somebody scrapes. Each HELP says what the figure means for the shop.
 */
import { Histogram, Registry } from 'prom-client';
import type { Alert } from '../contracts/alerts.ts';
import { NO_OFFER_REASONS } from '../contracts/campaigns.ts';
import { EVENT_TYPES, type EventType, streamOf } from '../contracts/events.ts';
import { isKind, KINDS, type Kind } from '../contracts/readings.ts';
import { JOURNAL_STREAMS, type JournalStream, STREAMS, type Stream } from '../contracts/streams.ts';
import { type DeviceFigures, deviceMetrics } from './device-metrics.ts';
import { type DoorSnapshot, doorMetrics } from './door-metrics.ts';
import { BATCH_BUCKETS, DURATION_BUCKETS, largestFirst, rateMetrics, samples, zeros } from './metric-shapes.ts';
import { counter, gauge, type PulledMetric, pulled } from './pulled-metrics.ts';
import { RateWindow } from './rate-window.ts';

/** A known kind, or `other`: what a device calls its readings must not become a label. */
export type KindLabel = Kind | 'other';
const KIND_LABELS: readonly KindLabel[] = [...KINDS, 'other'];

export function kindLabel(kind: string): KindLabel {
  return isKind(kind) ? kind : 'other';
}

/** Asked for at each scrape, never in between; what is not given yet shows no value. */
export interface EdgeSources {
  readonly buffer?: () => {
    readonly events: number;
    readonly bytes: number;
    /** Epoch ms. */
    readonly oldestReceived: number | undefined;
  };
  readonly journal?: () => {
    readonly usedBytes: number;
    readonly walBytes: number;
    readonly budgetBytes: number;
    /** Share of the budget that head office does not have. */
    readonly filled: number;
  };
  readonly deadLetters?: () => { readonly letters: number; readonly bytes: number };
  /** Those that have not ended. */
  readonly alerts?: () => readonly Alert[];
  readonly door?: () => DoorSnapshot;
  readonly devices?: () => DeviceFigures;
  readonly outboxWaiting?: () => number;
  /** Quarantined keys by rule. */
  readonly quarantined?: () => ReadonlyMap<string, number>;
  readonly ready?: () => { readonly ready: boolean; readonly reasons: readonly string[] };
}

const namesOf = (stream: Stream): readonly string[] =>
  EVENT_TYPES.filter((type) => streamOf(type) === stream).map(shortName);
const OFFER_EVENTS = namesOf('offers');
const ITEM_EVENTS = namesOf('items');

/** `retail.offers.made.v1` -> `made`. */
function shortName(type: EventType): string {
  return type.split('.')[2] ?? type;
}

function alertsByRule(alerts: readonly Alert[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { rule } of alerts) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return counts;
}

function histogram(registry: Registry, name: string, help: string, buckets: readonly number[]): Histogram {
  return new Histogram({ name, help, buckets: [...buckets], registers: [registry] });
}

interface ItemGauges {
  readonly known: number;
  readonly unreadable: number;
  readonly turnedAway: number;
  /** Antennas that read nothing. */
  readonly dead: readonly unknown[];
}

/** Count in the public fields; `registry` shows them. */
export class EdgeMetrics {
  readonly registry = new Registry();
  readonly accepted = zeros(KIND_LABELS);
  readonly repeated = zeros(KIND_LABELS);
  readonly conflicting = zeros(KIND_LABELS);
  readonly refused = zeros(KIND_LABELS);
  /** Events committed, by stream. */
  readonly events: Record<JournalStream, number> = zeros(JOURNAL_STREAMS);
  /** Events dropped for want of space, by stream. */
  readonly dropped: Record<Stream, number> = zeros(STREAMS);
  /** Moments without an offer, by reason. */
  readonly noOffers = zeros(NO_OFFER_REASONS);
  /** Events of the stream `offers`, by what they say: `made`, `redeemed`, `flagged` ... */
  readonly offers: Record<string, number> = zeros(OFFER_EVENTS);
  notStored = 0;
  heartbeats = 0;
  clockSteps = 0;
  acknowledged = 0;
  lettersExpired = 0;
  sensingForgotten = 0;
  /** Items with an RFID tag: in the shop now, and sightings of which nothing came. */
  items: ItemGauges = { known: 0, unreadable: 0, turnedAway: 0, dead: [] };
  /** Facts of the stream `items`: `arrived`, `moved`, `departed`. */
  readonly itemEvents: Record<string, number> = zeros(ITEM_EVENTS);
  /** Readings and payload bytes that came in at the door. */
  readonly in: RateWindow;
  /** Events and bytes that the journal committed; `committed` adds them. */
  readonly stored: RateWindow;
  /** Events and bytes that head office acknowledged. */
  readonly out: RateWindow;
  readonly #commitSeconds = histogram(
    this.registry,
    'store_hub_commit_seconds',
    'Time of one transaction from begin to synced, in seconds. Devices wait this long for an acknowledgement; a slow or worn disk shows here first.',
    DURATION_BUCKETS,
  );
  readonly #commitEvents = histogram(
    this.registry,
    'store_hub_commit_events',
    'Events that one transaction wrote. Large batches under load are right: they share one sync.',
    BATCH_BUCKETS,
  );
  #sources: EdgeSources = {};

  /** `now`: a monotonic clock in milliseconds, for the rates. */
  constructor(now?: () => number) {
    this.in = new RateWindow(now);
    this.stored = new RateWindow(now);
    this.out = new RateWindow(now);
    const ways = { in: this.in, stored: this.stored, out: this.out };
    const meaning = 'in: readings from devices; stored: events in the journal; out: events that head office has.';
    const sources = (): EdgeSources => this.#sources;
    for (const metric of [
      ...counted(this),
      ...rateMetrics(ways, meaning),
      ...asked(sources),
      ...doorMetrics(() => this.#sources.door?.() ?? {}),
      ...deviceMetrics(() => this.#sources.devices?.()),
    ]) {
      pulled(this.registry, metric);
    }
  }

  /** Adds what is asked for at a scrape; a later source replaces an earlier one of the same name. */
  watch(sources: EdgeSources): void {
    this.#sources = { ...this.#sources, ...sources };
  }

  /** Events of a type are committed. */
  journaled(type: EventType, count: number): void {
    const stream = streamOf(type);
    this.events[stream] += count;
    if (stream === 'items') this.itemEvents[shortName(type)] = (this.itemEvents[shortName(type)] ?? 0) + count;
    if (stream === 'offers') this.offers[shortName(type)] = (this.offers[shortName(type)] ?? 0) + count;
  }

  /** One transaction is on disk: how long it took (seconds) and what it wrote (events, bytes). */
  committed(seconds: number, events: number, bytes: number): void {
    this.#commitSeconds.observe(seconds);
    this.#commitEvents.observe(events);
    this.stored.add(events, bytes);
  }
}

function counted(metrics: EdgeMetrics): readonly PulledMetric[] {
  return [
    counter(
      'readings_accepted_total',
      'Readings taken from devices, by kind. Presence, consent and RFID readings count here even where nothing of them is kept.',
      () => samples('kind', metrics.accepted),
      'kind',
    ),
    counter(
      'readings_repeated_total',
      'Readings that a device sent again and that were already stored: acknowledged, not stored twice.',
      () => samples('kind', metrics.repeated),
      'kind',
    ),
    counter(
      'readings_conflicting_total',
      'Repeats whose content differs from what was stored first. A device that uses an id twice loses the second reading: look at its ids.',
      () => samples('kind', metrics.conflicting),
      'kind',
    ),
    counter(
      'readings_refused_total',
      'Deliveries kept as dead letters because they could not be understood: see `store-hub dead-letters list`.',
      () => samples('kind', metrics.refused),
      'kind',
    ),
    counter(
      'deliveries_not_stored_total',
      'Deliveries that could not be stored and were not acknowledged; devices send them again. Rising: the disk is full or failing.',
      () => metrics.notStored,
    ),
    counter(
      'events_total',
      'Events committed to the journal, by stream.',
      () => samples('stream', metrics.events),
      'stream',
    ),
    counter(
      'events_dropped_total',
      'Events that the hub let go before head office had them, because `journal.disk_budget` was used up, by stream. Each is named in a dropped event.',
      () => samples('stream', metrics.dropped),
      'stream',
    ),
    counter(
      'dead_letters_expired_total',
      'Dead letters that left unread: 30 days old, or pushed out by 64 MiB of newer ones.',
      () => metrics.lettersExpired,
    ),
    counter(
      'sensing_forgotten_total',
      'Shelves, counters and devices whose last state the hub gave up, because more than 100,000 names were sent: the least recently used go. Rising: somebody sends ever new names.',
      () => metrics.sensingForgotten,
    ),
    counter(
      'no_offer_total',
      'Moments in which a shopper could have had an offer and got none, by reason; for want of consent every sighting counts. `store-hub offers` says which campaigns.',
      () => samples('reason', metrics.noOffers),
      'reason',
    ),
    counter(
      'offer_events_total',
      'What became of offers, by what happened. `flagged` is what looks like abuse: `store-hub offers` shows the evidence.',
      () => samples('event', metrics.offers),
      'event',
    ),
    counter(
      'item_events_total',
      'What RFID readers told of items: arrived, moved, departed. Many moves of few items: antennas of neighbouring zones hear each other.',
      () => samples('event', metrics.itemEvents),
      'event',
    ),
    gauge('items_known', 'Items with an RFID tag that are in the shop.', () => metrics.items.known),
    gauge(
      'antennas_dead',
      'Antennas of RFID readers that read nothing, by the word of the reader or because many items were not read any more all at once. `store-hub devices list` names them.',
      () => metrics.items.dead.length,
    ),
    counter(
      'rfid_unreadable_total',
      'RFID sightings in zones of what is no EPC by the Tag Data Standard: not tracked. `store-hub items decode` says why.',
      () => metrics.items.unreadable,
    ),
    counter(
      'rfid_turned_away_total',
      'RFID sightings of new tags that were not tracked because too many were known already.',
      () => metrics.items.turnedAway,
    ),
    counter('events_acknowledged_total', 'Events that head office acknowledged.', () => metrics.acknowledged),
    counter(
      'heartbeats_total',
      'Heartbeats committed. They go on in a closed shop; when they stop, the journal is stuck.',
      () => metrics.heartbeats,
    ),
    counter(
      'clock_steps_total',
      'How often the wall clock of this box jumped by more than 5 s.',
      () => metrics.clockSteps,
    ),
  ];
}

function asked(sources: () => EdgeSources): readonly PulledMetric[] {
  const age = (received: number | undefined): number =>
    received === undefined ? 0 : Math.max(0, (Date.now() - received) / 1000);
  return [
    gauge('ready', '1 while the hub can accept and commit, else 0.', () => {
      const state = sources().ready?.();
      return state === undefined ? undefined : Number(state.ready);
    }),
    gauge(
      'degraded_reasons',
      'How many reasons `/health/ready` gives for not being in full health.',
      () => sources().ready?.().reasons.length,
    ),
    gauge('buffer_events', 'Events that head office has not acknowledged yet.', () => sources().buffer?.().events),
    gauge(
      'buffer_bytes',
      'Bytes of the events that head office has not acknowledged yet.',
      () => sources().buffer?.().bytes,
    ),
    gauge(
      'buffer_oldest_age_seconds',
      'Age of the oldest event that head office has not acknowledged, in seconds; 0 when it has all.',
      () => {
        const buffer = sources().buffer?.();
        return buffer && age(buffer.oldestReceived);
      },
    ),
    gauge(
      'journal_used_bytes',
      'Bytes of the journal in use; the disk budget bounds them together with the write-ahead log.',
      () => sources().journal?.().usedBytes,
    ),
    gauge(
      'journal_wal_bytes',
      "Bytes of the journal's write-ahead log. Over 256 MiB something keeps a reader open.",
      () => sources().journal?.().walBytes,
    ),
    gauge(
      'journal_budget_bytes',
      '`journal.disk_budget`: beyond it the least valuable events are dropped.',
      () => sources().journal?.().budgetBytes,
    ),
    gauge(
      'journal_filled_ratio',
      'Part of `journal.disk_budget` taken by what head office does not have, 0 to 1. From 0.9 on staff get an alert; at 1 events are dropped.',
      () => sources().journal?.().filled,
    ),
    gauge('dead_letters', 'Dead letters kept now.', () => sources().deadLetters?.().letters),
    gauge('dead_letter_bytes', 'Bytes of the dead letters kept now.', () => sources().deadLetters?.().bytes),
    gauge(
      'alerts_open',
      'Alerts that staff have not ended, by rule.',
      () => largestFirst('rule', alertsByRule(sources().alerts?.() ?? [])),
      'rule',
    ),
    gauge('outbox_waiting', 'Messages decided and not delivered yet, such as alerts on MQTT.', () =>
      sources().outboxWaiting?.(),
    ),
    gauge(
      'rule_keys_quarantined',
      'Shelves, shoppers or units for which a rule failed and is switched off until the next start, by rule.',
      () => largestFirst('rule', sources().quarantined?.()),
      'rule',
    ),
  ];
}
