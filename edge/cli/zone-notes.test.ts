import { expect, test } from 'vitest';
import { parseConfig } from '../../config/loader.ts';
import { zoneNotes } from './zone-notes.ts';

/** One shelf a zone, one device an entry of `devices`: antenna 1 is in its first zone, and so on. */
function told(shelves: readonly string[], devices: readonly (readonly string[])[], campaigns: readonly string[] = []) {
  const text = JSON.stringify({
    hub: 'a',
    planogram: shelves.map((zone, index) => ({
      ...{ shelf: `S${index}`, zone, gtin: '09521234543213', name: 'Water', capacity: 9, minimum: 2 },
    })),
    campaigns: campaigns.map((zone, index) => ({
      ...{ id: `c-${index}`, zone, gtin: '09521234543213', text: 't', from: '2026-02-01', until: '2026-02-02' },
    })),
    devices: devices.map((zones, index) => ({
      ...{ name: `gate-${index}`, codec: 'impinj', push: true },
      antennas: Object.fromEntries(zones.map((zone, at) => [String(at + 1), zone])),
    })),
  });
  const { config } = parseConfig(text, 'store.yaml', {});
  return zoneNotes(config).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('a zone that one device or campaign alone names, nearly as another is called, is told once', () => {
  const did = 'is named nowhere else; did you mean beverages?';
  expect(told(['beverages'], [['beverges', 'beverges']])).toEqual([`devices.0.antennas.1: zone beverges ${did}`]);
  expect(told(['beverages'], [], ['bevreages'])).toEqual([`campaigns.0.zone: zone bevreages ${did}`]);
  expect(told(['beverages'], [['Beverages']])).toEqual([`devices.0.antennas.1: zone Beverages ${did}`]);
  expect(told([], [['beverages'], ['beverges'], ['beverages']])).toEqual([
    `devices.1.antennas.1: zone beverges ${did}`,
  ]);
  expect(told([], [['beverages'], ['beverges']])).toEqual([`devices.1.antennas.1: zone beverges ${did}`]);
});

test('zones without shelves are none, nor are those that several name, or that differ in a number or letter', () => {
  expect(told(['back-room', 'aisle-9', 'hall-a'], [['stock-room', 'aisle-10', 'hall-b', 'entrance']])).toEqual([]);
  expect(told(['fruit'], [['fruits'], ['fruits']])).toEqual([]);
  expect(told(['fruit'], [['fruit']], ['fruit'])).toEqual([]);
  expect(told([], [['dock-1', 'dock-2']])).toEqual([]);
});
