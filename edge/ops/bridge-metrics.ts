/** The bridge's figures: what goes up to head office, how far behind it is, and why it stands still. */
import { Histogram, Registry } from 'prom-client';
import { STREAMS } from '../contracts/streams.ts';
import type { Vector } from '../contracts/vector.ts';
import { BATCH_BUCKETS, DURATION_BUCKETS, largestFirst, rateMetrics } from './metric-shapes.ts';
import { counter, gauge, type PulledMetric, pulled, type Sample } from './pulled-metrics.ts';
import { RateWindow } from './rate-window.ts';

const BRIDGE_STATES = ['sending', 'idle', 'offline', 'halted', 'waiting'] as const;
export type BridgeState = (typeof BRIDGE_STATES)[number];

/** Asked for at each scrape, never in between. */
export interface BridgeSources {
  /** Events in the journal that head office does not have, by stream. */
  readonly lag?: () => Vector;
}

/** Set and count in the public fields; `registry` shows them. */
export class BridgeMetrics {
  readonly registry = new Registry();
  state: BridgeState = 'waiting';
  sentEvents = 0;
  /** Bytes of the events as CloudEvents, before compression. */
  sentBytes = 0;
  /** Bytes as they went over the link, where that is known. */
  wireBytes: number | undefined;
  /** Transactions committed. */
  batches = 0;
  retries = 0;
  /** Epoch ms of the last committed transaction or confirmed position. */
  lastSuccess: number | undefined;
  /** How often the bridge halted, by reason in kebab-case. */
  readonly halts = new Map<string, number>();
  /** How often the way to head office failed, by fault in kebab-case. */
  readonly faults = new Map<string, number>();
  readonly out: RateWindow;
  readonly #seconds: Histogram;
  readonly #events: Histogram;
  #sources: BridgeSources = {};

  /** `now`: a monotonic clock in milliseconds, for the rates. */
  constructor(now?: () => number) {
    this.out = new RateWindow(now);
    this.#seconds = new Histogram({
      name: 'store_hub_bridge_transaction_seconds',
      help: 'Time of one Kafka transaction from reserve to commit, in seconds.',
      buckets: [...DURATION_BUCKETS, 30],
      registers: [this.registry],
    });
    this.#events = new Histogram({
      name: 'store_hub_bridge_transaction_events',
      help: 'Events in one Kafka transaction.',
      buckets: BATCH_BUCKETS,
      registers: [this.registry],
    });
    const meaning = 'out: events committed in Kafka.';
    for (const metric of [...bridgeMetrics(this, () => this.#sources), ...rateMetrics({ out: this.out }, meaning)]) {
      pulled(this.registry, metric);
    }
  }

  watch(sources: BridgeSources): void {
    this.#sources = { ...this.#sources, ...sources };
  }

  /** One Kafka transaction is committed: its time in seconds, its events, their bytes before compression. */
  committed(seconds: number, events: number, bytes: number): void {
    this.#seconds.observe(seconds);
    this.#events.observe(events);
    this.batches += 1;
    this.sentEvents += events;
    this.sentBytes += bytes;
    this.out.add(events, bytes);
    this.lastSuccess = Date.now();
  }

  /** An attempt toward head office failed; `fault` in kebab-case. */
  faulty(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  /** The bridge stands still until an operator acts; `reason` in kebab-case. */
  halted(reason: string): void {
    this.state = 'halted';
    this.halts.set(reason, (this.halts.get(reason) ?? 0) + 1);
  }
}

function* lagSamples(lag: Vector): Iterable<Sample> {
  for (const stream of STREAMS) yield { labels: { stream }, value: lag[stream] ?? 0 };
}

function bridgeMetrics(metrics: BridgeMetrics, sources: () => BridgeSources): readonly PulledMetric[] {
  return [
    gauge(
      'bridge_state',
      '1 for the state the bridge is in. Off line and idle are healthy; halted needs an operator: see `store-hub status`; waiting: the edge is stopped.',
      () => BRIDGE_STATES.map((state) => ({ labels: { state }, value: Number(state === metrics.state) })),
      'state',
    ),
    counter('bridge_sent_events_total', 'Events committed in Kafka.', () => metrics.sentEvents),
    counter(
      'bridge_sent_bytes_total',
      'Bytes of the events committed in Kafka, before compression.',
      () => metrics.sentBytes,
    ),
    counter(
      'bridge_wire_bytes_total',
      'Bytes sent over the link to Kafka, compressed: what the line is charged for.',
      () => metrics.wireBytes,
    ),
    counter('bridge_batches_total', 'Kafka transactions committed.', () => metrics.batches),
    gauge(
      'bridge_lag_events',
      'Events in the journal that head office does not have yet, by stream.',
      () => {
        const lag = sources().lag?.();
        return lag && lagSamples(lag);
      },
      'stream',
    ),
    counter(
      'bridge_halts_total',
      'How often the bridge halted rather than risk a gap or a duplicate, by reason.',
      () => largestFirst('reason', metrics.halts),
      'reason',
    ),
    counter(
      'bridge_faults_total',
      'How often the way to head office failed, by fault; the log and `store-hub status` say what to do about each.',
      () => largestFirst('fault', metrics.faults),
      'fault',
    ),
    counter(
      'bridge_retries_total',
      'How often a step toward Kafka failed and was begun again; a line that comes and goes.',
      () => metrics.retries,
    ),
    gauge(
      'bridge_last_success_age_seconds',
      'Seconds since head office last confirmed something; absent before the first time.',
      () => (metrics.lastSuccess === undefined ? undefined : Math.max(0, (Date.now() - metrics.lastSuccess) / 1000)),
    ),
  ];
}
