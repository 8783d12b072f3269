/**
 * `run`: lets a world live, as fast as it can or paced, and writes its ledger; with a hub, its devices speak to it. The
 * only place here that knows of wall time.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach, type HubOptions } from '../fleet/attached.ts';
import { NO_FAULTS } from '../fleet/faults.ts';
import type { FleetTally } from '../fleet/sim-device.ts';
import { writeStrikes } from '../fleet/strikes.ts';
import { weekdayOf } from './calendar.ts';
import { drive, type Load, LoadMeter } from './drive.ts';
import { openLedgerFile } from './ledger-file.ts';
import { openTally, type Tally } from './tally.ts';
import { openWorld, type World } from './world.ts';
import type { WorldFile } from './world-file.ts';

export interface RunOptions {
  readonly file: WorldFile;
  readonly seed: number;
  readonly from: string;
  readonly days: number;
  /** Minutes past midnight of the last day. */
  readonly until?: number | undefined;
  readonly coverage?: number | undefined;
  readonly ledger?: string | undefined;
  /** So many times as fast as life; none: as fast as it can. */
  readonly speed?: number | undefined;
  /** Readings a second: as fast as that needs; instead of a speed, and with a hub. */
  readonly rate?: number | undefined;
  /** Its devices speak to this hub; needs a speed or a rate. */
  readonly hub?: HubOptions | undefined;
}

export interface Progress {
  /** Shown now and then, over what was shown before. */
  show(text: string): void;
}

export interface RunResult {
  /** False: it was stopped, and the ledger has no end. */
  readonly finished: boolean;
  readonly tally: Tally;
  /** With a hub: what its devices said, and what became of it. */
  readonly said?: FleetTally | undefined;
  /** With a rate. */
  readonly load?: Load | undefined;
  readonly seconds: number;
}

/** Simulated time between two looks at the outside. */
const STEP_MS = 600_000;
const PACED_STEP_MS = 50;
const DEVICE_STEP_MS = 5_000;
const SHOW_EVERY_MS = 200;
/** A paced run passes over the night before the first day: it begins when staff come. */
const BEFORE_OPENING_MINUTES = 90;

/** @param stop ends it between two steps */
export async function run(options: RunOptions, progress: Progress, stop: AbortSignal): Promise<RunResult> {
  const begun = performance.now();
  const world = openWorld(options);
  const tally = openTally();
  world.watch(tally.witness);
  const ledger = options.ledger === undefined ? undefined : openLedgerFile(options.ledger);
  if (ledger) world.watch(ledger.witness);
  const { timezone } = options.file;
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  let shown = 0;
  const show = (): void => {
    if (performance.now() - shown < SHOW_EVERY_MS) return;
    shown = performance.now();
    progress.show(`${clock.format(world.now)}  ${tally.line()}`);
  };
  let said: FleetTally | undefined;
  let load: Load | undefined;
  try {
    const { speed, rate, hub } = options;
    if (rate !== undefined && hub !== undefined) {
      const meter = new LoadMeter();
      const fleet = attach(world, { ...hub, meter, seed: options.seed, speed: 1 });
      const from = firstMorning(options, world);
      await fleet.start(from);
      world.advance(from);
      if (options.ledger !== undefined && hub.faults !== NO_FAULTS)
        writeStrikes(faultFileOf(options.ledger), fleet.strikes);
      load = await drive({ world, fleet, meter, rate }, stop, show);
      said = fleet.tally;
    } else if (speed === undefined) await hurry(world, stop, show);
    else said = await pace(world, { ...options, speed }, stop, show);
  } finally {
    ledger?.close();
  }
  const seconds = (performance.now() - begun) / 1000;
  return { finished: world.now >= world.endsAt, tally, said, load, seconds };
}

async function hurry(world: World, stop: AbortSignal, show: () => void): Promise<void> {
  while (world.now < world.endsAt && !stop.aborted) {
    world.advance(world.now + STEP_MS);
    show();
    // Signals are heard only in between.
    await sleep(0);
  }
}

/** What the score needs to know of a paced run: which instant of the hub's clock was which of the shop's. */
export function clockFileOf(ledger: string): string {
  return `${ledger}.run.json`;
}

/** Which device had which fault when, for a score that is split by it. */
export function faultFileOf(ledger: string): string {
  return `${ledger}.faults.jsonl`;
}

async function pace(
  world: World,
  options: RunOptions & { readonly speed: number },
  stop: AbortSignal,
  show: () => void,
): Promise<FleetTally | undefined> {
  const { speed, ledger, hub, seed } = options;
  const from = firstMorning(options, world);
  const fleet = hub && attach(world, { ...hub, seed, speed });
  await fleet?.start(from);
  world.advance(from);
  const [begun, hubBegan] = [performance.now(), Date.now()];
  fleet?.began(hubBegan);
  if (ledger !== undefined) {
    const [hub_began, simulated_began] = [hubBegan, from].map((ms) => new Date(ms).toISOString());
    writeFileSync(clockFileOf(ledger), `${JSON.stringify({ hub_began, simulated_began, speed })}\n`);
    if (fleet && hub.faults !== NO_FAULTS) writeStrikes(faultFileOf(ledger), fleet.strikes);
  }
  while (world.now < world.endsAt && !stop.aborted) {
    const target = Math.min(world.endsAt, Math.floor(from + (performance.now() - begun) * speed));
    // Devices look at the world between two steps, so with them steps are short.
    while (world.now < target) {
      world.advance(fleet ? Math.min(target, world.now + DEVICE_STEP_MS) : target);
      fleet?.look(world.now);
    }
    show();
    await sleep(PACED_STEP_MS, undefined, { signal: stop }).catch(() => undefined);
    await fleet?.hold();
  }
  await fleet?.stop();
  return fleet?.tally;
}

function firstMorning({ file, from }: RunOptions, world: World): number {
  const [opens] = file.open[weekdayOf(from)] ?? [];
  if (opens === undefined) return world.now;
  const [hours = 0, minutes = 0] = opens.split(':').map(Number);
  return world.now + Math.max(0, hours * 60 + minutes - BEFORE_OPENING_MINUTES) * 60_000;
}
