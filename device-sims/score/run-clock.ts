/**
 * The clock of a run: the shop's time and the hub's are the same instant at its beginning, and from then on the shop's
 * goes `speed` times as fast. The file that a run leaves beside its ledger.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const runSchema = z.strictObject({
  /** By the hub's wall clock. */
  hub_began: z.iso.datetime({ offset: true }),
  /** The same instant by the simulated clock. */
  simulated_began: z.iso.datetime({ offset: true }),
  speed: z.number().positive(),
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
  const hub = Date.parse(run.hub_began);
  const simulated = Date.parse(run.simulated_began);
  return (hubMs) => simulated + (hubMs - hub) * run.speed;
}
