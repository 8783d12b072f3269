/** How the fridges of a world are measured: by radio, by a controller's metrics, by a sensor with Wi-Fi, in turn. */
import type { FridgePlan } from '../sim/world-file.ts';
import { openDoorContact } from './door-contacts.ts';
import { openThermometer } from './lorawan-sensors.ts';
import { openPlc, openWifiThermometer } from './plain-thermometers.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

const EVERY = 300_000;
const MAKES = ['lorawan', 'lorawan', 'plc', 'lorawan', 'wifi'] as const;

export function openColdDevices(
  fridges: readonly FridgePlan[],
  parts: (name: string) => DeviceParts,
): readonly SimDevice[] {
  return fridges.flatMap(({ unit, doors }, index) => {
    const make = MAKES[index % MAKES.length] ?? 'lorawan';
    const thermometer = openOne(make, unit, parts);
    const door = `door-${unit}`;
    return doors === 'none' ? [thermometer] : [thermometer, openDoorContact(door, unit, parts(door))];
  });
}

function openOne(make: (typeof MAKES)[number], unit: string, parts: (name: string) => DeviceParts): SimDevice {
  const named = (kind: string) => ({ name: `${kind}-${unit}`, unit, everyMs: EVERY });
  if (make === 'plc') return openPlc(named('plc'), parts(`plc-${unit}`));
  if (make === 'wifi') return openWifiThermometer(named('wifi'), parts(`wifi-${unit}`));
  return openThermometer(named('thermometer'), parts(`thermometer-${unit}`));
}
