/** The fridge's controller: the air's temperature at intervals, with the state of its door and its defrosting. */
import type { ColdUnit } from '../world/cold-unit.ts';
import type { Device, Surroundings } from './device.ts';
import { device } from './reporter.ts';

export function fridge(unit: ColdUnit, surroundings: Surroundings): Device {
  const { unit: name } = surroundings.shop.plan.fridge;
  return device(
    {
      name,
      everyMs: 3_000,
      look(report) {
        const celsius = Math.round(unit.celsius * 10) / 10;
        const state = { door_open: unit.doorOpen, defrost: unit.defrosting };
        report('climate', { unit: name, celsius, probe: 'air', ...state }, `${celsius.toFixed(1)} °C`);
      },
    },
    surroundings,
  );
}
