/**
 * What all rules cost together: durable QoS 1 sales per second with every rule at work against the shelf gap alone,
 * alternating under the same load. One sale of a hundred names a shopper with consent; shoppers walk through the zone
 * meanwhile, stay, get offers, and buy what is on offer.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from '../load/generator.ts';
import { productGtin } from '../load/sales.ts';
import type { BenchContext, Measurement } from './context.ts';
import { checkJournal } from './journal-check.bench.ts';
import { loadWith } from './load-program.ts';
import { MqttSession } from './mqtt-session.ts';
import { People } from './people.ts';
import { cpuEach, usageOf } from './proc.ts';
import { median, type Outcome } from './report.ts';
import { shelfGapAlone } from './shelf-gap-alone.ts';
import { CAPACITY, createStore, type Daemon, type Store, startEdge } from './store.ts';

const SHOPPERS = 5_000;
/** Presence readings per second: somebody enters or leaves. */
const PRESENCE_RATE = 100;
const TICK_MS = 20;
const STAY_MS = 4_000;
const CAMPAIGNS = 20;
const ZONE = 'beverages';

export const rules: Measurement = {
  name: 'rules',
  about: 'durable QoS 1 sales/s with every rule at work against the shelf gap alone',
  run,
};

interface Side {
  readonly store: Store;
  readonly edge: Daemon;
  readonly people: People;
  readonly runs: LoadResult[];
  readonly measured: { rate: number; cpu: number }[];
  visits: number;
}

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 1 : 7;
  const seconds = context.quick ? 2 : 6;
  const baseline = shelfGapAlone(context.folder);
  const all = await open(context, 'rules-all', undefined, {
    rules: { location_offer: { dwell: '1s', valid: '1m' } },
    campaigns: Array.from({ length: CAMPAIGNS }, (_, n) => ({
      ...{ id: `campaign-${n}`, zone: ZONE, gtin: productGtin(n), text: `10 % off product ${n}`, priority: n },
      ...{ from: '2000-01-01', until: '2099-12-31', per_shopper: '3 per 1d', attribution: '2h', holdout: 0.1 },
      coupon: n % 2 === 0,
    })),
  });
  const one = await open(context, 'rules-one', baseline.command, {});
  try {
    await load(all, 'warm', context.quick ? 1 : 4);
    await load(one, 'warm', context.quick ? 1 : 4);
    for (const side of [all, one]) side.measured.splice(0);
    for (let round = 1; round <= rounds; round += 1) {
      // Neither side always goes first.
      for (const side of round % 2 === 1 ? [all, one] : [one, all]) await load(side, `round${round}`, seconds);
      const [a, b] = [all.measured.at(-1)?.rate ?? 0, one.measured.at(-1)?.rate ?? 0];
      context.say(`round ${round}: all ${Math.round(a)}/s, shelf gap alone ${Math.round(b)}/s, ${(a / b).toFixed(3)}`);
    }
    const figures = await figuresOf(all.store);
    for (const side of [all, one]) {
      side.people.close();
      await side.edge.stop();
      if (side === all || baseline.isReadable) checkJournal(side.store.dataDir, side.runs);
    }
    const { made = 0, attributed = 0 } = figures;
    if (made === 0 || attributed === 0) throw new Error(`the rules had nothing to do: ${JSON.stringify(figures)}`);
    return {
      name: rules.name,
      lines: [
        {
          ...{ what: 'durable QoS 1 sales, every rule on', unit: '/s', atLeast: { ratio: 0.85 } },
          ...{ measured: median(all.measured.map(({ rate }) => rate)) },
          baseline: median(one.measured.map(({ rate }) => rate)),
        },
        {
          ...{ what: 'CPU a sale, every rule on', unit: 'us', measured: median(all.measured.map(({ cpu }) => cpu)) },
          baseline: median(one.measured.map(({ cpu }) => cpu)),
        },
      ],
      raw: { baseline: baseline.about, all: all.measured, one: one.measured, figures, visits: all.visits },
      remarks: [`rules: the baseline is ${baseline.about}; meanwhile ${made} offers, ${attributed} purchases of them`],
    };
  } finally {
    for (const side of [all, one]) await side.edge.process.end('SIGKILL');
  }
}

async function open(
  context: BenchContext,
  name: string,
  command: string | undefined,
  config: { rules?: Record<string, object>; campaigns?: readonly object[] },
): Promise<Side> {
  const store = await createStore({ folder: join(context.folder, name), hub: `bench-${name}`, ...config });
  const edge = await startEdge(store, command === undefined ? {} : { command });
  const sensor = await MqttSession.open(store.mqttPort, 'bench-sensor');
  for (const shelf of store.shelves) await sensor.publish(`in/shelf/sensor-${shelf}`, { shelf, count: CAPACITY });
  sensor.close();
  const people = await People.open(store.mqttPort, SHOPPERS);
  return { store, edge, people, runs: [], measured: [], visits: 0 };
}

/** Sales as fast as they are acknowledged, while people walk. */
async function load(side: Side, run: string, seconds: number): Promise<void> {
  const walking = new AbortController();
  const walk = walkAround(side, walking.signal);
  const before = usageOf(side.edge.pid);
  const result = await loadWith({ port: side.store.mqttPort, run, seconds, shoppers: SHOPPERS });
  side.measured.push({ rate: result.rate, cpu: cpuEach(before, usageOf(side.edge.pid), result.acked) });
  side.runs.push(result);
  walking.abort();
  await walk;
}

/** One shopper after the other comes into the zone, stays, and leaves. */
async function walkAround(side: Side, signal: AbortSignal): Promise<void> {
  const here: { n: number; until: number }[] = [];
  const told: Promise<void>[] = [];
  const each = (PRESENCE_RATE * TICK_MS) / 1000 / 2;
  while (!signal.aborted) {
    for (let i = 0; i < each; i += 1) {
      const n = side.visits % SHOPPERS;
      side.visits += 1;
      told.push(side.people.tell(n, ZONE, true));
      here.push({ n, until: performance.now() + STAY_MS });
    }
    for (let first = here[0]; first && first.until <= performance.now(); first = here[0]) {
      here.shift();
      told.push(side.people.tell(first.n, ZONE, false));
    }
    await sleep(TICK_MS);
  }
  for (const { n } of here) told.push(side.people.tell(n, ZONE, false));
  await Promise.all(told);
}

/** What became of offers, by the edge's own metrics. */
async function figuresOf(store: Store): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`http://127.0.0.1:${store.httpPort}/metrics`)).text();
  const found = text.matchAll(/^store_hub_offer_events_total\{event="([^"]+)"\} (\d+)/gm);
  return Object.fromEntries([...found].map(([, event = '', count]) => [event, Number(count)]));
}
