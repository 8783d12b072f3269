/** The shop's shelves as the hub's configuration wants them, all of them, whether they have a sensor or not. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import type { facingSchema } from '../../edge/contracts/planogram.ts';
import type { Floor } from './floor.ts';

export function planogramOf({ shelves }: Floor): z.input<typeof facingSchema>[] {
  return shelves.map(({ shelf, zone, product, capacity, minimum, refill, tareG }) => ({
    ...{ shelf, zone, gtin: product.gtin, name: product.name, capacity, minimum, refill },
    ...{ unit_weight_g: product.weightG, tare_g: tareG },
  }));
}

/** The section of `store.yaml`, a shelf a line. */
export function planogramYaml(floor: Floor): string {
  const lines = planogramOf(floor).map((facing) => {
    return `  - ${stringify(facing, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()}`;
  });
  return ['planogram:', ...lines].join('\n');
}
