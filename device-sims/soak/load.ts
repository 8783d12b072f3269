/**
 * The soak's devices as a program of their own: `node load.js --port 1883 --run a [--devices 16] [--window 64]
 * [--rate N] [--seconds N]`. Prints a line of JSON each second. Ends after `--seconds` or SIGTERM: sends nothing new,
 * and leaves when everything is acknowledged, with one line more.
 */
import { parseArgs } from 'node:util';
import { Latencies, type LatencyCell } from '../load/latencies.ts';
import { Publisher } from './publisher.ts';

/** What each line holds. */
export interface LoadLine {
  /** Readings sent for the first time, and all acknowledged ones below which none is missing, by device. */
  readonly sent: readonly number[];
  readonly acknowledged: readonly number[];
  /** How long the acknowledgements since the last line took. */
  readonly latencies: readonly LatencyCell[];
  readonly connected: number;
  readonly lost: number;
  readonly done: boolean;
}

const TICK_MS = 5;
/** After an outage at most so much is made up for. */
const DEBT_SECONDS = 60;
/** Waiting for the last acknowledgements ends after this. */
const PATIENCE_MS = 180_000;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '1883' },
    run: { type: 'string', default: 'soak' },
    devices: { type: 'string', default: '16' },
    window: { type: 'string', default: '64' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
  },
});

const rate = values.rate === undefined ? Number.POSITIVE_INFINITY : Number(values.rate);
const until = values.seconds === undefined ? Number.POSITIVE_INFINITY : Number(values.seconds) * 1000;
const begun = performance.now();
let budget = Number.isFinite(rate) ? 0 : rate;
let lastTick = begun;
let nextLine = begun + 1000;
let stoppedAt: number | undefined;
let turn = 0;
let latencies = new Latencies();

const publishers = Array.from({ length: Number(values.devices) }, (_, device) => {
  return new Publisher({
    port: Number(values.port),
    run: values.run,
    device,
    window: Number(values.window),
    latencies: { add: (us: number) => latencies.add(us) },
    allowance: () => (stoppedAt === undefined ? Math.floor(budget) : 0),
    took: (count) => {
      budget -= count;
    },
  });
});
const all = <T>(of: (publisher: Publisher) => T): T[] => publishers.map(of);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function line(done: boolean): void {
  const spoken: LoadLine = {
    sent: all((one) => one.sent),
    acknowledged: all((one) => one.acknowledged),
    latencies: latencies.cells(),
    connected: all((one) => one.connected).filter(Boolean).length,
    lost: sum(all((one) => one.lost)),
    done,
  };
  latencies = new Latencies();
  console.log(JSON.stringify(spoken));
}

for (const publisher of publishers) publisher.start();
process.once('SIGTERM', () => {
  stoppedAt ??= performance.now();
});
const tick = setInterval(() => {
  const now = performance.now();
  if (Number.isFinite(rate)) budget = Math.min(budget + ((now - lastTick) / 1000) * rate, rate * DEBT_SECONDS);
  lastTick = now;
  if (now - begun > until) stoppedAt ??= now;
  for (let i = 0; i < publishers.length; i += 1) publishers[(turn + i) % publishers.length]?.pump();
  turn += 1;
  if (now >= nextLine) {
    nextLine = now + 1000;
    line(false);
  }
  const settled = publishers.every((one) => one.acknowledged === one.sent);
  if (stoppedAt !== undefined && (settled || now - stoppedAt > PATIENCE_MS)) {
    clearInterval(tick);
    line(true);
    for (const publisher of publishers) publisher.stop();
  }
}, TICK_MS);
