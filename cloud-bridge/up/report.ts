/** What the bridge shows of itself: its state, why, what it sent last, and whether it makes progress. */
import type { Stream } from '../../edge/contracts/streams.ts';
import { topicOf } from '../../edge/contracts/streams.ts';
import type { Vector } from '../../edge/contracts/vector.ts';
import type { BridgeMetrics, BridgeState } from '../../edge/ops/bridge-metrics.ts';
import type { Readiness } from '../../edge/ops/health.ts';
import type { Batch } from './batcher.ts';

/** The last batch that head office confirmed. `offset` is that of the record `to`. */
export interface LastBatch {
  readonly batch: string;
  readonly streams: Partial<Record<Stream, { from: number; to: number; offset: number }>>;
  /** ISO 8601. */
  readonly at: string;
}

export interface BridgeStatus {
  readonly up: true;
  readonly state: BridgeState;
  readonly reason: string;
  /** Off line: which fault it is, in kebab-case. The reason says the same in words. */
  readonly fault?: string;
  /** Events of each stream that head office does not have. */
  readonly lag: Vector;
  /** Since the start of this process; bytes as CloudEvents, before compression. */
  readonly sent: { readonly events: number; readonly bytes: number };
  readonly last?: LastBatch;
}

/** A bridge without a completed step or a planned wait for so long is stuck, ms. */
const STUCK_AFTER = 120_000;

export class BridgeReport {
  readonly #metrics: BridgeMetrics;
  readonly #lag: () => Vector;
  readonly #onProgress: () => void;
  #reason = 'starting';
  #fault: string | undefined;
  #last: LastBatch | undefined;
  #progressed = performance.now();

  /** `lag` is asked when somebody looks; `onProgress` hears each time that something was done, or waits as planned. */
  constructor(metrics: BridgeMetrics, lag: () => Vector, onProgress: () => void = () => undefined) {
    this.#metrics = metrics;
    this.#lag = lag;
    this.#onProgress = onProgress;
    metrics.watch({ lag });
  }

  /** A protocol step was completed, or a planned wait goes on. */
  progress(): void {
    this.#progressed = performance.now();
    this.#onProgress();
  }

  /** One line for `systemctl status`. */
  line(): string {
    return `${this.#metrics.state}: ${this.#reason}`;
  }

  sending(events: number): void {
    this.#set('sending', `sending ${events} events`);
  }

  idle(reason: string): void {
    this.#set('idle', reason);
  }

  /** `fault`: why, in kebab-case. */
  offline(reason: string, fault?: string): void {
    this.#set('offline', reason, fault);
  }

  waiting(reason: string): void {
    this.#set('waiting', reason);
  }

  halted(reason: string): void {
    this.#set('halted', reason);
  }

  sent(batch: Batch, offsets: ReadonlyMap<string, number>, id: string, now: number): void {
    const streams = batch.ranges.map(({ stream, from, to }) => [
      stream,
      { from, to, offset: offsets.get(topicOf(stream)) ?? -1 },
    ]);
    this.#last = { batch: id, streams: Object.fromEntries(streams), at: new Date(now).toISOString() };
    this.progress();
  }

  status(): BridgeStatus {
    const { state, sentEvents, sentBytes } = this.#metrics;
    return {
      up: true,
      // To whoever asks, a bridge that waits for the edge is off line; the reason says why.
      state: state === 'waiting' ? 'offline' : state,
      reason: this.#reason,
      ...(this.#fault ? { fault: this.#fault } : {}),
      lag: this.#lag(),
      sent: { events: sentEvents, bytes: sentBytes },
      ...(this.#last ? { last: this.#last } : {}),
    };
  }

  /** Off line, halted and waiting are reasons, not failures: a restart would not mend them. */
  readiness(): Readiness {
    const { state } = this.#metrics;
    const silent = performance.now() - this.#progressed;
    if (silent > STUCK_AFTER) {
      return { ready: false, reasons: [`no progress for ${Math.round(silent / 1000)} s while ${this.#reason}`] };
    }
    return { ready: true, reasons: state === 'sending' || state === 'idle' ? [] : [this.#reason] };
  }

  #set(state: BridgeState, reason: string, fault?: string): void {
    this.#metrics.state = state;
    this.#fault = fault;
    this.#reason = reason;
    this.progress();
  }
}
