/**
 * How the fridges of a world are measured: by a controller that speaks OPC UA where there is one (else by radio), by radio,
 * by a controller's metrics, by a sensor with Wi-Fi, in turn.
 */
import type { FridgePlan } from '../sim/world-file.ts';
import { openColdController } from './cold-controller.ts';
import { openDoorContact } from './door-contacts.ts';
import { openThermometer } from './lorawan-sensors.ts';
import { openPlc, openWifiThermometer } from './plain-thermometers.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

const EVERY = 300_000;
const MAKES = ['controller', 'lorawan', 'plc', 'lorawan', 'wifi'] as const;
type Make = (typeof MAKES)[number];

export interface ControllerPlaces {
  /** Of its OPC UA server on this machine. */
  readonly port: number;
  readonly dir: string;
  readonly speed: number;
}

/** @param controller absent: there is none */
export function openColdDevices(
  all: readonly FridgePlan[],
  controller: ControllerPlaces | undefined,
  parts: (name: string) => DeviceParts,
): readonly SimDevice[] {
  const makes = new Map(all.map((plan, index) => [plan, MAKES[index % MAKES.length] ?? 'lorawan']));
  const controlled = controller === undefined ? [] : all.filter((plan) => makes.get(plan) === 'controller');
  const devices = all
    .filter((plan) => !controlled.includes(plan))
    .flatMap((plan) => {
      const { unit, doors } = plan;
      const thermometer = openOne(makes.get(plan) ?? 'lorawan', unit, parts);
      const door = `door-${unit}`;
      return doors === 'none' ? [thermometer] : [thermometer, openDoorContact(door, unit, parts(door))];
    });
  if (controller === undefined || controlled.length === 0) return devices;
  const name = 'cold-controller';
  return [...devices, openColdController({ ...controller, name, fridges: controlled }, parts(name))];
}

function openOne(make: Make, unit: string, parts: (name: string) => DeviceParts): SimDevice {
  const named = (kind: string) => ({ name: `${kind}-${unit}`, unit, everyMs: EVERY });
  if (make === 'plc') return openPlc(named('plc'), parts(`plc-${unit}`));
  if (make === 'wifi') return openWifiThermometer(named('wifi'), parts(`wifi-${unit}`));
  return openThermometer(named('thermometer'), parts(`thermometer-${unit}`));
}
