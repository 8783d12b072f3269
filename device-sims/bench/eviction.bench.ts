/** Durable QoS 1 sales per second while as much is dropped for want of space, against an edge with room, alternating. */
import { join } from 'node:path';
import type { LoadResult } from '../load/generator.ts';
import type { BenchContext, Measurement } from './context.ts';
import { loadWith } from './load-program.ts';
import { median, type Outcome } from './report.ts';
import { createStore, type Store, startEdge } from './store.ts';

export const eviction: Measurement = {
  name: 'eviction',
  about: 'durable QoS 1 sales/s with eviction running, against without',
  run,
};

const DROPPED = /^store_hub_events_dropped_total\{stream="sales"\} (\d+)/m;

async function dropped(store: Store): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${store.httpPort}/metrics`)).text();
  return Number(DROPPED.exec(text)?.[1] ?? 0);
}

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 1 : 5;
  const seconds = context.quick ? 2 : 6;
  const roomy = await createStore({ folder: join(context.folder, 'roomy'), hub: 'bench-roomy' });
  const budget = context.quick ? '32MiB' : '256MiB';
  const tight = await createStore({ folder: join(context.folder, 'tight'), hub: 'bench-tight', budget });
  const [without, evicting] = [await startEdge(roomy), await startEdge(tight)];
  try {
    await loadWith({ port: roomy.mqttPort, run: 'warm', seconds: context.quick ? 1 : 4 });
    for (let n = 0; (await dropped(tight)) === 0; n += 1) {
      if (n === 60) throw new Error(`the disk budget of ${budget} was never used up`);
      await loadWith({ port: tight.mqttPort, run: `fill${n}`, seconds: 2 });
    }
    const before: LoadResult[] = [];
    const during: LoadResult[] = [];
    const shares: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const free = await loadWith({ port: roomy.mqttPort, run: `free${round}`, seconds });
      const gone = await dropped(tight);
      const busy = await loadWith({ port: tight.mqttPort, run: `busy${round}`, seconds });
      before.push(free);
      during.push(busy);
      shares.push(((await dropped(tight)) - gone) / busy.acked);
      context.say(`round ${round}: ${Math.round(busy.rate)}/s with eviction, ${Math.round(free.rate)}/s without`);
    }
    await without.stop();
    await evicting.stop();
    const share = median(shares);
    if (share < 0.5) throw new Error(`only ${Math.round(share * 100)} % as many were dropped as came: no eviction ran`);
    return {
      name: eviction.name,
      lines: [
        {
          what: 'durable QoS 1 sales, with eviction running against without',
          unit: '/s',
          measured: median(during.map((one) => one.rate)),
          baseline: median(before.map((one) => one.rate)),
          atLeast: { ratio: 0.7 },
          wanted: { ratio: 0.9 },
        },
        {
          what: 'send to PUBACK with eviction, p99',
          unit: 'ms',
          measured: median(during.map((one) => one.latency.p99)),
        },
        { what: 'the same without', unit: 'ms', measured: median(before.map((one) => one.latency.p99)) },
      ],
      raw: { before, during, shares },
      remarks: [],
    };
  } finally {
    await without.process.end('SIGKILL');
    await evicting.process.end('SIGKILL');
  }
}
