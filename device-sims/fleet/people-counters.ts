/**
 * People counters over the entrances. They count persons, not parties, and some of them miss persons of a group who cross
 * close together: each person behind the first with this probability.
 *
 * Xovis pushes the counts of an interval (logics_data), Axis its running totals since it was switched on.
 */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { axisPush, xovisPush } from '../vendors/people-counters.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface CounterPlan {
  readonly name: string;
  readonly line: string;
  /** Probability that somebody who follows another closely is not seen, 0..1. */
  readonly misses: number;
  readonly everyMs: number;
}

export interface Counts {
  in: number;
  out: number;
}

type Crossed = Extract<LedgerRecord, { kind: 'line-crossed' }>;

/** How many of a party it sees. */
function seen({ persons }: Crossed, { misses }: CounterPlan, { random }: DeviceParts): number {
  let count = 1;
  for (let next = 1; next < persons; next += 1) if (!random.chance(misses)) count += 1;
  return count;
}

export function counting(plan: CounterPlan, parts: DeviceParts, counts: Counts): void {
  parts.world.watch((record) => {
    if (record.kind === 'line-crossed' && record.line === plan.line)
      counts[record.direction] += seen(record, plan, parts);
  });
}

export function openXovis(plan: CounterPlan, parts: DeviceParts): SimDevice {
  const { name, line, everyMs } = plan;
  const { links, clock, world } = parts;
  const said = new Said();
  const counts: Counts = { in: 0, out: 0 };
  let from = 0;
  let pushes = 0;
  const push = (now: number): void => {
    pushes += 1;
    const body = xovisPush({ line, from: clock(from), to: clock(now), push: pushes, ...counts });
    said.add(links.post(`/push/${name}`, body));
    counts.in = 0;
    counts.out = 0;
    from = now;
  };
  return {
    name,
    entry: { name, codec: 'xovis', push: true, model: 'logics', places: { [line]: line } },
    async start() {
      from = world.now;
      counting(plan, parts, counts);
    },
    reboot() {
      counts.in = 0;
      counts.out = 0;
    },
    look(now) {
      // An interval ends at its own beat, also when the look comes later: crossings since then are of the next.
      if (now - from >= everyMs) push(now);
    },
    settled: () => said.settled(),
    async stop() {
      if (counts.in + counts.out > 0) push(world.now);
      await said.settled();
    },
  };
}

export function openAxis(plan: CounterPlan, parts: DeviceParts): SimDevice {
  const { name, line, everyMs } = plan;
  const { links, world } = parts;
  const said = new Said();
  const totals: Counts = { in: 0, out: 0 };
  let pushed = Number.NEGATIVE_INFINITY;
  const push = (now: number): void => {
    pushed = now;
    said.add(links.post(`/push/${name}`, axisPush({ name: line, time: now, ...totals })));
  };
  return {
    name,
    entry: { name, codec: 'axis', push: true, line },
    async start() {
      counting(plan, parts, totals);
      // The first total only sets the mark that the hub counts from.
      push(world.now);
      await said.settled();
    },
    reboot() {
      totals.in = 0;
      totals.out = 0;
    },
    look(now) {
      if (now - pushed >= everyMs) push(now);
    },
    settled: () => said.settled(),
    async stop() {
      push(world.now);
      await said.settled();
    },
  };
}
