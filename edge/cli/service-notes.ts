/** What the hub's unit keeps from it, where it is installed as a service: folders that it cannot see, or not write in. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreConfig } from '../../config/schema.ts';
import { readWriteLine } from '../contracts/folder-rights.ts';

const UNIT = 'store-hub-edge.service';
/** systemd.unit(5): where units and what was added to them may lie. */
const PLACES = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
];
/** ProtectHome and PrivateTmp of the unit. */
const HIDDEN = /^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/;

type Devices = StoreConfig['devices'];

/** One sentence a folder; none where the service is not installed. */
export function serviceNotes(devices: Devices, places: readonly string[] = PLACES): string[] {
  const unit = unitText(places);
  if (unit === undefined) return [];
  const writable = [...unit.matchAll(/^\s*(?:ReadWritePaths|BindPaths)\s*=(.*)$/gm)].map(([, paths = '']) => paths);
  return devices.flatMap(({ name, folder }) => {
    if (folder === undefined) return [];
    const { path, after } = folder;
    const about = `device ${name}: as a service the hub`;
    const hidden = HIDDEN.exec(path)?.[1];
    if (hidden !== undefined)
      return [`${about} sees nothing under /${hidden}: keep the folder elsewhere, such as /srv`];
    if (after === 'keep' || writable.some((paths) => names(paths, path))) return [];
    const what = after === 'move' ? 'move' : 'delete';
    return [
      `${about} cannot ${what} files of ${path}: \`systemctl edit store-hub-edge\`, under [Service] the line ${readWriteLine(path)}`,
    ];
  });
}

/** Whether the list names the folder, or one above it. */
function names(paths: string, folder: string): boolean {
  const all = [...paths.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
  return all.some((path) => {
    const plain = path
      .replace(/^[-+]+/, '')
      .replaceAll('%%', '%')
      .replace(/:.*$/, '')
      .replace(/\/+$/, '');
    return folder === plain || folder.startsWith(`${plain}/`);
  });
}

/** The unit with what was added to it. */
function unitText(places: readonly string[]): string | undefined {
  const unit = places.map((place) => textOf(join(place, UNIT))).find((text) => text !== undefined);
  if (unit === undefined) return undefined;
  return [unit, ...places.flatMap((place) => additions(join(place, `${UNIT}.d`)))].join('\n');
}

function additions(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.conf'));
    return files.flatMap((name) => textOf(join(folder, name)) ?? []);
  } catch {
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
