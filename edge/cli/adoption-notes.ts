/** What an installer should know of a new entry though nothing is wrong with it: slips that only this shop shows. */
import { existsSync, readdirSync } from 'node:fs';
import { nearest } from '../../config/faults.ts';
import type { StoreConfig } from '../../config/schema.ts';
import { serviceNotes } from './service-notes.ts';
import { zoneNotes } from './zone-notes.ts';

const BY_ID = '/dev/serial/by-id';

type Device = StoreConfig['devices'][number];

/** `config` with the new entry, which is its last one. */
export function adoptionNotes(config: StoreConfig): string[] {
  const device = config.devices.at(-1);
  if (device === undefined) return [];
  return [...placeNotes(device, config), ...serialNotes(device), ...folderNotes(device), ...serviceNotes([device])];
}

function placeNotes(device: Device, config: StoreConfig): string[] {
  const last = config.devices.length - 1;
  const notes = zoneNotes(config).flatMap(({ path: [list, index], message }) =>
    list === 'devices' && index === last ? [message] : [],
  );
  const shelves = config.planogram.map(({ shelf }) => shelf);
  const { shelf } = device;
  if (shelf !== undefined && !shelves.includes(shelf)) {
    const near = nearest(shelf, shelves);
    notes.push(`shelf ${shelf} is not in the planogram${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  return notes;
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
