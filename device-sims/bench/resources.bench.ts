/** What the two daemons take of a small box: memory idle, at 20,000 sales a second and idle again, and CPU while idle. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../harness/free-port.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { BenchContext, Measurement } from './context.ts';
import { loadWith } from './load-program.ts';
import { cpuPercent, usageOf } from './proc.ts';
import { startProgram } from './program.ts';
import type { Outcome } from './report.ts';
import { bridgeStatus, createStore, runCommand, spawnDaemon, startEdge } from './store.ts';

const RATE = 20_000;
/** The bridge leaves Kafka alone after 30 s without events. */
const DISCONNECT_MS = 40_000;

export const resources: Measurement = {
  name: 'resources',
  about: 'memory of both daemons idle and at 20,000 sales/s, CPU while idle',
  run,
};

/** The largest resident memory of a process while `work` is under way, in MiB. */
async function peakWhile(pid: number, work: Promise<unknown>): Promise<number> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  let peak = 0;
  while (!over) {
    peak = Math.max(peak, usageOf(pid).rssMb);
    await Promise.race([done, sleep(200)]);
  }
  await done;
  return peak;
}

async function run(context: BenchContext): Promise<Outcome> {
  const { quick } = context;
  const kafka = await context.kafka();
  const store = await createStore({
    folder: join(context.folder, 'resources'),
    hub: 'bench-resources',
    broker: kafka.brokers[0],
  });
  await runCommand(store, 'topics', 'create', '--partitions', '8', '--replication', '1');
  const barePort = await freePort();
  const bare = startProgram('bench/bare-broker.js', ['--port', String(barePort)]);
  await bare.nextLine();
  const edge = await startEdge(store);
  const bridge = spawnDaemon(store, 'bridge');
  const rss = (pid: number): number => usageOf(pid).rssMb;
  const seconds = quick ? 3 : 30;
  try {
    await sleep(quick ? 3_000 : 20_000);
    const fresh = { edge: rss(edge.pid), bridge: rss(bridge.pid), bare: rss(bare.process.pid) };
    const load = (port: number, run: string) => loadWith({ port, run, rate: RATE, seconds });
    const bareBusy = await peakWhile(bare.process.pid, load(barePort, 'bare'));
    const own = load(store.mqttPort, 'own');
    const edgeBusy = await peakWhile(edge.pid, own);
    const taken = (await own).rate;
    context.say(
      `at ${Math.round(taken)}/s the edge took ${edgeBusy.toFixed(0)} MiB, bare aedes ${bareBusy.toFixed(0)}`,
    );
    const calm = async () => (await bridgeStatus(store))?.state === 'idle';
    await waitUntil('the bridge to be idle', calm, { timeoutMs: 180_000, everyMs: 500 });
    await sleep(quick ? 3_000 : DISCONNECT_MS);
    const before = { edge: usageOf(edge.pid), bridge: usageOf(bridge.pid) };
    await sleep(quick ? 3_000 : 60_000);
    const after = { edge: usageOf(edge.pid), bridge: usageOf(bridge.pid) };
    const cpu = {
      edge: cpuPercent(before.edge, after.edge),
      bridge: cpuPercent(before.bridge, after.bridge),
    };
    await bridge.stop();
    await edge.stop();
    const bars = (least: number, wanted: number) => ({ atLeast: { value: least }, wanted: { value: wanted } });
    return {
      name: resources.name,
      lines: [
        {
          what: 'edge at 20,000 sales/s, memory at most',
          unit: 'MiB',
          measured: edgeBusy,
          baseline: bareBusy,
          ...bars(220, 180),
        },
        { what: 'edge idle after its start, memory', unit: 'MiB', measured: fresh.edge, ...bars(110, 100) },
        { what: 'edge idle after that load, memory', unit: 'MiB', measured: after.edge.rssMb, ...bars(110, 100) },
        { what: 'bridge idle after its start, memory', unit: 'MiB', measured: fresh.bridge, ...bars(80, 75) },
        { what: 'bridge idle after that load, memory', unit: 'MiB', measured: after.bridge.rssMb, ...bars(80, 75) },
        { what: 'both idle, CPU', unit: '% of a core', measured: cpu.edge + cpu.bridge, ...bars(1, 0.5) },
      ],
      raw: { fresh, bareBusy, edgeBusy, taken, after, cpu },
      remarks: taken < RATE * 0.95 ? [`resources: only ${Math.round(taken)} of ${RATE} sales/s were taken`] : [],
    };
  } finally {
    await bare.process.end('SIGTERM');
    await bridge.process.end('SIGKILL');
    await edge.process.end('SIGKILL');
  }
}
