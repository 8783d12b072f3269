import { expect, it } from 'vitest';
import type { DeviceConfig } from './contracts/devices.ts';
import { antennaZones, readersOf } from './reader-zones.ts';

const base = { calibration: { celsius: 0, weight: 1 } } as const;
const devices: readonly DeviceConfig[] = [
  { ...base, name: 'ceiling', codec: 'impinj', antennas: { 1: 'floor', 2: 'floor', 3: 'back' }, zone: 'entrance' },
  { ...base, name: 'dock', codec: 'zebra', places: { 'Dock door': 'dock' } },
  { ...base, name: 'own', codec: 'hub', antennas: { 0: 'fitting' } },
  { ...base, name: 'thermometer', codec: 'zigbee2mqtt', zone: 'dairy' },
];

it.each([
  ['ceiling', 1, undefined, 'floor'],
  ['ceiling', 3, undefined, 'back'],
  ['ceiling', 4, undefined, 'entrance'],
  ['ceiling', undefined, undefined, 'entrance'],
  ['ceiling', 1, 'said', 'said'],
  ['dock', 1, undefined, undefined],
  ['dock', 1, 'dock', 'dock'],
  ['own', 0, undefined, 'fitting'],
  ['own', 1, undefined, undefined],
  ['nobody', 1, undefined, undefined],
  ['nobody', 1, 'said', undefined],
])('antenna of %s: %s, the reading says %s: %s', (device, antenna, said, zone) => {
  expect(antennaZones(devices)(device, antenna, said)).toBe(zone);
});

it('readers are known with all their zones; a thermometer that stands in a zone is none', () => {
  expect(readersOf(devices)).toEqual([
    {
      ...{ name: 'ceiling', zones: ['floor', 'back', 'entrance'], others: true },
      antennas: { 1: 'floor', 2: 'floor', 3: 'back' },
    },
    { name: 'dock', zones: ['dock'], others: true },
    { name: 'own', zones: ['fitting'], others: false, antennas: { 0: 'fitting' } },
  ]);
});
