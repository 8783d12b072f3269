/**
 * Sales published -> committed in Kafka, with the load, the hub and Kafka on the same machine: the highest rate at
 * which the lag stays bounded. A few short trials bracket it, one long run proves it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JournalReader } from '../../edge/journal/reader.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { LoadResult } from '../load/generator.ts';
import type { BenchContext, Measurement } from './context.ts';
import { checkJournal } from './journal-check.bench.ts';
import { loadWith } from './load-program.ts';
import { cpuPercent, type Usage, usageOf } from './proc.ts';
import type { Line, Outcome } from './report.ts';
import { createStore, type Daemon, runCommand, type Store, spawnDaemon, startEdge } from './store.ts';

const SAMPLE_MS = 250;
/** Lag within this many seconds' worth of events counts as bounded. */
const BOUND_SECONDS = 2;
/** The bridge leaves Kafka alone after 30 s without events. */
const DISCONNECT_MS = 35_000;

export const sustained: Measurement = {
  name: 'sustained',
  about: 'sales published -> committed in Kafka, all on this machine',
  run,
};

interface Sample {
  /** Seconds since the load began. */
  readonly at: number;
  /** Journaled and not yet acknowledged by head office. */
  readonly lag: number;
  readonly committed: number;
}

interface Trial {
  readonly offered: number | 'all it takes';
  readonly load: LoadResult;
  readonly committedPerSecond: number;
  readonly bounded: boolean;
  readonly samples: readonly Sample[];
  readonly usage: Readonly<Record<string, { cpu: number; rssMb: number }>>;
}

async function run(context: BenchContext): Promise<Outcome> {
  const kafka = await context.kafka();
  const store = await createStore({
    folder: join(context.folder, 'sustained'),
    hub: 'bench-sustained',
    broker: kafka.brokers[0],
  });
  await runCommand(store, 'topics', 'create', '--partitions', '8', '--replication', '1');
  const edge = await startEdge(store);
  const bridge = spawnDaemon(store, 'bridge');
  const reader = JournalReader.open(store.dataDir);
  const kafkaPid = kafka.nodes[0]?.pid;
  const pids = { edge: edge.pid, bridge: bridge.pid, ...(kafkaPid === undefined ? {} : { kafka: kafkaPid }) };
  const trials: Trial[] = [];
  const trial = async (rate: number | undefined, seconds: number): Promise<Trial> => {
    const one = await tryRate({ store, reader, pids, name: `trial${trials.length}`, rate, seconds });
    trials.push(one);
    const word = one.bounded ? 'bounded' : 'growing';
    context.say(
      `offered ${one.offered}/s for ${seconds} s: committed ${Math.round(one.committedPerSecond)}/s, lag ${word}`,
    );
    return one;
  };
  try {
    const proof = await highestBounded(trial, context.quick);
    const idle = await idleUsage({ edge, bridge }, context.quick ? 3_000 : 10_000);
    await bridge.stop();
    await edge.stop();
    const rows = checkJournal(
      store.dataDir,
      trials.map((one) => one.load),
    );
    const verified = await runCommand(store, 'verify', '--hub', store.hub, '--json');
    context.say(`${rows} sales in the journal, each once; verify finds neither gap nor duplicate`);
    return {
      name: sustained.name,
      lines: linesOf(proof, idle),
      raw: { trials, idle, verified: JSON.parse(verified) as unknown },
      remarks: proof.bounded ? [] : ['sustained: no rate was found at which the lag stays bounded'],
    };
  } finally {
    reader.close();
    await bridge.process.end('SIGKILL');
    await edge.process.end('SIGKILL');
  }
}

type TryRate = (rate: number | undefined, seconds: number) => Promise<Trial>;

/**
 * Full speed first: when the lag stays bounded even then (the edge takes in no more than the bridge sends), that is
 * the rate. Else it lies between what was committed meanwhile and what was taken in.
 */
async function highestBounded(trial: TryRate, quick: boolean): Promise<Trial> {
  const long = quick ? 4 : 60;
  await trial(undefined, quick ? 2 : 6);
  const flood = await trial(undefined, quick ? 3 : 10);
  if (flood.bounded) {
    const proof = await trial(undefined, long);
    if (proof.bounded) return proof;
  }
  let low = flood.committedPerSecond * 0.9;
  let high = flood.load.rate;
  for (let probe = 0; probe < (quick ? 1 : 4); probe += 1) {
    const middle = Math.round((low + high) / 2);
    if ((await trial(middle, quick ? 3 : 12)).bounded) low = middle;
    else high = middle;
  }
  let rate = Math.round(low);
  for (let attempt = 0; ; attempt += 1) {
    const proof = await trial(rate, long);
    if (proof.bounded || attempt === 4) return proof;
    rate = Math.round(rate * 0.93);
  }
}

