/** The ways of shoppers through the shop: from zone to zone by the fewest zones between. */
import type { ZonePlan } from './world-file.ts';

/** The zones to pass, without `from`, with `to`; empty when both are the same or there is no way. */
export type Ways = (from: string, to: string) => readonly string[];

export function walkable({ is }: ZonePlan): boolean {
  return is !== 'back-room' && is !== 'dock';
}

export function ways(zones: readonly ZonePlan[]): Ways {
  const open = zones.filter(walkable);
  const doors = new Map(open.map(({ zone }) => [zone, new Set<string>()]));
  for (const { zone, next_to } of open) {
    for (const other of next_to) {
      if (!doors.has(other)) continue;
      doors.get(zone)?.add(other);
      doors.get(other)?.add(zone);
    }
  }
  const known = new Map<string, readonly string[]>();
  return (from, to) => {
    const key = `${from} ${to}`;
    let way = known.get(key);
    if (way === undefined) {
      way = shortest(doors, from, to);
      known.set(key, way);
    }
    return way;
  };
}

function shortest(doors: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): string[] {
  if (from === to) return [];
  const cameFrom = new Map<string, string>([[from, from]]);
  const reached = [from];
  for (const here of reached) {
    for (const next of doors.get(here) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, here);
      reached.push(next);
    }
  }
  const way: string[] = [];
  for (let here = cameFrom.has(to) ? to : from; here !== from; here = cameFrom.get(here) ?? from) way.unshift(here);
  return way;
}
