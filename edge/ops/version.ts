/** The version, from the package itself: the nearest package.json above, in the source tree as in the built one. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const version = versionIn(folder);
    if (version !== undefined) return version;
    if (folder.pathname === '/') return 'unknown';
  }
}

function versionIn(folder: URL): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
    const { name, version } = manifest as { name?: unknown; version?: unknown };
    return name === 'store-hub' && typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
