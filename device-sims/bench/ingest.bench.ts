/** Durable QoS 1 sales per second, against an aedes that stores nothing, alternating under the same load. */
import { join } from 'node:path';
import { freePort } from '../harness/free-port.ts';
import type { LoadResult } from '../load/generator.ts';
import type { BenchContext, Measurement } from './context.ts';
import { checkJournal } from './journal-check.bench.ts';
import { loadWith } from './load-program.ts';
import { cpuEach, cpuPercent, usageOf } from './proc.ts';
import { startProgram } from './program.ts';
import { median, type Outcome } from './report.ts';
import { createStore, startEdge } from './store.ts';

export const ingest: Measurement = {
  name: 'ingest',
  about: 'durable QoS 1 sales/s of the edge against bare aedes',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 1 : 5;
  const seconds = context.quick ? 2 : 6;
  const store = await createStore({ folder: join(context.folder, 'ingest'), hub: 'bench-ingest' });
  const barePort = await freePort();
  const bare = startProgram('bench/bare-broker.js', ['--port', String(barePort)]);
  await bare.nextLine();
  const edge = await startEdge(store);
  try {
    const warmUp = [await loadWith({ port: store.mqttPort, run: 'warm', seconds: context.quick ? 1 : 4 })];
    await loadWith({ port: barePort, run: 'warm', seconds: context.quick ? 1 : 3 });

    const ours: LoadResult[] = [];
    const theirs: LoadResult[] = [];
    const edgeUsage: { cpu: number; each: number; rssMb: number }[] = [];
    const bareUsage: { each: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const before = usageOf(edge.pid);
      const own = await loadWith({ port: store.mqttPort, run: `own${round}`, seconds });
      const after = usageOf(edge.pid);
      edgeUsage.push({ cpu: cpuPercent(before, after), each: cpuEach(before, after, own.acked), rssMb: after.rssMb });
      const bareBefore = usageOf(bare.process.pid);
      const other = await loadWith({ port: barePort, run: `bare${round}`, seconds });
      bareUsage.push({ each: cpuEach(bareBefore, usageOf(bare.process.pid), other.acked) });
      ours.push(own);
      theirs.push(other);
      context.say(`round ${round}: edge ${Math.round(own.rate)}/s, bare aedes ${Math.round(other.rate)}/s`);
    }
    await edge.stop();
    const rows = checkJournal(store.dataDir, [...warmUp, ...ours]);
    context.say(`the journal holds all ${rows} acknowledged sales, each once`);
    const measured = median(ours.map((one) => one.rate));
    return {
      name: ingest.name,
      lines: [
        {
          what: 'durable QoS 1 sales, rule on',
          unit: '/s',
          measured,
          baseline: median(theirs.map((one) => one.rate)),
          atLeast: { ratio: 0.3, value: 30_000 },
          wanted: { ratio: 0.5 },
        },
        { what: 'send to PUBACK at that rate, p50', unit: 'ms', measured: median(ours.map((one) => one.latency.p50)) },
        { what: 'send to PUBACK at that rate, p99', unit: 'ms', measured: median(ours.map((one) => one.latency.p99)) },
        {
          what: 'CPU a sale',
          unit: 'us',
          measured: median(edgeUsage.map((one) => one.each)),
          baseline: median(bareUsage.map((one) => one.each)),
        },
        { what: 'edge at that rate, CPU', unit: '% of a core', measured: median(edgeUsage.map((one) => one.cpu)) },
        { what: 'edge at that rate, memory', unit: 'MiB', measured: Math.max(...edgeUsage.map((one) => one.rssMb)) },
      ],
      raw: { ours, theirs, edgeUsage, bareUsage, rows },
      remarks: [],
    };
  } finally {
    await bare.process.end('SIGTERM');
    await edge.process.end('SIGKILL');
  }
}
