/**
 * The bridge's life: take the lock, connect, replicate, and what happens in between when the edge is stopped, the link
 * is down, or nothing explains what was found. The outer loop owns all retrying; everything below it throws.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { HubError, messageOf } from '../../edge/contracts/errors.ts';
import type { Vector } from '../../edge/contracts/vector.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import type { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import { lagOf } from './batcher.ts';
import { EdgeClient } from './edge-client.ts';
import { endsWithConfiguration, Halt } from './halt.ts';
import { KafkaLink, type LinkOptions } from './kafka-link.ts';
import { type Connection, connect, reachOf } from './protocol.ts';
import { BatchSize, type Replication, Rhythm, replicate, waitForEvents } from './replicator.ts';
import { BridgeReport } from './report.ts';
import { StateFile } from './state.ts';

export interface BridgeOptions extends LinkOptions {
  /** The edge's folder: journal and socket. */
  readonly dataDir: string;
  /** The bridge's own folder. */
  readonly bridgeDir: string;
  /** Milliseconds. */
  readonly linger: number;
  /** Milliseconds. */
  readonly retryMax: number;
  readonly metrics: BridgeMetrics;
  /** Hears of each completed protocol step; tests stop there. */
  readonly observe?: (step: string) => void;
}

/** How often a planned wait looks again, ms. */
const LOOK_MS = 2_000;
const PROGRESS_MS = 5_000;
/** A stop lets a running transaction end for so long, ms; then it is given up, which is as safe. */
const STOP_PATIENCE_MS = 4_000;

export class BridgeDaemon {
  readonly report: BridgeReport;
  readonly #options: BridgeOptions;
  readonly #logger: Logger;
  readonly #edge: EdgeClient;
  readonly #size = new BatchSize();
  readonly #rhythm = new Rhythm();
  readonly #stopping = new AbortController();
  #state: StateFile | undefined;
  #journal: JournalReader | undefined;
  #link: KafkaLink | undefined;
  #failures = 0;
  #lastLag: Vector = {};
  #running: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#edge = new EdgeClient(options.dataDir);
    this.report = new BridgeReport(options.metrics, () => this.#lag());
  }

  /** Resolves after `stop`. Throws BRIDGE_LOCKED, JOURNAL_NEWER for the bridge's own state, JOURNAL_NOT_FULL_SYNC. */
  run(): Promise<void> {
    this.#running ??= Promise.race([this.#live(), this.#givenUp()]).finally(() => this.#letGo());
    return this.#running;
  }

  /** Ends within 5 s: a running transaction is finished or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
  }

  /** Resolves some time after the stop was asked for: whatever runs then is not waited for. */
  async #givenUp(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await pause(STOP_PATIENCE_MS, undefined, { ref: false });
    await this.#disconnect();
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      const state = StateFile.open(this.#options.bridgeDir);
      this.#state = state;
      const cleanBefore = state.state.stoppedCleanly;
      const { halt } = state.state;
      if (halt && endsWithConfiguration(halt.code)) state.save({ halt: null });
      try {
        if (state.state.halt) throw new Halt('as-recorded', state.state.halt.reason);
        state.save({ stoppedCleanly: false });
        if (!cleanBefore) await this.#backOff('starting after an unclean stop');
        while (!this.#stopped) await this.#once(state);
        state.save({ stoppedCleanly: true });
      } catch (error) {
        if (!(error instanceof Halt)) throw error;
        await this.#standStill(state, error);
      }
    }
  }

