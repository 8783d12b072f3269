/**
 * Bytes that an event costs the disk, checkpoints included: flash wears. At 5 events a second with cloud and rules on,
 * where each commit holds one event, and at 20,000 a second; side by side with better-sqlite3 inserting like rows.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../harness/wait-until.ts';
import type { BenchContext, Measurement } from './context.ts';
import { loadWith } from './load-program.ts';
import { MqttSession } from './mqtt-session.ts';
import { writtenBy } from './proc.ts';
import { startProgram } from './program.ts';
import type { Outcome } from './report.ts';
import {
  bridgeStatus,
  CAPACITY,
  createStore,
  type Daemon,
  runCommand,
  type Store,
  spawnDaemon,
  startEdge,
} from './store.ts';

export const diskBytes: Measurement = {
  name: 'disk-bytes',
  about: 'bytes written to disk for each event, at 5/s and at 20,000/s',
  run,
};

const KB = 1_000;
const SLOW_RATE = 5;
const FAST_RATE = 20_000;
const ROW_BYTES = 300;

/** Ends a daemon and gives all that it wrote since `from`, its last checkpoint included. */
async function writtenAtEnd(daemon: Daemon, from: number): Promise<number> {
  const before = writtenBy(process.pid);
  await daemon.stop();
  // What ended children wrote counts as ours.
  return writtenBy(process.pid) - before - from;
}

/** Every fifth a shelf's level that changes, now and then low enough for an alert; the others sales. */
async function slowShop(store: Store, seconds: number): Promise<number> {
  const session = await MqttSession.open(store.mqttPort, 'slow-shop');
  const events = seconds * SLOW_RATE;
  const begun = performance.now();
  try {
    for (let n = 0; n < events; n += 1) {
      await sleep(begun + (n * 1000) / SLOW_RATE - performance.now());
      const shelf = store.shelves[(n / 5) % store.shelves.length] ?? '';
      if (n % 5 === 0) {
        await session.publish(`in/shelf/sensor-${shelf}`, { shelf, count: (n / 5) % 4 === 0 ? 2 : CAPACITY - (n % 7) });
      } else {
        const price = { amount: 100 + (n % 50), currency: 'EUR' };
        const line = { gtin: '09521234543213', quantity: 1, price };
        await session.publish('in/sale/till-1', {
          id: `slow-${n}`,
          till: 'till-1',
          transaction: String(n).padStart(9, '0'),
          lines: [line, line],
          total: { amount: 2 * price.amount, currency: 'EUR' },
        });
      }
    }
  } finally {
    session.close();
  }
  return events;
}

async function bareJournal(folder: string, rows: number, batch: number): Promise<number> {
  const file = join(folder, `bare-${batch}.db`);
  const options = { file, rows, batch, bytes: ROW_BYTES };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = startProgram('bench/bare-journal.js', args);
  const { written } = (await program.nextLine()) as { written: number };
  await program.process.ended;
  return written / rows;
}

async function run(context: BenchContext): Promise<Outcome> {
  const { folder, quick } = context;
  const kafka = await context.kafka();
  const store = await createStore({
    folder: join(folder, 'disk-bytes'),
    hub: 'bench-disk-bytes',
    broker: kafka.brokers[0],
    settle: '1s',
  });
  await runCommand(store, 'topics', 'create', '--partitions', '8', '--replication', '1');
  const edge = await startEdge(store);
  const bridge = spawnDaemon(store, 'bridge');
  try {
    const idle = async () => (await bridgeStatus(store))?.state === 'idle';
    await waitUntil('the bridge to be idle', idle, { timeoutMs: 60_000 });
    const from = { edge: writtenBy(edge.pid), bridge: writtenBy(bridge.pid) };
    const slowEvents = await slowShop(store, quick ? 5 : 60);
    await waitUntil('the bridge to be idle again', idle, { timeoutMs: 60_000 });
    const bridgeSlow = (await writtenAtEnd(bridge, from.bridge)) / slowEvents;
    const edgeSlow = (await writtenAtEnd(edge, from.edge)) / slowEvents;
    context.say(`at ${SLOW_RATE}/s: edge ${edgeSlow.toFixed(0)} bytes, bridge ${bridgeSlow.toFixed(0)}`);

    const again = await startEdge(store);
    const begun = writtenBy(again.pid);
    const load = await loadWith({ port: store.mqttPort, run: 'fast', rate: FAST_RATE, seconds: quick ? 3 : 30 });
    const edgeFast = (await writtenAtEnd(again, begun)) / load.acked;
    context.say(`at ${Math.round(load.rate)}/s: edge ${edgeFast.toFixed(0)} bytes`);

    const bareSlow = await bareJournal(folder, 300, 1);
    const bareFast = await bareJournal(folder, 100_000, 80);
    return {
      name: diskBytes.name,
      lines: [
        {
          what: 'written for each event at 5/s, both daemons',
          unit: 'kB',
          measured: (edgeSlow + bridgeSlow) / KB,
          baseline: bareSlow / KB,
          atLeast: { value: 24 },
          wanted: { value: 16 },
        },
        { what: 'written for each event at 5/s, bridge', unit: 'kB', measured: bridgeSlow / KB },
        {
          what: 'written for each event at 20,000/s, edge',
          unit: 'kB',
          measured: edgeFast / KB,
          baseline: bareFast / KB,
          atLeast: { value: 2.5 },
          wanted: { value: 1.6 },
        },
      ],
      raw: { edgeSlow, bridgeSlow, edgeFast, taken: load.rate, bareSlow, bareFast },
      remarks:
        load.rate < FAST_RATE * 0.95 ? [`disk-bytes: only ${Math.round(load.rate)} of ${FAST_RATE}/s were taken`] : [],
    };
  } finally {
    await bridge.process.end('SIGKILL');
    await edge.process.end('SIGKILL');
  }
}
