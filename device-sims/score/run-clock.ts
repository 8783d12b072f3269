/**
 * The clock of a run: the shop's time and the hub's are the same instant at its beginning, and from then on the shop's
 * goes `speed` times as fast; where it had to wait for the hub, it goes on from another instant. The file that a run
 * leaves beside its ledger.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const instant = z.iso.datetime({ offset: true });

const runSchema = z.strictObject({
  /** By the hub's wall clock. */
  hub_began: instant,
  /** The same instant by the simulated clock. */
  simulated_began: instant,
  speed: z.number().positive(),
  /** Where the shop had stood still until the hub had taken what was said: it went on at this instant of the hub's. */
  went_on: z.array(z.strictObject({ hub: instant, simulated: instant })).optional(),
});

export type Run = z.infer<typeof runSchema>;

/** Throws where the file is no such file. */
export function readRun(file: string): Run {
  const parsed = runSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}

/** The hub's wall clock, epoch ms -> the simulated one. Without a run both are one clock. */
export function simulatedClock(run: Run | undefined): (hubMs: number) => number {
  if (run === undefined) return (hubMs) => hubMs;
  const began = { hub: run.hub_began, simulated: run.simulated_began };
  const starts = [began, ...(run.went_on ?? [])].map(({ hub, simulated }) => ({
    ...{ hub: Date.parse(hub), simulated: Date.parse(simulated) },
  }));
  return (hubMs) => {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle]?.hub ?? 0) <= hubMs) low = middle + 1;
      else high = middle;
    }
    const start = starts[Math.max(0, low - 1)] ?? { hub: 0, simulated: 0 };
    // It never passes the moment at which it stood still.
    const stood = starts[Math.max(1, low)]?.simulated ?? Number.POSITIVE_INFINITY;
    return Math.min(stood, start.simulated + (hubMs - start.hub) * run.speed);
  };
}
