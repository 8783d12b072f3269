/**
 * Shelf sensors behind a gateway for each aisle, in the hub's own JSON: cameras that count facings, and scales that weigh
 * with noise. A gateway looks at its shelves at its own beat and says what changed, in one array.
 */
import type { Shelf } from '../sim/floor.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface GatewayPlan {
  readonly name: string;
  readonly shelves: readonly Shelf[];
  readonly everyMs: number;
  /** Standard deviation of a weight, grams. */
  readonly noiseG: number;
}

/** Readings of one array at the most, as the hub takes them. */
const MOST = 500;

export function openShelfGateway(plan: GatewayPlan, { world, links, random, clock }: DeviceParts): SimDevice {
  const { name, shelves, everyMs, noiseG } = plan;
  const said = new Said();
  const changed = new Set<Shelf>(shelves);
  const own = new Map(shelves.map((shelf) => [shelf.shelf, shelf]));
  let looked = Number.NEGATIVE_INFINITY;
  let serial = 0;
  /** A gateway that was switched on again counts from 1: what it says must not be taken for what it said before. */
  let boot = '';
  const readingOf = ({ shelf, sensor }: Shelf, time: string): object => {
    serial += 1;
    const value =
      sensor === 'scale'
        ? { weight_g: Math.round((world.weightOn(shelf) + random.noise(noiseG)) * 10) / 10 }
        : { count: world.countOn(shelf) };
    return { id: `${name}-${boot}-${serial}`, time, shelf, ...value };
  };
  const say = (now: number): void => {
    looked = now;
    const time = new Date(clock(now)).toISOString();
    if (boot === '') boot = time;
    const readings = [...changed].map((shelf) => readingOf(shelf, time));
    changed.clear();
    for (let from = 0; from < readings.length; from += MOST) {
      const payload = JSON.stringify(readings.slice(from, from + MOST));
      said.add(links.publish(name, `in/shelf/${name}`, payload));
    }
  };
  return {
    name,
    entry: undefined,
    watches: shelves.map(({ shelf }) => shelf),
    async start() {
      world.watch((record) => {
        const shelf = 'shelf' in record && record.shelf !== undefined ? own.get(record.shelf) : undefined;
        if (shelf) changed.add(shelf);
      });
    },
    reboot() {
      boot = '';
      serial = 0;
      for (const shelf of shelves) changed.add(shelf);
    },
    look(now) {
      if (now - looked >= everyMs) say(now);
    },
    settled: () => said.settled(),
    async stop() {
      say(world.now);
      await said.settled();
    },
  };
}
