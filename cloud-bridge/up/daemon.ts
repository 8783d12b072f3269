/**
 * The bridge's life: take the lock, connect, replicate, and what happens in between when the edge is stopped, the link
 * is down, or nothing explains what was found. The outer loop owns all retrying; everything below it throws.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { HubError, isDamage } from '../../edge/contracts/errors.ts';
import type { Vector } from '../../edge/contracts/vector.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import type { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import { BatchSize } from './batch-size.ts';
import { lagOf, total } from './batcher.ts';
import { EdgeClient } from './edge-client.ts';
import type { LinkFault } from './fault.ts';
import { endsWithConfiguration, Halt } from './halt.ts';
import type { CloudSecrets } from './kafka-access.ts';
import { KafkaLink, type LinkOptions } from './kafka-link.ts';
import { LinkFailure } from './link-failure.ts';
import { linkFault } from './link-fault.ts';
import { Outage } from './outage.ts';
import { type Connection, connect, reachOf } from './protocol.ts';
import { type Replication, Rhythm, replicate, waitForEvents } from './replicator.ts';
import { BridgeReport } from './report.ts';
import { type BridgeState, StateFile } from './state.ts';

export interface BridgeOptions extends LinkOptions {
  /** How the configuration says to get in, for the words about what goes wrong. */
  readonly cloud?: CloudSecrets;
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
  /** Hears when something was really done, and every few seconds of a planned wait. */
  readonly onProgress?: () => void;
}

/** How often a planned wait looks again, ms. */
const LOOK_MS = 2_000;
const PROGRESS_MS = 5_000;
/** Before smaller parts are tried, ms. */
const DIVIDE_MS = 100;
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
  readonly #outage: Outage;
  /** Failures since the last success, for the pauses between attempts. */
  #failures = 0;
  #lastState: BridgeState | undefined;
  #lastLag: Vector = {};
  #running: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#outage = new Outage(options.logger);
    this.#edge = new EdgeClient(options.dataDir);
    this.report = new BridgeReport(options.metrics, () => this.#lag(), options.onProgress);
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
      this.#journal?.close();
      this.#journal = undefined;
      if (error instanceof Halt) throw error;
      if (this.#stopped) return;
      // Only the edge can mend it, and it may not have met the place yet.
      if (isDamage(error) || (error instanceof Error && isDamage(error.cause)))
        await this.#edge.askForCheck().catch(() => undefined);
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
        if (step === 'commit' || (step === 'tellVerdict' && total(this.#lag()) === 0)) this.#succeeded();
        observe?.(step);
      },
    };
  }

  #replication(connection: Connection): Replication {
    const { linger, metrics, logger } = this.#options;
    const signal = this.#stopping.signal;
    return { connection, size: this.#size, rhythm: this.#rhythm, linger, report: this.report, metrics, logger, signal };
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#outage.over();
  }

  async #failed(error: unknown): Promise<void> {
    const { metrics } = this.#options;
    const fault = this.#faultOf(error);
    metrics.retries += 1;
    metrics.faulty(fault.code);
    this.#outage.failed(fault, error);
    // What can be divided is tried again soon: nothing has to be waited for.
    if (error instanceof LinkFailure && error.isDivisible) return this.#pause(DIVIDE_MS);
    await this.#backOff(`off line (${fault.words})`, fault.code);
  }

  #faultOf(error: unknown): LinkFault {
    const { hub, brokers, cloud } = this.#options;
    const login = cloud?.sasl && { username: cloud.sasl.username, mechanism: cloud.sasl.mechanism };
    const { tls } = cloud ?? {};
    return linkFault(error, { hub, brokers, tls: tls !== undefined, certificate: tls?.cert !== undefined, login });
  }

  /** Full jitter: after a regional outage a thousand bridges must not come back in the same second. */
  async #backOff(reason: string, fault?: string): Promise<void> {
    const ceiling = Math.min(this.#options.retryMax, 1_000 * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const until = performance.now() + Math.random() * ceiling;
    for (let left = until - performance.now(); left > 0 && !this.#stopped; left = until - performance.now()) {
      this.report.offline(`${reason}, retry in ${Math.ceil(left / 1000)} s`, fault);
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
    this.#lastState = this.#state?.state ?? this.#lastState;
    this.#journal?.close();
    this.#journal = undefined;
    this.#state?.close();
    this.#state = undefined;
  }

  /** As the journal stands now, halted or off line too: then it is opened for the moment. */
  #lag(): Vector {
    const state = this.#state?.state ?? this.#lastState;
    if (!state) return this.#lastLag;
    if (this.#journal) {
      this.#lastLag = lagOf(this.#journal, reachOf(state));
      return this.#lastLag;
    }
    let journal: JournalReader | undefined;
    try {
      journal = JournalReader.open(this.#options.dataDir);
      this.#lastLag = lagOf(journal, reachOf(state));
    } catch (error) {
      // It is just being exchanged, or not there yet: what was known last is the best there is.
      this.#logger.debug({ err: error }, 'the journal cannot be read for the lag');
    } finally {
      journal?.close();
    }
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
  JOURNAL_DAMAGED: 'waiting for the edge to mend the journal',
  JOURNAL_NEWER: 'waiting: the journal was written by a newer version, upgrade the bridge',
};
