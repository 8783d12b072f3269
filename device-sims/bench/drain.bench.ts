/**
 * The bridge empties a journal into a real Kafka, exactly once with checkpoints, against a bare idempotent producer
 * that sends the same records from memory. Each round is a hub of its own with a journal of its own.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { cloudEventText } from '../../edge/contracts/envelope.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { BenchContext, Measurement } from './context.ts';
import { checkJournal } from './journal-check.bench.ts';
import { createBareTopic } from './kafka-topics.ts';
import { loadWith } from './load-program.ts';
import { cpuEach, cpuPercent, usageOf } from './proc.ts';
import { startProgram } from './program.ts';
import { median, type Outcome } from './report.ts';
import { bridgeStatus, createStore, runCommand, type Store, spawnDaemon, startEdge } from './store.ts';

const BARE_TOPIC = 'bench.bare';
const PAGE = 2_000;

export const drain: Measurement = {
  name: 'drain',
  about: 'journaled events to Kafka with checkpoints against a bare idempotent producer',
  run,
};

interface Drained {
  readonly events: number;
  readonly seconds: number;
  /** Percent of a core. */
  readonly cpu: number;
  /** Microseconds of CPU an event. */
  readonly each: number;
  readonly rssMb: number;
}

interface Produced {
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
  /** CPU seconds. */
  readonly cpu: number;
}

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 1 : 4;
  const events = context.quick ? 30_000 : 300_000;
  const kafka = await context.kafka();
  const broker = kafka.brokers[0] ?? '';
  await createBareTopic(broker, BARE_TOPIC);
  const ours: Drained[] = [];
  const theirs: Produced[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const folder = join(context.folder, `drain-${round}`);
    const store = await createStore({ folder, hub: `bench-drain-${round}`, broker, partition: round });
    if (round === 1) await runCommand(store, 'topics', 'create', '--partitions', '8', '--replication', '1');
    const edge = await startEdge(store);
    try {
      const load = await loadWith({ port: store.mqttPort, run: `fill${round}`, count: events });
      checkJournal(store.dataDir, [load]);
      const records = join(folder, 'records.ndjson');
      await writeRecords(store, records);
      const bare = async (): Promise<void> => void theirs.push(await produceBare(broker, store.hub, records));
      const bridge = async (): Promise<void> => void ours.push(await drainOnce(store));
      // Whoever comes second finds a warmer broker: take turns.
      for (const step of round % 2 === 1 ? [bridge, bare] : [bare, bridge]) await step();
      await runCommand(store, 'verify', '--hub', store.hub);
      await edge.stop();
    } finally {
      await edge.process.end('SIGKILL');
    }
    context.say(`round ${round}: bridge ${rateOf(ours.at(-1))}/s, bare producer ${rateOf(theirs.at(-1))}/s; verified`);
  }
  return {
    name: drain.name,
    lines: [
      {
        what: `drain of ${events.toLocaleString('en-US')} events to Kafka`,
        unit: '/s',
        measured: median(ours.map((one) => one.events / one.seconds)),
        baseline: median(theirs.map((one) => one.events / one.seconds)),
        atLeast: { ratio: 0.7 },
        wanted: { ratio: 0.9 },
      },
      {
        what: 'CPU an event drained',
        unit: 'us',
        measured: median(ours.map((one) => one.each)),
        baseline: median(theirs.map((one) => (one.cpu * 1e6) / one.events)),
      },
      { what: 'bridge while draining, CPU', unit: '% of a core', measured: median(ours.map((one) => one.cpu)) },
      { what: 'bridge while draining, memory', unit: 'MiB', measured: Math.max(...ours.map((one) => one.rssMb)) },
    ],
    raw: { ours, theirs },
    remarks: [],
  };
}

function rateOf(one: { events: number; seconds: number } | undefined): number {
  return one ? Math.round(one.events / one.seconds) : 0;
}

/** From the moment the bridge says it sends, to the moment the edge was told that head office has everything. */
async function drainOnce(store: Store): Promise<Drained> {
  const reader = JournalReader.open(store.dataDir);
  const incarnation = reader.incarnations().at(-1)?.incarnation ?? '';
  const wanted = reader.heads(incarnation).sales ?? 0;
  const bridge = spawnDaemon(store, 'bridge');
  try {
    let begun = performance.now();
    for (let polls = 0; ; polls += 1) {
      const asked = performance.now();
      const state = (await bridgeStatus(store))?.state;
      if (state === 'sending' || (reader.acked()?.vector.sales ?? 0) > 0) break;
      if (state === 'halted' || !bridge.process.running() || polls > 6_000) throw new Error(`the bridge is ${state}`);
      begun = asked;
      await sleep(5);
    }
    const usage = usageOf(bridge.pid);
    await waitUntil('head office to have everything', () => (reader.acked()?.vector.sales ?? 0) >= wanted, {
      timeoutMs: 180_000,
      everyMs: 5,
    });
    const seconds = (performance.now() - begun) / 1000;
    const after = usageOf(bridge.pid);
    await bridge.stop();
    const cpu = cpuPercent(usage, after);
    return { events: wanted, seconds, cpu, each: cpuEach(usage, after, wanted), rssMb: after.rssMb };
  } finally {
    reader.close();
    await bridge.process.end('SIGKILL');
  }
}

/** What the bridge will send of the sales, one record's value a line. */
async function writeRecords(store: Store, file: string): Promise<void> {
  const reader = JournalReader.open(store.dataDir);
  const out = createWriteStream(file);
  try {
    const incarnation = reader.incarnations().at(-1)?.incarnation ?? '';
    for (let after = 0; ; ) {
      const rows = reader.rows('sales', incarnation, after, PAGE);
      const last = rows.at(-1);
      if (last === undefined) break;
      out.write(`${rows.map((row) => cloudEventText(store.hub, row)).join('\n')}\n`);
      if (out.writableNeedDrain) await once(out, 'drain');
      after = last.streamSequence;
    }
    out.end();
    await finished(out);
  } finally {
    reader.close();
  }
}

async function produceBare(broker: string, key: string, file: string): Promise<Produced> {
  const args = ['--broker', broker, '--topic', BARE_TOPIC, '--partition', '0', '--key', key, '--file', file];
  const program = startProgram('bench/bare-producer.js', args);
  const produced = (await program.nextLine()) as Produced;
  await program.process.ended;
  return produced;
}
