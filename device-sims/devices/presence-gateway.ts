/**
 * A radio gateway in a zone: it sights the phones with the shop's app there, again and again, whether or not their
 * owners consented. That one has left it says once, and sometimes not at all.
 */
import type { Device, Surroundings } from './device.ts';
import { device } from './reporter.ts';

/** Often enough for a shop whose time passes ten times as fast. */
const SIGHT_MS = 500;
const MISSES_LEAVING = 0.1;

/** @param misses how often it does not say that a phone has left, 0..1 */
export function presenceGateway(zone: string, surroundings: Surroundings, misses = MISSES_LEAVING): Device {
  const { shop, random } = surroundings;
  const here = new Set<string>();
  const sighted = new Set<string>();
  shop.watch((fact) => {
    if (fact.kind !== 'zone-entered' && fact.kind !== 'zone-left') return;
    if (fact.zone !== zone || fact.who.app === undefined) return;
    if (fact.kind === 'zone-entered') here.add(fact.who.app);
    else here.delete(fact.who.app);
  });
  return device(
    {
      name: `gateway-${zone}`,
      everyMs: SIGHT_MS,
      look(report) {
        for (const shopper of sighted) {
          if (here.has(shopper)) continue;
          sighted.delete(shopper);
          if (random.chance(misses)) continue;
          report('presence', { zone, shopper, present: false }, `${shopper} has left ${zone}`);
        }
        for (const shopper of here) {
          const text = sighted.has(shopper) ? `${shopper} is in ${zone} still` : `${shopper} is in ${zone}`;
          sighted.add(shopper);
          report('presence', { zone, shopper, present: true }, text);
        }
      },
    },
    surroundings,
  );
}
