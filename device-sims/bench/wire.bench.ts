/**
 * Bytes on the wire to head office against the raw bytes of the events: what a metered line is charged for. The mix is
 * that of the simulated shop; a proxy in front of the broker counts. Once as a drain, in large batches, and then event by
 * event as they happen, where the linger decides how many share a transaction.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JournalReader } from '../../edge/journal/reader.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../kafka/local-kafka.ts';
import { type MixedReading, shopMix } from '../load/shop-mix.ts';
import type { BenchContext, Measurement } from './context.ts';
import { usageOf } from './proc.ts';
import type { Line, Outcome } from './report.ts';
import { createStore, runCommand, type Store, spawnDaemon, startEdge } from './store.ts';

/** Readings of one request. */
const PAGE = 200;
const SEED = 20_261_121;
/** Events a second of a small shop in its busy hours. */
const RATE = 5;
const LINGERS = ['500ms', '5s', '30s'] as const;

export const wire: Measurement = {
  name: 'wire',
  about: 'bytes sent to Kafka against the raw bytes of the events, the mix of the simulated shop',
  run,
};

interface Counted {
  readonly events: number;
  /** As CloudEvents. */
  readonly rawBytes: number;
  readonly wireBytes: number;
  readonly transactions: number;
  /** CPU of the bridge, microseconds an event. */
  readonly cpu: number;
}

async function run(context: BenchContext): Promise<Outcome> {
  const kafka = await startKafka({ link: true });
  try {
    const drained = await drain(context, kafka, context.quick ? 5_000 : 60_000);
    const live: Record<string, Counted> = {};
    for (const linger of LINGERS) live[linger] = await follow(context, kafka, linger, context.quick ? 10 : 90);
    return {
      name: wire.name,
      lines: [
        lineOf(`sent to Kafka, drain of ${drained.events.toLocaleString('en-US')} mixed events`, drained, true),
        ...Object.entries(live).map(([linger, counted]) =>
          lineOf(`sent to Kafka, ${RATE} events/s as they happen, linger ${linger}`, counted, false),
        ),
      ],
      raw: { drained, live },
      remarks: [
        'wire: few events share a transaction as they happen, so most of what is sent is the protocol; a longer linger is cheaper, and later',
      ],
    };
  } finally {
    await kafka.stop();
  }
}

function lineOf(what: string, { rawBytes, wireBytes }: Counted, judged: boolean): Line {
  const line = { what, unit: 'kB', measured: wireBytes / 1000, baseline: rawBytes / 1000 } as const;
  return judged ? { ...line, atLeast: { ratio: 0.12 }, wanted: { ratio: 0.08 } } : line;
}

async function makeStore(context: BenchContext, kafka: LocalKafka, name: string, linger: string): Promise<Store> {
  const broker = kafka.linkBrokers[0];
  const store = await createStore({ folder: join(context.folder, name), hub: `bench-${name}`, broker, linger });
  await runCommand(store, 'topics', 'create', '--partitions', '1', '--replication', '1');
  return store;
}

async function post(store: Store, readings: readonly MixedReading[]): Promise<void> {
  for (const { kind, device, reading } of grouped(readings)) {
    const answer = await fetch(`http://127.0.0.1:${store.httpPort}/in/${kind}/${device}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(reading),
    });
    const text = await answer.text();
    if (answer.status !== 202) throw new Error(`a reading of ${device} was answered with ${answer.status}: ${text}`);
  }
}

/** Neighbours of one device in one request. */
function grouped(readings: readonly MixedReading[]) {
  const groups: { kind: string; device: string; reading: object[] }[] = [];
  for (const { kind, device, reading } of readings) {
    const last = groups.at(-1);
    if (last?.device === device && last.kind === kind && last.reading.length < PAGE) last.reading.push(reading);
    else groups.push({ kind, device, reading: [reading] });
  }
  return groups;
}

async function drain(context: BenchContext, kafka: LocalKafka, count: number): Promise<Counted> {
  const store = await makeStore(context, kafka, 'wire-drain', '500ms');
  const edge = await startEdge(store);
  try {
    const readings = shopMix(count, SEED);
    const lanes = 16;
    // Of one device in order, different ones side by side.
    const byDevice = new Map<string, MixedReading[]>();
    for (const one of readings) {
      const queue = byDevice.get(one.device);
      if (queue) queue.push(one);
      else byDevice.set(one.device, [one]);
    }
    const queues = [...byDevice.values()];
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let queue = queues.shift(); queue; queue = queues.shift()) await post(store, queue);
      }),
    );
    const counted = await throughBridge(store, kafka, async () => undefined);
    await edge.stop();
    context.say(`drain: ${text(counted)}`);
    return counted;
  } finally {
    await edge.process.end('SIGKILL');
  }
}

async function follow(context: BenchContext, kafka: LocalKafka, linger: string, seconds: number): Promise<Counted> {
  const store = await makeStore(context, kafka, `wire-${linger}`, linger);
  const edge = await startEdge(store);
  try {
    const readings = shopMix(RATE * seconds, SEED + 1);
    const counted = await throughBridge(store, kafka, async () => {
      for (const reading of readings) {
        await post(store, [reading]);
        await sleep(1000 / RATE);
      }
    });
    await edge.stop();
    context.say(`${RATE} events/s, linger ${linger}: ${text(counted)}`);
    return counted;
  } finally {
    await edge.process.end('SIGKILL');
  }
}

function text({ events, rawBytes, wireBytes, transactions, cpu }: Counted): string {
  const each = `${Math.round(rawBytes / events)} -> ${(wireBytes / events).toFixed(1)} bytes an event`;
  return `${events} events, ${each}, ratio ${(wireBytes / rawBytes).toFixed(4)}, ${transactions} transactions, ${cpu.toFixed(0)} us CPU an event`;
}

/** Runs a bridge until head office has everything that is there after `meanwhile`, and proves it. */
async function throughBridge(store: Store, kafka: LocalKafka, meanwhile: () => Promise<void>): Promise<Counted> {
  const sentBefore = bytesUp(kafka);
  const bridge = spawnDaemon(store, 'bridge');
  const reader = JournalReader.open(store.dataDir);
  try {
    await meanwhile();
    await waitUntil('head office to have everything', () => reader.buffer().events === 0, { timeoutMs: 300_000 });
    const wireBytes = bytesUp(kafka) - sentBefore;
    const usage = usageOf(bridge.pid);
    const metrics = await (await fetch(`http://127.0.0.1:${store.bridgePort}/metrics`)).text();
    const figure = (name: string) => Number(new RegExp(`^store_hub_${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
    await bridge.stop();
    await runCommand(store, 'verify', '--hub', store.hub);
    const events = figure('bridge_sent_events_total');
    return {
      events,
      rawBytes: figure('bridge_sent_bytes_total'),
      wireBytes,
      transactions: figure('bridge_batches_total'),
      cpu: (usage.cpuSeconds * 1e6) / events,
    };
  } finally {
    reader.close();
    await bridge.process.end('SIGKILL');
  }
}

function bytesUp(kafka: LocalKafka): number {
  return kafka.links.reduce((sum, link) => sum + link.bytes.up, 0);
}
