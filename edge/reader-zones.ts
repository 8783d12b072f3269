/** Where the antennas of RFID readers read, as the entries of `devices` say. */
import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import type { Said } from './contracts/formats.ts';
import type { ReaderZones } from './sensing/tag-presence.ts';

const READERS: readonly CodecName[] = ['impinj', 'zebra', 'thingmagic', 'm100'];

/** Devices that are RFID readers for certain, and all zones in which they read. */
export function readersOf(devices: readonly DeviceConfig[]): readonly ReaderZones[] {
  return devices.flatMap(({ name, codec, antennas, zone, places }) => {
    if (antennas === undefined && !READERS.includes(codec)) return [];
    const all = [...Object.values(antennas ?? {}), zone, ...Object.values(places ?? {})];
    const zones = [...new Set(all.filter((one) => one !== undefined))];
    const others = antennas === undefined || zone !== undefined || places !== undefined;
    return [{ name, zones, others, ...(antennas !== undefined && { antennas }) }];
  });
}

const MOST_NAMED = 8;

/** What to do about antennas of a frame whose tags count for no zone; undefined: there are none. */
export function withoutZone({ antennas, zone }: DeviceConfig, said: readonly Said[]): string | undefined {
  if (zone !== undefined) return undefined;
  let missing: Set<number> | undefined;
  for (const { kind, device, reading } of said) {
    if (kind !== 'rfid' || device !== undefined || reading.zone !== undefined) continue;
    const { antenna } = reading;
    if (typeof antenna === 'number' && antennas?.[antenna] === undefined) missing = (missing ?? new Set()).add(antenna);
  }
  if (missing === undefined) return undefined;
  const names = [...missing].slice(0, MOST_NAMED).join(', ');
  if (missing.size === 1) return `antenna ${names} has no zone: add it to antennas`;
  return `antennas ${names}${missing.size > MOST_NAMED ? ', ...' : ''} have no zone: add them to antennas`;
}

/** The zone of an antenna: the reading's own word, `antennas`, or the reader's `zone`; nothing without an entry. */
export function antennaZones(
  devices: readonly DeviceConfig[],
): (device: string, antenna: number | undefined, said: string | undefined) => string | undefined {
  const entries = new Map(devices.map((device) => [device.name, device]));
  return (name, antenna, said) => {
    const entry = entries.get(name);
    if (entry === undefined || said !== undefined) return entry && said;
    const { antennas, zone } = entry;
    return (antenna === undefined ? undefined : antennas?.[antenna]) ?? zone;
  };
}
