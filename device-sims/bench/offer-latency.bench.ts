/**
 * A shopper's stay has lasted for `dwell` -> the offer is read from a subscriber's socket, with the mix of a whole shop
 * around it. The hub counts a stay from the transaction that journals its first sighting. That lies between sending and
 * PUBACK: counted from sending the figure can only be too high, counted from PUBACK only too low. The bar is for the
 * former.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies, type LatencySummary } from '../load/latencies.ts';
import { productGtin, shopperName } from '../load/sales.ts';
import type { BenchContext, Measurement } from './context.ts';
import { MqttSession } from './mqtt-session.ts';
import { People } from './people.ts';
import { startProgram } from './program.ts';
import type { Line, Outcome } from './report.ts';
import { CAPACITY, createStore, startEdge } from './store.ts';

const BACKGROUND_RATE = 2_000;
const DWELL_MS = 1_000;
/** One shopper enters in each such time, at a random moment of it. */
const EACH_MS = 50;
const WARM_UP = 50;
const PATIENCE_MS = 10_000;
/** Shelves of the mix, and one that it does not touch, for the product on offer. */
const MIX_SHELVES = 40;
const OFFERED = 'B1-1';
const ZONE = 'beverages';

export const offerLatency: Measurement = {
  name: 'offer-latency',
  about: 'end of dwell -> offer received by an MQTT subscriber',
  run,
};

interface Sample {
  readonly sent: number;
  acked: number;
  got: number;
}

async function run(context: BenchContext): Promise<Outcome> {
  const offers = context.quick ? 100 : 1_000;
  const shelves = Array.from({ length: MIX_SHELVES }, (_, n) => `A${1 + (n % 8)}-${1 + Math.floor(n / 8)}`);
  const store = await createStore({
    folder: join(context.folder, 'offers'),
    hub: 'bench-offers',
    shelves: [...shelves, OFFERED],
    rules: { location_offer: { dwell: `${DWELL_MS}ms` } },
    campaigns: [
      {
        ...{ id: 'soda-10', zone: ZONE, gtin: productGtin(MIX_SHELVES), text: '10 % off spring water today' },
        ...{ from: '2000-01-01', until: '2099-12-31', per_shopper: '1 per 1d', holdout: 0 },
      },
    ],
  });
  const edge = await startEdge(store);
  try {
    const all = WARM_UP + offers;
    const seconds = Math.ceil((all * EACH_MS) / 1000) + 10;
    const mix = startProgram('bench/mix-load.js', [
      ...['--port', String(store.mqttPort), '--rate', String(BACKGROUND_RATE), '--seconds', String(seconds)],
    ]);
    const people = await People.open(store.mqttPort, all);
    const subscriber = await MqttSession.open(store.mqttPort, 'bench-subscriber');
    await subscriber.subscribe('out/offers/shopper/#');
    const sensor = await MqttSession.open(store.mqttPort, 'bench-sensor');
    await sensor.publish(`in/shelf/sensor-${OFFERED}`, { shelf: OFFERED, count: CAPACITY });
    await mix.nextLine();
    await sleep(2_000);
    const samples = await makeOffers(people, subscriber, all);
    for (const session of [people, subscriber, sensor]) session.close();
    const around = (await mix.nextLine()) as { acknowledged: number; seconds: number };
    await edge.stop();
    return outcomeOf(context, samples.slice(WARM_UP), around);
  } finally {
    await edge.process.end('SIGKILL');
  }
}

/** One shopper after the other enters, gets an offer after the dwell, and leaves. */
async function makeOffers(people: People, subscriber: MqttSession, all: number): Promise<Sample[]> {
  const samples = new Map<string, Sample>();
  subscriber.onPublish = (topic, _, at) => {
    const sample = samples.get(topic);
    if (sample && Number.isNaN(sample.got)) sample.got = at;
  };
  const visits: Promise<void>[] = [];
  for (let n = 0; n < all; n += 1) {
    const wait = Math.random() * EACH_MS;
    await sleep(wait);
    visits.push(visit(people, n, samples));
    await sleep(EACH_MS - wait);
  }
  await Promise.all(visits);
  return [...samples.values()];
}

async function visit(people: People, n: number, samples: Map<string, Sample>): Promise<void> {
  const sample: Sample = { sent: performance.now(), acked: Number.NaN, got: Number.NaN };
  samples.set(`out/offers/shopper/${shopperName(n)}`, sample);
  await people.tell(n, ZONE, true);
  sample.acked = performance.now();
  while (Number.isNaN(sample.got)) {
    if (performance.now() - sample.sent > DWELL_MS + PATIENCE_MS) throw new Error(`no offer for ${shopperName(n)}`);
    await sleep(100);
  }
  if (sample.got - sample.sent < DWELL_MS) throw new Error(`${shopperName(n)} got an offer before the dwell was over`);
  await people.tell(n, ZONE, false);
}

function outcomeOf(
  context: BenchContext,
  samples: readonly Sample[],
  around: { acknowledged: number; seconds: number },
): Outcome {
  const since = (from: (sample: Sample) => number): LatencySummary => {
    const latencies = new Latencies();
    for (const sample of samples) latencies.add(Math.max(0, sample.got - from(sample) - DWELL_MS) * 1000);
    return latencies.summary();
  };
  const [sent, acked] = [since((sample) => sample.sent), since((sample) => sample.acked)];
  const rate = around.acknowledged / around.seconds;
  context.say(
    `${samples.length} offers, from sending p50 ${sent.p50.toFixed(2)} ms, p99 ${sent.p99.toFixed(2)} ms, from PUBACK ` +
      `p50 ${acked.p50.toFixed(2)} ms, p99 ${acked.p99.toFixed(2)} ms; ${Math.round(rate)} other events/s`,
  );
  const line = (what: string, measured: number, bar?: number): Line => ({
    ...{ what: `end of dwell -> offer, ${what}`, unit: 'ms', measured },
    ...(bar !== undefined && { atLeast: { value: bar } }),
  });
  const remarks =
    rate < BACKGROUND_RATE * 0.95
      ? [`offer-latency: only ${Math.round(rate)} of ${BACKGROUND_RATE} other events/s`]
      : [];
  return {
    name: offerLatency.name,
    lines: [
      line('p50', sent.p50, 5),
      line('p99', sent.p99, 25),
      line('p50, dwell counted from PUBACK', acked.p50),
      line('p99, dwell counted from PUBACK', acked.p99),
    ],
    raw: { offers: samples.length, dwell: DWELL_MS, sent, acked, around },
    remarks,
  };
}
