/** The counter above the door: running totals that it never resets by itself. */
import type { Device, Surroundings } from './device.ts';
import { device } from './reporter.ts';

export function peopleCounter(surroundings: Surroundings): Device {
  const { shop } = surroundings;
  // As if it had hung there for years.
  const totals = { in: 481_223, out: 480_917 };
  let reported = '';
  shop.watch(({ kind }) => {
    if (kind === 'entered') totals.in += 1;
    if (kind === 'left') totals.out += 1;
  });
  return device(
    {
      name: `counter-${shop.plan.door}`,
      everyMs: 2_000,
      look(report) {
        const text = `${totals.in} in, ${totals.out} out`;
        if (text === reported) return;
        reported = text;
        report('traffic', { line: shop.plan.door, total_in: totals.in, total_out: totals.out }, text);
      },
    },
    surroundings,
  );
}
