/**
 * `run`: lets a world live, as fast as it can or paced, and writes its ledger; with a hub, its devices speak to it. The
 * only place here that knows of wall time.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach, type Fleet, type HubOptions } from '../fleet/attached.ts';
import { NO_FAULTS } from '../fleet/faults.ts';
import type { FleetTally } from '../fleet/sim-device.ts';
import { writeStrikes } from '../fleet/strikes.ts';
import { weekdayOf } from './calendar.ts';
import { drive, type Load, LoadMeter } from './drive.ts';
import { openLedgerFile } from './ledger-file.ts';
import { livePaced, type Paced } from './paced.ts';
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
  /** With a speed. */
  readonly paced?: Paced | undefined;
  readonly seconds: number;
}

/** Simulated time between two looks at the outside. */
const STEP_MS = 600_000;
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
  // Those of an earlier run of this name would be taken for this one's.
  if (options.ledger !== undefined)
    for (const of of [clockFileOf, faultFileOf]) rmSync(of(options.ledger), { force: true });
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
  let paced: Paced | undefined;
  let fleet: Fleet | undefined;
  try {
    const { seed, speed, rate, hub } = options;
    if (hub !== undefined) {
      const meter = rate === undefined ? undefined : new LoadMeter();
      fleet = attach(world, { ...hub, meter, seed, speed: speed ?? 1 });
      await begin(fleet, world, options, stop);
      if (rate !== undefined && meter !== undefined) load = await drive({ world, fleet, meter, rate }, stop, show);
      else if (speed !== undefined) {
        paced = await pace({ world, fleet, speed }, options, stop, show);
        await fleet.stop(stop);
      }
      said = fleet.tally;
    } else if (speed === undefined) await hurry(world, stop, show);
    else {
      world.advance(firstMorning(options, world));
      paced = await pace({ world, speed }, options, stop, show);
    }
  } catch (error) {
    await fleet?.abandon();
    throw error;
  } finally {
    ledger?.close();
  }
  const seconds = (performance.now() - begun) / 1000;
  return { finished: world.now >= world.endsAt, tally, said, load, paced, seconds };
}

async function begin(fleet: Fleet, world: World, options: RunOptions, stop: AbortSignal): Promise<void> {
  const { ledger, hub } = options;
  const from = firstMorning(options, world);
  await fleet.start(from, stop);
  world.advance(from);
  if (ledger !== undefined && hub?.faults !== NO_FAULTS) writeStrikes(faultFileOf(ledger), fleet.strikes);
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

/** Leaves the run's clock beside the ledger: at once, and again where it did not go evenly. */
async function pace(
  parts: { readonly world: World; readonly fleet?: Fleet | undefined; readonly speed: number },
  { ledger }: RunOptions,
  stop: AbortSignal,
  show: () => void,
): Promise<Paced> {
  const { world, fleet, speed } = parts;
  const [hub, simulated] = [Date.now(), world.now];
  fleet?.began(hub, simulated);
  const write = (more: object): void => {
    if (ledger === undefined) return;
    const clock = { hub_began: iso(hub), simulated_began: iso(simulated), speed, ...more };
    writeFileSync(clockFileOf(ledger), `${JSON.stringify(clock)}\n`);
  };
  write({});
  const paced = await livePaced(parts, stop, show);
  if (paced.wentOn.length > 0)
    write({ went_on: paced.wentOn.map((on) => ({ hub: iso(on.hub), simulated: iso(on.simulated) })) });
  return paced;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function firstMorning({ file, from }: RunOptions, world: World): number {
  const [opens] = file.open[weekdayOf(from)] ?? [];
  if (opens === undefined) return world.now;
  const [hours = 0, minutes = 0] = opens.split(':').map(Number);
  return world.now + Math.max(0, hours * 60 + minutes - BEFORE_OPENING_MINUTES) * 60_000;
}