interface TrialOptions {
  readonly store: Store;
  readonly reader: JournalReader;
  readonly pids: Readonly<Record<string, number>>;
  readonly name: string;
  readonly rate: number | undefined;
  readonly seconds: number;
}

async function tryRate({ store, reader, pids, name, rate, seconds }: TrialOptions): Promise<Trial> {
  await drained(reader);
  const before = usages(pids);
  const committedBefore = committed(reader);
  const samples: Sample[] = [];
  const begun = performance.now();
  let over = false;
  const loading = loadWith({
    port: store.mqttPort,
    run: name,
    seconds,
    ...(rate === undefined ? {} : { rate }),
  }).finally(() => {
    over = true;
  });
  // The await below may come late; a failed load must not count as unhandled until then.
  loading.catch(() => undefined);
  while (!over) {
    await sleep(SAMPLE_MS);
    const at = (performance.now() - begun) / 1000;
    samples.push({ at, lag: reader.buffer().events, committed: committed(reader) - committedBefore });
  }
  const after = usages(pids);
  const load = await loading;
  const last = samples.at(-1) ?? { at: 1, lag: 0, committed: 0 };
  const usage = Object.fromEntries(
    Object.entries(after).map(([part, now]) => {
      const then = before[part] ?? now;
      return [part, { cpu: cpuPercent(then, now), rssMb: now.rssMb }];
    }),
  );
  return {
    offered: rate ?? 'all it takes',
    load,
    committedPerSecond: last.committed / last.at,
    bounded: isBounded(samples, load.rate, rate),
    samples,
    usage,
  };
}

/** Bounded: the offered rate was taken in, and in the second half the lag neither is large nor grows. */
function isBounded(samples: readonly Sample[], taken: number, offered: number | undefined): boolean {
  if (offered !== undefined && taken < offered * 0.98) return false;
  const half = samples.slice(Math.floor(samples.length / 2));
  const largest = Math.max(...half.map((sample) => sample.lag));
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const growth = mean(samples.slice(-quarter)) - mean(samples.slice(quarter, 2 * quarter));
  return largest <= taken * BOUND_SECONDS && growth <= taken * 0.25;
}

function mean(samples: readonly Sample[]): number {
  return samples.reduce((sum, sample) => sum + sample.lag, 0) / Math.max(1, samples.length);
}

function committed(reader: JournalReader): number {
  return reader.acked()?.vector.sales ?? 0;
}

async function drained(reader: JournalReader): Promise<void> {
  await waitUntil('the lag to drain', () => reader.buffer().events === 0, { timeoutMs: 180_000, everyMs: 100 });
}

function usages(pids: Readonly<Record<string, number>>): Record<string, Usage> {
  return Object.fromEntries(Object.entries(pids).map(([part, pid]) => [part, usageOf(pid)]));
}

/** Once connected to Kafka without work, and once after the bridge has disconnected. */
async function idleUsage(
  daemons: { edge: Daemon; bridge: Daemon },
  windowMs: number,
): Promise<Record<string, { cpu: number; rssMb: number }>> {
  if (windowMs >= 10_000) await sleep(DISCONNECT_MS);
  const pids = { edge: daemons.edge.pid, bridge: daemons.bridge.pid };
  const before = usages(pids);
  await sleep(windowMs);
  const after = usages(pids);
  return Object.fromEntries(
    Object.entries(after).map(([part, now]) => [part, { cpu: cpuPercent(before[part] ?? now, now), rssMb: now.rssMb }]),
  );
}

function linesOf(proof: Trial, idle: Record<string, { cpu: number; rssMb: number }>): Line[] {
  const lags = proof.samples.map((sample) => sample.lag / Math.max(1, proof.load.rate));
  return [
    {
      what: 'sales published -> committed in Kafka',
      unit: '/s',
      measured: proof.bounded ? proof.committedPerSecond : 0,
      atLeast: { value: 15_000 },
      wanted: { value: 28_000 },
    },
    { what: 'lag at that rate, largest', unit: 's', measured: Math.max(...lags) },
    ...Object.entries(proof.usage).flatMap(([part, use]): Line[] => [
      { what: `${part} at that rate, CPU`, unit: '% of a core', measured: use.cpu },
      { what: `${part} at that rate, memory`, unit: 'MiB', measured: use.rssMb },
    ]),
    ...Object.entries(idle).flatMap(([part, use]): Line[] => [
      { what: `${part} idle, CPU`, unit: '% of a core', measured: use.cpu },
      { what: `${part} idle, memory`, unit: 'MiB', measured: use.rssMb },
    ]),
  ];
}
