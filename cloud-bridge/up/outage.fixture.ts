/** What the tests of the link share: a shop with a bridge in this process, everything it logged, and the proof. */
import { type Logger, pino } from 'pino';
import { expect } from 'vitest';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import { verify } from '../hq/verify.ts';
import { BridgeDaemon, type BridgeOptions } from './daemon.ts';
import { type CloudSecrets, kafkaAccess } from './kafka-access.ts';
import { arrived, Shop } from './shop.fixture.ts';

type Stream = 'sales' | 'climate' | 'alerts';
type Change = Partial<BridgeOptions> & { readonly secrets?: CloudSecrets };

interface LogLine {
  readonly level: number;
  readonly part?: string;
  readonly fault?: string;
  readonly msg: string;
}

const PATIENCE = { timeoutMs: 90_000, everyMs: 50 };

export class LinkedShop {
  readonly shop: Shop;
  readonly partition = 1;
  /** Addresses that always work, for the proof. */
  readonly #office: readonly string[];
  /** Each line as it was written, debug too. */
  readonly lines: string[] = [];
  readonly #logger: Logger;
  #daemon: BridgeDaemon | undefined;
  /** Rejections of a bridge that ended by itself. */
  readonly ended: unknown[] = [];

  constructor(hub: string, office: readonly string[]) {
    this.shop = new Shop(hub);
    this.#office = office;
    this.#logger = pino({ level: 'debug' }, { write: (line: string) => this.lines.push(line) });
  }

  get daemon(): BridgeDaemon {
    if (!this.#daemon) throw new Error('no bridge was started');
    return this.#daemon;
  }

  /** Starts the bridge; `brokers` are the way it takes. */
  start(brokers: readonly string[], change: Change = {}): BridgeDaemon {
    const { secrets = {}, ...more } = change;
    const daemon = new BridgeDaemon({
      hub: this.shop.hub,
      partition: this.partition,
      brokers,
      access: () => kafkaAccess(secrets),
      cloud: secrets,
      logger: this.#logger.child({ part: 'link' }),
      clientLogger: this.#logger.child({ part: 'kafka' }),
      transactionTimeout: 10_000,
      dataDir: this.shop.dataDir,
      bridgeDir: this.shop.bridgeDir,
      linger: 20,
      retryMax: 1_000,
      metrics: new BridgeMetrics(),
      ...more,
    });
    this.#daemon = daemon;
    daemon.run().catch((error: unknown) => this.ended.push(error));
    return daemon;
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.shop.remove();
  }

  /** Resolves with the reason once the status names this fault. */
  async fault(code: string): Promise<string> {
    let seen: unknown;
    await waitUntil(
      `the fault ${code}`,
      () => {
        const { fault, reason } = this.daemon.report.status();
        if (fault !== undefined) seen = `${fault}: ${reason}`;
        return fault === code;
      },
      PATIENCE,
    ).catch((error: unknown) => {
      throw new Error(`no fault ${code}, but ${seen ?? this.daemon.report.status().reason}`, { cause: error });
    });
    const { state, reason } = this.daemon.report.status();
    expect(state).toBe('offline');
    expect(this.daemon.report.readiness().ready).toBe(true);
    return reason;
  }

  /** What an operator reads in the log: above debug. */
  told(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line) as LogLine).filter(({ level }) => level > 20);
  }

  /** Faults that were told, in order. */
  faultsTold(): string[] {
    return this.told().flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  }

  /** Waits until head office has these many of a stream, and proves each once, in order, no gap. */
  async complete(stream: Stream, events: number): Promise<void> {
    const { shop } = this;
    await waitUntil(
      `${events} events of ${stream}; at ${shop.acked(stream)}`,
      () => shop.acked(stream) >= events,
      PATIENCE,
    ).catch((error: unknown) => {
      const { reason } = this.daemon.report.status();
      throw new Error(`${shop.acked(stream)} of ${events} ${stream} arrived; the bridge says ${reason}`, {
        cause: error,
      });
    });
    const seen = await arrived(this.#office, shop.hub, stream, this.partition);
    expect(seen.map((event) => event.streamSequence)).toEqual(Array.from({ length: events }, (_, n) => n + 1));
    const report = await verify({ brokers: [...this.#office] }, { hub: shop.hub });
    expect(report.fault).toBeUndefined();
    expect(this.ended).toEqual([]);
  }
}
