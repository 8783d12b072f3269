/** What a world's file must keep beyond its shape: names that exist, no name twice, and a floor that can be walked. */
import { walkable, ways } from './ways.ts';
import type { WorldFile } from './world-file.ts';

export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export function referenceFaults(file: WorldFile): Fault[] {
  return [...names(file), ...places(file), ...times(file), ...floor(file)];
}

function* names(file: WorldFile): Generator<Fault> {
  const lists: [string, string, readonly string[]][] = [
    ['zones', 'zone', file.zones.map(({ zone }) => zone)],
    ['lines', 'line', file.lines.map(({ line }) => line)],
    ['departments', 'department', file.departments.map(({ department }) => department)],
    ['tills', 'till', file.tills.map(({ till }) => till)],
    ['fridges', 'unit', file.fridges.map(({ unit }) => unit)],
    ['promotions', 'promotion', file.promotions.map(({ promotion }) => promotion)],
  ];
  for (const [list, key, all] of lists) {
    for (const [index, one] of all.entries()) {
      const first = all.indexOf(one);
      if (first !== index) yield { path: [list, index, key], message: `${one} is there already, in ${list}[${first}]` };
    }
  }
}

function* places(file: WorldFile): Generator<Fault> {
  const zones = new Map(file.zones.map((zone) => [zone.zone, zone.is]));
  const units = file.fridges.map(({ unit }) => unit);
  const departments = file.departments.map(({ department }) => department);
  const unknown = (what: string, one: string, all: Iterable<string>): string =>
    `no ${what} is called ${one}; there are ${[...all].join(', ') || 'none'}`;
  const inZone = function* (path: (string | number)[], zone: string, allowed: readonly string[]): Generator<Fault> {
    const is = zones.get(zone);
    if (is === undefined) yield { path, message: unknown('zone', zone, zones.keys()) };
    else if (!allowed.includes(is)) yield { path, message: `${zone} is ${is}; must be ${allowed.join(' or ')}` };
  };
  for (const [index, { next_to }] of file.zones.entries()) {
    for (const [place, other] of next_to.entries()) {
      if (!zones.has(other))
        yield { path: ['zones', index, 'next_to', place], message: unknown('zone', other, zones.keys()) };
    }
  }
  for (const [index, { zone }] of file.lines.entries()) yield* inZone(['lines', index, 'zone'], zone, ['entrance']);
  for (const [index, { zone }] of file.tills.entries()) {
    yield* inZone(['tills', index, 'zone'], zone, ['checkout', 'sales', 'entrance']);
  }
  for (const [index, { zone }] of file.fridges.entries()) {
    yield* inZone(['fridges', index, 'zone'], zone, ['sales', 'back-room']);
  }
  for (const [index, department] of file.departments.entries()) {
    for (const [place, zone] of department.zones.entries()) {
      yield* inZone(['departments', index, 'zones', place], zone, ['sales', 'checkout', 'entrance']);
    }
    for (const [place, unit] of department.units.entries()) {
      if (!units.includes(unit))
        yield { path: ['departments', index, 'units', place], message: unknown('fridge', unit, units) };
    }
  }
  for (const [index, { department }] of file.promotions.entries()) {
    if (!departments.includes(department)) {
      yield { path: ['promotions', index, 'department'], message: unknown('department', department, departments) };
    }
  }
  for (const [index, { unit }] of file.failures.entries()) {
    if (!units.includes(unit)) yield { path: ['failures', index, 'unit'], message: unknown('fridge', unit, units) };
  }
}

function* times(file: WorldFile): Generator<Fault> {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: file.timezone });
  } catch {
    yield {
      path: ['timezone'],
      message: `${file.timezone} is no time zone of the IANA database, such as Europe/Berlin`,
    };
  }
  for (const [day, hours] of Object.entries(file.open)) {
    if (hours[0] >= hours[1]) yield { path: ['open', day], message: `must close after it opens, not at ${hours[1]}` };
  }
  if (Object.values(file.shoppers.hours).every((weight) => weight === 0)) {
    yield { path: ['shoppers', 'hours'], message: 'needs at least one hour with a weight above 0' };
  }
}

function* floor(file: WorldFile): Generator<Fault> {
  for (const kind of ['entrance', 'back-room', 'dock'] as const) {
    if (file.zones.filter(({ is }) => is === kind).length !== 1 && kind !== 'entrance') {
      yield { path: ['zones'], message: `needs exactly one zone that is ${kind}` };
    }
    if (!file.zones.some(({ is }) => is === kind)) yield { path: ['zones'], message: `needs a zone that is ${kind}` };
  }
  for (const [index, zone] of file.zones.entries()) {
    const other = file.zones.slice(0, index).find((one) => overlap(one.area, zone.area));
    if (other) yield { path: ['zones', index, 'area'], message: `lies in part where ${other.zone} lies` };
  }
  const [entrance] = file.zones.filter(({ is }) => is === 'entrance');
  if (!entrance) return;
  const map = ways(file.zones);
  for (const [index, zone] of file.zones.entries()) {
    if (walkable(zone) && zone !== entrance && map(entrance.zone, zone.zone).length === 0) {
      yield { path: ['zones', index, 'next_to'], message: `nobody gets from ${entrance.zone} to ${zone.zone}` };
    }
    if (zone.is === 'fitting-room' && zone.cabins === undefined) {
      yield { path: ['zones', index, 'cabins'], message: 'missing: a fitting room has cabins' };
    }
  }
}

type Area = WorldFile['zones'][number]['area'];

function overlap([left, front, width, depth]: Area, [otherLeft, otherFront, otherWidth, otherDepth]: Area): boolean {
  const beside = left + width <= otherLeft || otherLeft + otherWidth <= left;
  return !beside && front + depth > otherFront && otherFront + otherDepth > front;
}
