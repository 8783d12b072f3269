/** What an installer should know of a new entry though nothing is wrong with it: slips that only this shop shows. */
import { existsSync, readdirSync } from 'node:fs';
import { nearest } from '../../config/faults.ts';
import type { StoreConfig } from '../../config/schema.ts';
import { serviceNotes } from './service-notes.ts';

const BY_ID = '/dev/serial/by-id';

type Device = StoreConfig['devices'][number];

/** `config` with the new entry, which is its last one; `before` without. */
export function adoptionNotes(config: StoreConfig, before: StoreConfig): string[] {
  const device = config.devices.at(-1);
  if (device === undefined) return [];
  return [...placeNotes(device, before), ...serialNotes(device), ...folderNotes(device), ...serviceNotes([device])];
}

function placeNotes(device: Device, before: StoreConfig): string[] {
  const shelves = before.planogram.map(({ shelf }) => shelf);
  const zones = new Set([
    ...before.planogram.map(({ zone }) => zone),
    ...before.devices.flatMap(({ zone, antennas = {} }) => [zone, ...Object.values(antennas)]),
  ]);
  const known = [...zones].filter((zone) => zone !== undefined);
  const notes = [device.zone, ...Object.values(device.antennas ?? {})].flatMap((zone) => {
    const near = zone === undefined || zones.has(zone) ? undefined : nearest(zone, known);
    return near === undefined ? [] : `zone ${zone} is named nowhere else; did you mean ${near}?`;
  });
  const { shelf } = device;
  if (shelf !== undefined && !shelves.includes(shelf)) {
    const near = nearest(shelf, shelves);
    notes.push(`shelf ${shelf} is not in the planogram${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  return [...new Set(notes)];
}

function serialNotes({ serial }: Device): string[] {
  if (serial === undefined) return [];
  const { port } = serial;
  if (existsSync(port.startsWith('/') ? port : `${BY_ID}/${port}`)) return [];
  const there = adapters();
  const others = there.length === 0 ? 'and no other adapter is' : `under ${BY_ID} there is ${there.join(', ')}`;
  return [`${port} is not plugged in now, ${others}`];
}

/** Names of serial adapters that are plugged in. */
function adapters(): string[] {
  try {
    return readdirSync(BY_ID);
  } catch {
    return [];
  }
}

function folderNotes({ folder }: Device): string[] {
  if (folder === undefined) return [];
  return existsSync(folder.path) ? [] : [`${folder.path} is not there now`];
}
