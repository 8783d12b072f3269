/**
 * One connection's life: gather, send, and wait for more, until there was nothing for a while. The next batch is read,
 * encoded and compressed while this one is on its way.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BridgeMetrics } from '../../edge/ops/bridge-metrics.ts';
import type { BatchSize } from './batch-size.ts';
import { type Batch, gather, lagOf, type Reach, total } from './batcher.ts';
import { LinkFailure, TooSlow } from './link-failure.ts';
import { assertSameJournal, type Connection, reachOf, type Sending, send } from './protocol.ts';
import type { BridgeReport } from './report.ts';

/** With this many waiting, waiting longer would not make a better batch. */
const FULL_EVENTS = 4_000;
/** How often the journal is asked whether something was committed, ms. */
const POLL_MS = 100;
/** The same while there is no connection that has to be used soon. */
const IDLE_POLL_MS = 250;
/**
 * kafkajs keeps a millisecond timer while connected (3-4 % of a core), so an idle bridge disconnects. When events come
 * rarely anyway, such as the hub's own heartbeat in a closed shop, there is nothing to stay for.
 */
const STAY_CONNECTED_MS = 30_000;
const STAY_AFTER_RARE_MS = 3_000;
const REFENCE_MS = 24 * 60 * 60_000;
/** Progress is told this often while waiting as planned, ms. */
const PROGRESS_MS = 5_000;

/** When batches were sent: how long the connection is worth keeping follows from it. */
export class Rhythm {
  #last = Number.NEGATIVE_INFINITY;
  #gap = 0;

  sent(now: number): void {
    this.#gap = now - this.#last;
    this.#last = now;
  }

  /** Milliseconds after the last batch. */
  get stay(): number {
    return Number.isFinite(this.#gap) && this.#gap > STAY_CONNECTED_MS ? STAY_AFTER_RARE_MS : STAY_CONNECTED_MS;
  }
}

export interface Replication {
  readonly connection: Connection;
  readonly size: BatchSize;
  readonly rhythm: Rhythm;
  /** How long events may wait to share a transaction, ms. */
  readonly linger: number;
  readonly report: BridgeReport;
  readonly metrics: BridgeMetrics;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the connection has been idle or has lived for long enough, or the signal says stop; throws what steps throw. */
export async function replicate(replication: Replication): Promise<void> {
  const { connection, size, rhythm, signal } = replication;
  const connected = performance.now();
  let reach = reachOf(connection.state.state);
  let ahead: Promise<Batch | undefined> | undefined;
  let lastSent = performance.now();
  while (!signal.aborted && performance.now() - connected < REFENCE_MS) {
    const batch = await (ahead ?? gather(connection.journal, reach, size.limits));
    ahead = undefined;
    if (batch) {
      await sendMeasured(replication, batch, ({ incarnation, to, closed }) => {
        reach = { incarnation, vector: to, closed };
        // Gathering ahead would take single events out of their linger: only when there is a batch's worth.
        if (total(lagOf(connection.journal, reach)) < FULL_EVENTS) return;
        ahead = gather(connection.journal, reach, size.limits);
        ahead.catch(() => undefined);
      });
      lastSent = performance.now();
      rhythm.sent(lastSent);
      if (ahead !== undefined) continue;
    }
    if (!(await waitForBatch(replication, reach, lastSent))) return;
  }
}

async function sendMeasured(
  replication: Replication,
  gathered: Batch,
  reserved: (batch: Batch) => void,
): Promise<void> {
  const { connection, size, report, metrics, logger } = replication;
  report.sending(gathered.events);
  const begun = performance.now();
  const sending = await send(connection, gathered, reserved).catch((error: unknown) => {
    if (error instanceof TooSlow || (error instanceof LinkFailure && error.isUnderWay)) judge(size, gathered, error);
    throw error;
  });
  const { batch } = sending;
  const seconds = (performance.now() - begun) / 1000;
  const wireBytes = batch.parts.reduce((sum, part) => sum + part.records.length, 0);
  size.succeeded(batch, { ms: seconds * 1000, deadline: connection.link.attemptDeadline, wireBytes });
  report.sent(batch, offsetsOf(sending), sending.id, connection.now());
  metrics.committed(seconds, batch.events, batch.bytes);
  metrics.wireBytes = (metrics.wireBytes ?? 0) + wireBytes;
  logger.debug({ batch: sending.id, events: batch.events, ms: Math.round(seconds * 1000) }, 'head office has a batch');
}

/** A topic that takes less needs smaller parts; any other failure under way, a smaller batch. */
function judge(size: BatchSize, batch: Batch, error: Error): void {
  const part = error instanceof LinkFailure && error.isTooLarge ? error.part : undefined;
  if (part) size.tooLarge(part.valueBytes);
  else size.failed(batch);
}

/** Offset of the last record of each topic. */
function offsetsOf({ sent = [] }: Sending): ReadonlyMap<string, number> {
  return new Map(sent.map((part) => [part.topic, part.offset + part.count - 1]));
}

/** True when a batch should go now; false after a long time without one. */
async function waitForBatch(replication: Replication, reach: Reach, lastSent: number): Promise<boolean> {
  const { connection, rhythm, linger, report, signal } = replication;
  let version = Number.NaN;
  let waitingSince: number | undefined;
  let told = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const current = connection.journal.version();
    const now = performance.now();
    if (current !== version) {
      version = current;
      const waiting = total(lagOf(connection.journal, reach));
      if (waiting >= FULL_EVENTS) return true;
      if (waiting > 0) waitingSince ??= now;
    }
    const remaining = waitingSince === undefined ? undefined : waitingSince + linger - now;
    if (remaining !== undefined && remaining <= 0) return true;
    if (remaining === undefined && now - lastSent > rhythm.stay) return false;
    if (now - told > PROGRESS_MS) {
      told = now;
      assertSameJournal(connection.journal);
      report.idle('head office has everything');
    }
    await pause(Math.min(POLL_MS, remaining ?? POLL_MS), undefined, { signal }).catch(() => undefined);
  }
  return true;
}

/** Waits without a connection until the journal has something new. */
export async function waitForEvents(replication: Pick<Replication, 'connection' | 'report' | 'signal'>): Promise<void> {
  const { connection, report, signal } = replication;
  const reach = reachOf(connection.state.state);
  let version = Number.NaN;
  let told = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const current = connection.journal.version();
    if (current !== version) {
      version = current;
      if (total(lagOf(connection.journal, reach)) > 0) return;
    }
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      assertSameJournal(connection.journal);
      report.idle('head office has everything; disconnected until there is more');
    }
    await pause(IDLE_POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
