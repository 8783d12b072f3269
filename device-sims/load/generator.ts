/** The load generator: sales over raw sockets, for a number of sales, for a time, or at a fixed rate. */
import { SaleConnection } from './connection.ts';
import { Latencies, type LatencySummary } from './latencies.ts';

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** A word that no other run on the same journal used: ids are made of it. */
  readonly run: string;
  readonly connections: number;
  /** Unacknowledged sales per connection. */
  readonly window: number;
  /** One sale of a hundred names one of so many shoppers; absent: none does. */
  readonly shoppers?: number | undefined;
  /** Stop sending after this many sales. */
  readonly count?: number | undefined;
  /** Stop sending after this many seconds. */
  readonly seconds?: number | undefined;
  /** Sales per second over all connections; absent: as fast as acknowledgements come. */
  readonly rate?: number | undefined;
  /** Called each second with what was acknowledged in it. */
  readonly each?: ((acknowledged: number) => void) | undefined;
}

export interface LoadResult {
  readonly run: string;
  readonly sent: number;
  readonly acked: number;
  /** Sent per connection: with `run` it says exactly which ids went out. */
  readonly perConnection: readonly number[];
  /** From the first send to the last acknowledgement. */
  readonly seconds: number;
  /** Acknowledged per second. */
  readonly rate: number;
  /** Send to PUBACK, in milliseconds. */
  readonly latency: LatencySummary;
  readonly ackedEachSecond: readonly number[];
  /** CPU seconds of the generator itself. */
  readonly cpu: number;
  /** What went wrong; a clean run has none. */
  readonly failures: readonly string[];
}

const TICK_MS = 2;
/** A connection that is told to wait longer than this for its last acknowledgements has lost them. */
const PATIENCE_MS = 30_000;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const latencies = new Latencies();
  const timeText = Buffer.from(new Date().toISOString());
  const failures: string[] = [];
  const ackedEachSecond: number[] = [];
  let sent = 0;
  let acked = 0;
  let lastAck = 0;
  let budget = Number.POSITIVE_INFINITY;
  const limit = options.count ?? Number.POSITIVE_INFINITY;
  let sending = true;

  const connections = Array.from(
    { length: options.connections },
    (_, index) =>
      new SaleConnection({
        host: options.host,
        port: options.port,
        run: options.run,
        index,
        window: options.window,
        shoppers: options.shoppers ?? 0,
        latencies,
        timeText,
        allowance: () => (sending ? Math.min(limit, budget) - sent : 0),
        took: (count) => {
          sent += count;
        },
        acked: (count) => {
          acked += count;
          lastAck = performance.now();
        },
        failed: (reason) => failures.push(reason),
      }),
  );
  await Promise.all(connections.map((connection) => connection.start()));

  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  lastAck = begun;
  let secondBegun = begun;
  let ackedBefore = 0;
  let turn = 0;

  await new Promise<void>((resolve) => {
    const tick = setInterval(() => {
      const now = performance.now();
      timeText.write(new Date().toISOString(), 'latin1');
      if (options.rate !== undefined) budget = Math.floor(((now - begun) / 1000) * options.rate);
      if (options.seconds !== undefined && now - begun >= options.seconds * 1000) sending = false;
      if (sent >= limit || failures.length > 0) sending = false;
      if (now - secondBegun >= 1000) {
        ackedEachSecond.push(acked - ackedBefore);
        options.each?.(acked - ackedBefore);
        ackedBefore = acked;
        secondBegun += 1000;
      }
      if (sending && options.rate !== undefined) {
        // Start with another connection each time, or the first ones would carry all of a low rate.
        for (let i = 0; i < connections.length; i += 1) connections[(turn + i) % connections.length]?.pump();
        turn += 1;
      }
      if (!sending && (acked === sent || failures.length > 0 || now - lastAck > PATIENCE_MS)) {
        clearInterval(tick);
        resolve();
      }
    }, TICK_MS);
    for (const connection of connections) connection.pump();
  });

  for (const connection of connections) connection.stop();
  if (acked !== sent && failures.length === 0) failures.push(`${sent - acked} sales were never acknowledged`);
  const cpu = process.cpuUsage(cpuBefore);
  const seconds = (lastAck - begun) / 1000;
  return {
    run: options.run,
    sent,
    acked,
    perConnection: connections.map((connection) => connection.sent),
    seconds,
    rate: seconds > 0 ? acked / seconds : 0,
    latency: latencies.summary(),
    ackedEachSecond,
    cpu: (cpu.user + cpu.system) / 1e6,
    failures,
  };
}
