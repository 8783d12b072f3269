/** Where this checkout or package begins, seen from the sources as well as from dist/. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this file that has a package.json. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (dirname(folder) !== folder && !existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The built command, for `node`. */
export function commandFile(): string {
  return join(projectRoot(), 'dist', 'edge', 'cli', 'main.js');
}
