/**
 * A till asks whether a coupon may be redeemed -> it has the answer, with the mix of a whole shop around it. The answer
 * comes after the commit. Each code is asked for once, by one till after the other, over connections that stay open.
 */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies } from '../load/latencies.ts';
import { productGtin } from '../load/sales.ts';
import type { BenchContext, Measurement } from './context.ts';
import { MqttSession } from './mqtt-session.ts';
import { People } from './people.ts';
import { startProgram } from './program.ts';
import type { Line, Outcome } from './report.ts';
import { CAPACITY, createStore, startEdge } from './store.ts';

const BACKGROUND_RATE = 2_000;
const TILLS = 8;
/** One till asks in each such time, at a random moment of it. */
const EACH_MS = 30;
const WARM_UP = 50;
/** Shelves of the mix, and one that it does not touch, for the product on offer. */
const MIX_SHELVES = 40;
const OFFERED = 'B1-1';
const ZONE = 'beverages';
const DAY = '2026-11-20';

export const claimLatency: Measurement = {
  name: 'claim-latency',
  about: 'a till claims a coupon -> the answer, after the commit',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const all = WARM_UP + (context.quick ? 150 : 1_500);
  const shelves = Array.from({ length: MIX_SHELVES }, (_, n) => `A${1 + (n % 8)}-${1 + Math.floor(n / 8)}`);
  const store = await createStore({
    folder: join(context.folder, 'claims'),
    hub: 'bench-claims',
    shelves: [...shelves, OFFERED],
    rules: { location_offer: { dwell: '0s' } },
    campaigns: [
      {
        ...{ id: 'soda-10', zone: ZONE, gtin: productGtin(MIX_SHELVES), text: '10 % off spring water today' },
        ...{ from: '2000-01-01', until: '2099-12-31', coupon: true, valid: '1d', quantity: 1_000_000 },
      },
    ],
  });
  const edge = await startEdge(store);
  try {
    const codes = await codesFor(all, store.mqttPort);
    const seconds = Math.ceil((all * EACH_MS) / 1000) + 5;
    const mix = startProgram('bench/mix-load.js', [
      ...['--port', String(store.mqttPort), '--rate', String(BACKGROUND_RATE), '--seconds', String(seconds)],
    ]);
    await mix.nextLine();
    await sleep(2_000);
    const latencies = await claimAll(codes, store.httpPort);
    const around = (await mix.nextLine()) as { acknowledged: number; seconds: number };
    await edge.stop();
    return outcomeOf(context, latencies, around);
  } finally {
    await edge.process.end('SIGKILL');
  }
}

/** As many shoppers come into the zone, and each gets an offer with a code. */
async function codesFor(count: number, port: number): Promise<string[]> {
  const subscriber = await MqttSession.open(port, 'bench-phones');
  const codes: string[] = [];
  subscriber.onPublish = (_, payload) => codes.push((JSON.parse(payload.toString()) as { code: string }).code);
  await subscriber.subscribe('out/offers/shopper/#');
  const sensor = await MqttSession.open(port, 'bench-sensor');
  await sensor.publish(`in/shelf/sensor-${OFFERED}`, { shelf: OFFERED, count: CAPACITY });
  const people = await People.open(port, count);
  for (let n = 0; n < count; n += 1) await people.tell(n, ZONE, true);
  for (let waited = 0; codes.length < count; waited += 50) {
    if (waited > 30_000) throw new Error(`only ${codes.length} of ${count} shoppers got an offer`);
    await sleep(50);
  }
  for (const session of [people, subscriber, sensor]) session.close();
  return codes;
}

async function claimAll(codes: readonly string[], port: number): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: TILLS });
  const latencies = new Latencies();
  const open: Promise<void>[] = [];
  for (const [n, code] of codes.entries()) {
    const wait = Math.random() * EACH_MS;
    await sleep(wait);
    const sent = performance.now();
    const claimed = claim(port, agent, { till: `till-${n % TILLS}`, transaction: `${n}`, business_day: DAY, code });
    open.push(claimed.then(() => void (n >= WARM_UP && latencies.add((performance.now() - sent) * 1000))));
    await sleep(EACH_MS - wait);
  }
  await Promise.all(open);
  agent.destroy();
  return latencies;
}

function claim(port: number, agent: Agent, body: object): Promise<void> {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, agent, headers, host: '127.0.0.1', method: 'POST', path: '/api/claims' },
      (answer) => {
        answer.resume();
        answer.once('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`a claim was answered with ${answer.statusCode}`));
        });
      },
    );
    asked.once('error', reject);
    asked.end(text);
  });
}

function outcomeOf(
  context: BenchContext,
  latencies: Latencies,
  around: { acknowledged: number; seconds: number },
): Outcome {
  const claims = latencies.summary();
  const rate = around.acknowledged / around.seconds;
  context.say(
    `p50 ${claims.p50.toFixed(2)} ms, p99 ${claims.p99.toFixed(2)} ms; ${Math.round(rate)} other events/s around them`,
  );
  const line = (name: string, measured: number, bar?: number): Line => ({
    ...{ what: `claim of a coupon -> answer, ${name}`, unit: 'ms', measured },
    ...(bar !== undefined && { atLeast: { value: bar } }),
  });
  const remarks =
    rate < BACKGROUND_RATE * 0.95
      ? [`claim-latency: only ${Math.round(rate)} of ${BACKGROUND_RATE} other events/s`]
      : [];
  const lines = [line('p50', claims.p50), line('p99', claims.p99, 100)];
  return { name: claimLatency.name, lines, raw: { claims, around }, remarks };
}
