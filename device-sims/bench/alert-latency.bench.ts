/**
 * A shelf reading leaves the sensor's socket -> its alert is read from the subscriber's socket, with other events
 * around it. Once on this machine's disk, once with 10 ms added to each sync, as flash storage takes.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies, type LatencySummary } from '../load/latencies.ts';
import type { BenchContext, Measurement } from './context.ts';
import { loadWith } from './load-program.ts';
import { MqttSession } from './mqtt-session.ts';
import type { Line, Outcome } from './report.ts';
import { CAPACITY, createStore, type StartOptions, type Store, startEdge } from './store.ts';

const BACKGROUND_RATE = 2_000;
const WARM_UP = 50;
const PATIENCE_MS = 5_000;
const ADDED_SYNC_MS = 10;
const SYNC_CALLS = 'fdatasync,fsync';
/** With -D the edge stays our own child, and the tracer goes when the edge goes. */
const SLOW_SYNC = [
  'strace',
  '-D',
  '-f',
  '--seccomp-bpf',
  '-o',
  '/dev/null',
  '-e',
  `trace=${SYNC_CALLS}`,
  '-e',
  `inject=${SYNC_CALLS}:delay_enter=${ADDED_SYNC_MS * 1000}`,
];

export const alertLatency: Measurement = {
  name: 'alert-latency',
  about: 'shelf reading sent -> alert received by an MQTT subscriber',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const alerts = context.quick ? 60 : 500;
  const remarks: string[] = [];
  const plain = await measure(context, 'alerts', alerts, {});
  const lines = linesOf('shelf reading -> alert', plain, { p50: [5, 3], p99: [25, 15] });
  const why = whyNoTracing();
  let slow: LatencySummary | undefined;
  if (why === undefined) {
    slow = await measure(context, 'alerts-slow-sync', alerts, { under: SLOW_SYNC });
    lines.push(...linesOf(`the same, ${ADDED_SYNC_MS} ms more a sync`, slow, { p50: [25], p99: [60] }));
  } else {
    remarks.push(`SKIPPED: alert latency with ${ADDED_SYNC_MS} ms added to each sync: ${why}`);
  }
  return { name: alertLatency.name, lines, raw: { alerts, plain, slow }, remarks };
}

type Bars = Readonly<Record<'p50' | 'p99', readonly [atLeast: number, wanted?: number]>>;

function linesOf(what: string, latency: LatencySummary, bars: Bars): Line[] {
  return (['p50', 'p99'] as const).map((name) => ({
    what: `${what}, ${name}`,
    unit: 'ms',
    measured: latency[name],
    atLeast: { value: bars[name][0] },
    ...(bars[name][1] === undefined ? {} : { wanted: { value: bars[name][1] } }),
  }));
}

/** Why strace cannot slow the syncs here, in one sentence; nothing when it can. */
function whyNoTracing(): string | undefined {
  const [program = '', ...args] = SLOW_SYNC;
  try {
    execFileSync(program, [...args, process.execPath, '-e', '0'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `strace is missing, or may not trace (${error instanceof Error ? error.message.split('\n')[0] : error})`;
  }
}

async function measure(
  context: BenchContext,
  name: string,
  alerts: number,
  options: StartOptions,
): Promise<LatencySummary> {
  const store = await createStore({ folder: join(context.folder, name), hub: `bench-${name}`, settle: '0s' });
  const edge = await startEdge(store, options);
  try {
    // Longer than the alerts can take; the load is stopped with the edge.
    const background = loadWith({ port: store.mqttPort, run: 'around', rate: BACKGROUND_RATE, seconds: 600 });
    background.catch(() => undefined);
    await sleep(2_000);
    const latency = await raiseAlerts(store, alerts);
    context.say(`${name}: ${alerts} alerts, p50 ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms`);
    await edge.stop();
    await background.catch(() => undefined);
    return latency;
  } finally {
    await edge.process.end('SIGKILL');
  }
}

/** One shelf after the other runs empty, is alerted, and is filled up again. */
async function raiseAlerts(store: Store, alerts: number): Promise<LatencySummary> {
  const subscriber = await MqttSession.open(store.mqttPort, 'bench-subscriber');
  const sensor = await MqttSession.open(store.mqttPort, 'bench-sensor');
  const latencies = new Latencies();
  try {
    await subscriber.subscribe('out/alerts/#');
    for (let n = 0; n < WARM_UP + alerts; n += 1) {
      const shelf = store.shelves[n % store.shelves.length] ?? '';
      const raised = heard(subscriber, shelf, (payload) => payload.length > 0);
      const sent = performance.now();
      const acked = sensor.publish(`in/shelf/sensor-${shelf}`, { shelf, count: 0 });
      const at = await raised;
      if (n >= WARM_UP) latencies.add((at - sent) * 1000);
      await acked;
      const cleared = heard(subscriber, shelf, (payload) => payload.length === 0);
      await sensor.publish(`in/shelf/sensor-${shelf}`, { shelf, count: CAPACITY });
      await cleared;
      // Not in step with the commits of the load around it.
      await sleep(Math.random() * 15);
    }
  } finally {
    subscriber.close();
    sensor.close();
  }
  return latencies.summary();
}

/** When the awaited message about a shelf was read from the socket, on the steady clock. */
function heard(subscriber: MqttSession, shelf: string, wanted: (payload: Buffer) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no alert about ${shelf} in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    subscriber.onPublish = (topic, payload, at) => {
      if (topic !== `out/alerts/shelf-gap/${shelf}` || !wanted(payload)) return;
      clearTimeout(timer);
      resolve(at);
    };
  });
}
