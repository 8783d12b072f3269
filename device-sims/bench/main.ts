/**
 * `npm run bench [-- NAME...] [--quick]`: measures what the hub must reach, side by side with its baselines, prints a
 * table and keeps the raw figures under `bench-results/`. Exits non-zero only when something broke or lost data.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type LocalKafka, startKafka } from '../kafka/local-kafka.ts';
import { alertLatency } from './alert-latency.bench.ts';
import { claimLatency } from './claim-latency.bench.ts';
import type { BenchContext, Measurement } from './context.ts';
import { decode } from './decode.bench.ts';
import { diskBytes } from './disk-bytes.bench.ts';
import { drain } from './drain.bench.ts';
import { eviction } from './eviction.bench.ts';
import { ingest } from './ingest.bench.ts';
import { offerLatency } from './offer-latency.bench.ts';
import { parts } from './parts.bench.ts';
import { machineBusy } from './proc.ts';
import { type Outcome, table, writeResults } from './report.ts';
import { resources } from './resources.bench.ts';
import { rfidPresence } from './rfid-presence.bench.ts';
import { rules } from './rules.bench.ts';
import { simDay } from './sim-day.bench.ts';
import { start } from './start.bench.ts';
import { sustained } from './sustained.bench.ts';
import { wire } from './wire.bench.ts';

const ALL: readonly Measurement[] = [
  ingest,
  eviction,
  drain,
  sustained,
  alertLatency,
  offerLatency,
  claimLatency,
  rules,
  start,
  resources,
  diskBytes,
  wire,
  parts,
  rfidPresence,
  decode,
  simDay,
];

/** Below this share of all cores in use before a measurement begins, the machine counts as quiet. */
const QUIET = 0.1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});

const chosen = positionals.length === 0 ? ALL : ALL.filter((one) => positionals.includes(one.name));
const unknown = positionals.filter((name) => !ALL.some((one) => one.name === name));

if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such measurement: ${unknown.join(', ')}`);
  console.log('npm run bench [-- NAME...] [--quick]\n');
  for (const { name, about } of ALL) console.log(`  ${name.padEnd(14)} ${about}`);
  process.exitCode = unknown.length > 0 ? 2 : 0;
} else {
  process.exitCode = await bench(chosen, values.quick);
}

async function bench(measurements: readonly Measurement[], quick: boolean): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'store-hub-bench-'));
  let kafka: Promise<LocalKafka> | undefined;
  const outcomes: Outcome[] = [];
  const failures: string[] = [];
  const context = (name: string): BenchContext => ({
    folder,
    quick,
    say: (text) => console.log(`${name}: ${text}`),
    kafka: () => {
      kafka ??= startKafka({ dir: join(folder, 'kafka'), say: (text) => console.log(`kafka: ${text}`) });
      return kafka;
    },
  });
  // All children die with this process; only the folder is left to remove.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    for (const measurement of measurements) {
      console.log(`${measurement.name}: ${measurement.about}`);
      try {
        const busy = await machineBusy();
        const outcome = await measurement.run(context(measurement.name));
        outcomes.push(
          busy > QUIET ? { ...outcome, remarks: [...outcome.remarks, notQuiet(measurement, busy)] } : outcome,
        );
      } catch (error) {
        const text = error instanceof Error ? `${error.message}${causeOf(error)}` : String(error);
        failures.push(`${measurement.name}: ${text}`);
        console.error(`${measurement.name}: FAILED: ${text}`);
      }
    }
  } finally {
    await kafka?.then((running) => running.kill()).catch(() => undefined);
  }
  console.log(`\n${table(outcomes.flatMap((outcome) => outcome.lines))}\n`);
  for (const remark of outcomes.flatMap((outcome) => outcome.remarks)) console.log(remark);
  if (quick) console.log('quick: short rounds, the figures mean little');
  console.log(`raw figures: ${writeResults(outcomes, failures)}`);
  return failures.length > 0 ? 1 : 0;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? ` (${error.cause.message})` : '';
}

function notQuiet({ name }: Measurement, busy: number): string {
  return `${name}: other work took ${Math.round(busy * 100)} % of this machine just before: repeat it on a quiet one`;
}