  /** One connection, and the wait that follows it. Throws Halt only. */
  async #once(state: StateFile): Promise<void> {
    try {
      await this.#edge.isThere();
      const connection = this.#connection(state);
      const replication = this.#replication(connection);
      this.report.progress();
      await connect(connection);
      await replicate(replication);
      if (connection.told) state.save({ told: connection.told });
      await this.#disconnect();
      if (this.#stopped) return;
      this.#logger.info('disconnected until there is something to send');
      await waitForEvents(replication);
    } catch (error) {
      await this.#disconnect();
      // Whatever happened may have happened to the journal's file: it is opened anew.
      this.#lastLag = this.#lag();
      this.#journal?.close();
      this.#journal = undefined;
      if (error instanceof Halt) throw error;
      if (this.#stopped) return;
      if (error instanceof HubError && WAITING_WORDS[error.code]) await this.#waitForEdge(error);
      else await this.#failed(error);
    }
  }

  #connection(state: StateFile): Connection {
    const { hub, partition, dataDir, observe } = this.#options;
    this.#journal ??= JournalReader.open(dataDir);
    this.#link = new KafkaLink(this.#options);
    return {
      hub,
      partition,
      state,
      journal: this.#journal,
      edge: this.#edge,
      link: this.#link,
      now: Date.now,
      observe: (step) => {
        this.report.progress();
        if (step === 'comparePositions') this.#logger.info('head office, journal and record agree');
        if (step === 'commit') this.#failures = 0;
        observe?.(step);
      },
    };
  }

  #replication(connection: Connection): Replication {
    const { linger, metrics, logger } = this.#options;
    const signal = this.#stopping.signal;
    return { connection, size: this.#size, rhythm: this.#rhythm, linger, report: this.report, metrics, logger, signal };
  }

  async #failed(error: unknown): Promise<void> {
    this.#size.failed();
    this.#options.metrics.retries += 1;
    this.#logger.warn(
      { reason: messageOf(error), attempt: this.#failures + 1 },
      'off line: it begins again at the fence',
    );
    this.#logger.debug({ err: error }, 'what failed');
    await this.#backOff(`off line (${messageOf(error)})`);
  }

  /** Full jitter: after a regional outage a thousand bridges must not come back in the same second. */
  async #backOff(reason: string): Promise<void> {
    const ceiling = Math.min(this.#options.retryMax, 1_000 * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const until = performance.now() + Math.random() * ceiling;
    for (let left = until - performance.now(); left > 0 && !this.#stopped; left = until - performance.now()) {
      this.report.offline(`${reason}, retry in ${Math.ceil(left / 1000)} s`);
      await this.#pause(Math.min(left, PROGRESS_MS));
    }
  }

  async #waitForEdge(error: HubError): Promise<void> {
    const words = `${WAITING_WORDS[error.code]}: ${error.message}`;
    if (this.report.status().reason !== words) this.#logger.warn(words);
    this.report.waiting(words);
    await this.#pause(LOOK_MS);
  }

  /** Records the halt, lets go of the lock, and waits for an operator's `bridge resume` to clear it. */
  async #standStill(state: StateFile, halt: Halt): Promise<void> {
    const { bridgeDir, metrics } = this.#options;
    if (!state.state.halt) state.save({ halt: { reason: halt.message, code: halt.code, at: Date.now() } });
    metrics.halted(state.state.halt?.code ?? halt.code);
    this.#logger.error({ code: state.state.halt?.code }, `halted: ${halt.message}`);
    this.#letGo();
    let halted = true;
    while (halted && !this.#stopped) {
      this.report.halted(halt.message);
      await this.#pause(LOOK_MS);
      const seen = StateFile.peek(bridgeDir);
      halted = seen === undefined || seen.halt !== null;
    }
  }

  async #disconnect(): Promise<void> {
    await this.#link?.close();
    this.#link = undefined;
  }

  #letGo(): void {
    this.#lastLag = this.#lag();
    this.#journal?.close();
    this.#journal = undefined;
    this.#state?.close();
    this.#state = undefined;
  }

  #lag(): Vector {
    if (this.#journal && this.#state) this.#lastLag = lagOf(this.#journal, reachOf(this.#state.state));
    return this.#lastLag;
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** Errors that end when somebody starts or upgrades the other half of the hub. */
const WAITING_WORDS: Partial<Record<string, string>> = {
  EDGE_DOWN: 'waiting for the edge',
  JOURNAL_UNREADABLE: 'waiting for the journal',
  JOURNAL_NEWER: 'waiting: the journal was written by a newer version, upgrade the bridge',
};
