/**
 * The afternoon that the demo shows: the ready supermarket on a Thursday from three to six, its lorry and the failure of
 * a freezer moved into these hours. The morning is lived unseen: what the hub is judged by begins when its devices do.
 */
import { Truth } from '../score/truth.ts';
import { loadWorld } from '../sim/load-world.ts';
import { openWorld, type World } from '../sim/world.ts';
import type { WorldFile } from '../sim/world-file.ts';

const DAY = '2026-03-05';
const BEGINS = { hours: 15, offset: '+01:00' } as const;
const HOURS = 3;
/** Minutes past midnight. */
const UNTIL = (BEGINS.hours + HOURS) * 60;
const HOUR_MS = 3_600_000;

export const AFTERNOON_MS = HOURS * HOUR_MS;
/** Percent of the shelves that have a sensor: as in most shops. */
export const COVERAGE = 10;
export const FREEZER = 'frozen-2';

/** The supermarket as its file has it, but for what is to happen in these hours. */
export function afternoonFile(): WorldFile {
  const { failure_days: _, ...file } = loadWorld('supermarket');
  return {
    ...file,
    deliveries: { ...file.deliveries, at: '15:40' },
    failures: [{ unit: FREEZER, day: 1, at: '15:20', hours: 1.5 }],
  };
}

export interface Afternoon {
  readonly file: WorldFile;
  readonly world: World;
  /** Epoch ms of the simulated clock. */
  readonly begins: number;
  /** What truly happened since then. */
  readonly truth: Truth;
  /** Parties in the shop now. */
  inside(): number;
  /** Shelves that have a gap now. */
  openGaps(): readonly string[];
}

/** The shop at three o'clock: its clock stands, and whatever happens from now on counts. */
export function openAfternoon(seed: number): Afternoon {
  const file = afternoonFile();
  const world = openWorld({ file, seed, from: DAY, days: 1, until: UNTIL, coverage: COVERAGE });
  const begins = Date.parse(`${DAY}T${BEGINS.hours}:00:00${BEGINS.offset}`);
  const truth = new Truth(begins);
  const open = new Set<string>();
  const state = { hasBegun: false, inside: 0 };
  world.watch((record) => {
    if (record.kind === 'entered') state.inside += 1;
    else if (record.kind === 'left') state.inside -= 1;
    else if (record.kind === 'gap-began') open.add(record.shelf);
    else if (record.kind === 'gap-ended') open.delete(record.shelf);
    // No till told the hub of the morning's sales.
    if (state.hasBegun || record.kind !== 'sold') truth.take(record);
  });
  world.advance(begins);
  state.hasBegun = true;
  return { file, world, begins, truth, inside: () => state.inside, openGaps: () => [...open] };
}
