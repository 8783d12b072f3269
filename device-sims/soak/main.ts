/**
 * `npm run soak -- --hours 24`: the hub's two daemons under a steady load, with a fault each minute, for as long as a
 * person likes. Records what happens, and at the end proves that nothing acknowledged was lost or doubled, and that
 * memory is flat. Figures go to `bench-results/soak-<date>.csv` and `.json`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../bench/store.ts';
import { cleanup } from '../demo/cleanup.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { seeded } from '../sim/random.ts';
import { Devices } from './devices.ts';
import { FAULTS, type Fault, type Scene } from './faults.ts';
import { faultRows, faultTable, type Struck } from './faults-table.ts';
import { type MemoryTrend, memoryTrend } from './memory.ts';
import { parseOptions, type SoakOptions, USAGE } from './options.ts';
import { type Proof, prove } from './proof.ts';
import { Recorder } from './recorder.ts';
import { buildStage, DEVICES, isReady, type Stage } from './stage.ts';

const WARM_UP_MS = 15_000;
const RUN = 'soak';
/** Memory is judged when its slope rests on this much. */
const JUDGED_HOURS = 0.5;
const GROWTH = 0.1;

const begun = performance.now();
function say(text: string): void {
  const seconds = Math.round((performance.now() - begun) / 1000);
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) =>
    String(Math.floor(part)).padStart(2, '0'),
  );
  console.log(`${clock.join(':')} ${text}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The faults in an order that the seed decides; each comes once before any comes again. */
function* succession(faults: readonly Fault[], seed: number): Generator<Fault, never> {
  const random = seeded(seed);
  for (;;) {
    const rest = [...faults];
    while (rest.length > 0) {
      const [next] = rest.splice(random.whole(0, rest.length - 1), 1);
      if (next !== undefined) yield next;
    }
  }
}

async function possibleFaults(stage: Stage, names: readonly string[]): Promise<Fault[]> {
  const possible: Fault[] = [];
  for (const fault of FAULTS) {
    if (names.length > 0 && !names.some((name) => fault.name.includes(name))) continue;
    const missing = await fault.missing?.(stage);
    if (missing === undefined) possible.push(fault);
    else say(`SKIPPED on this machine: ${fault.name}: ${missing}`);
  }
  return possible;
}

async function strikeAll(
  scene: Scene,
  options: SoakOptions,
  recorder: Recorder,
  signal: AbortSignal,
): Promise<Struck[]> {
  const struck: Struck[] = [];
  const faults = await possibleFaults(scene.stage, options.faults);
  const end = performance.now() + options.seconds * 1000;
  const pause = (ms: number) => sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  await pause(Math.min(WARM_UP_MS, options.seconds * 250));
  for (const fault of faults.length > 0 ? succession(faults, options.seed) : []) {
    const at = performance.now();
    // The last one must be over, and the shop calm again, before the end.
    if (signal.aborted || at + Math.min(options.every, 45) * 1000 > end) break;
    const from = [...scene.devices.sent];
    recorder.fault = fault.name;
    let seen: string | undefined;
    let problem: string | undefined;
    try {
      seen = await fault.strike(scene);
    } catch (error) {
      problem = messageOf(error);
    }
    recorder.fault = '';
    const seconds = (performance.now() - at) / 1000;
    struck.push({ name: fault.name, at: Math.round((at - begun) / 1000), seconds, seen, problem, from });
    say(`${fault.name}: ${problem ?? seen ?? 'nothing was seen of it'} (${seconds.toFixed(1)} s)`);
    await pause(options.every * 1000 - (performance.now() - at));
  }
  await pause(end - performance.now());
  return struck;
}

function memoryLine(name: string, trend: MemoryTrend): string {
  const slope = (value: number | undefined) => (value === undefined ? 'too short to say' : `${value.toFixed(1)} MB/h`);
  const { meanMb, peakMb, lives, overall, within } = trend;
  const levels = `mean ${meanMb.toFixed(0)} MB, peak ${peakMb.toFixed(0)} MB`;
  return `${name} memory: ${levels}, slope ${slope(overall)}, within the lives of ${lives} processes ${slope(within)}`;
}

/** Whether memory grew by more than a tenth of its mean; a short soak says nothing. */
function grew({ overall, hours, meanMb }: MemoryTrend): boolean {
  return hours >= JUDGED_HOURS && overall !== undefined && overall * hours > GROWTH * meanMb;
}

function summary(proof: Proof): string[] {
  const { sent, acknowledged, arrived, lost, twice, late, dropped, events, verified } = proof;
  return [
    `${sent} readings sent, ${acknowledged} acknowledged, ${arrived} at head office: ${lost} lost, ${twice} twice, ${late} out of order`,
    `${events} events read: ${dropped} drop records; drained in ${proof.drainedIn.toFixed(1)} s`,
    verified === undefined
      ? 'store-hub verify gave no answer'
      : `store-hub verify: ${verified.ok ? 'ok' : 'NOT OK'}, ${verified.gaps} gaps, ${verified.duplicates} duplicates, ${verified.dropped} dropped`,
  ];
}

async function soak(options: SoakOptions, folder: string, signal: AbortSignal): Promise<number> {
  const undo = cleanup();
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const name = join('bench-results', `soak-${new Date().toISOString().replaceAll(':', '-')}`);
  mkdirSync('bench-results', { recursive: true });
  try {
    say(`seed ${options.seed}; ${options.rate} readings/s for ${Math.round(options.seconds / 60)} minutes`);
    const stage = await buildStage(folder, say, (what, step) => undo.add(what, async () => void (await step())));
    await runCommand(stage.store, 'topics', 'create', '--partitions', '1', '--replication', '1');
    stage.edge.start();
    undo.add('edge', () => stage.edge.end('SIGKILL'));
    stage.bridge.start();
    undo.add('bridge', () => stage.bridge.end('SIGKILL'));
    await waitUntil('the edge to be ready', () => isReady(stage.store), { timeoutMs: 60_000 });
    await stage.office.start();
    undo.add('head office', () => stage.office.stop());
    const devices = new Devices({ port: stage.store.mqttPort, run: RUN, devices: DEVICES, rate: options.rate });
    undo.add('devices', () => devices.kill());
    const guests: Devices[] = [];
    const recorder = new Recorder(stage, devices, `${name}.csv`);
    recorder.start();
    undo.add('recorder', async () => recorder.stop());
    say('everything is up');
    const struck = await strikeAll({ stage, devices, rate: options.rate, guests }, options, recorder, signal);
    recorder.stop();
    const proof = await prove(stage, [devices, ...guests], say);
    const rows = faultRows(struck, stage.office.ledger, RUN, devices.sent);
    const trends = { edge: memoryTrend(recorder.edgeMemory), bridge: memoryTrend(recorder.bridgeMemory) };
    const faults = [...proof.faults];
    for (const { name: fault, problem } of struck) if (problem !== undefined) faults.push(`${fault}: ${problem}`);
    for (const [part, trend] of Object.entries(trends)) if (grew(trend)) faults.push(`${part}: memory grew`);
    console.log(`\n${faultTable(rows)}\n\n${summary(proof).join('\n')}`);
    console.log(`${memoryLine('edge', trends.edge)}\n${memoryLine('bridge', trends.bridge)}`);
    for (const fault of faults) console.log(`NOT AS IT MUST BE: ${fault}`);
    writeFileSync(
      `${name}.json`,
      `${JSON.stringify({ options, rows, proof, trends, faults, struck, samples: recorder.samples }, null, 1)}\n`,
    );
    console.log(`raw figures: ${name}.csv, ${name}.json`);
    return faults.length > 0 ? 1 : 0;
  } finally {
    for (const fault of await undo.run()) console.error(`cleaning up: ${fault}`);
  }
}

async function main(): Promise<number> {
  let options: SoakOptions | undefined;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      say('ending early: the report follows; once more to leave at once');
      stop.abort();
    });
  }
  return await soak(options, mkdtempSync(join(tmpdir(), 'store-hub-soak-')), stop.signal);
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 1;
});
// Everything is undone; a socket that a library still holds must not keep the program.
setTimeout(() => process.exit(), 2_000).unref();
