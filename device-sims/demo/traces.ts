/**
 * Searches what the hub wrote for names of shoppers, those on their cards and those of their phones: who said yes to
 * offers may stand in shoppers.db and nowhere else, who did not may stand nowhere at all.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beaconOf } from '../fleet/bluetooth.ts';

const KEPT_IN = 'shoppers.db';
/** A phone's beacon as the hub calls it, or as a gateway spells the app's part of it; or a card. */
const NAMES = new RegExp(`${beaconOf('').uuid}(:\\d{1,5}:\\d{1,5})?|member-[0-9a-z]{10}`, 'gi');

/** Names of shoppers in a text. */
export function namesIn(bytes: Buffer): Set<string> {
  return new Set(Array.from(bytes.toString('latin1').matchAll(NAMES), ([name]) => name));
}

/** In a page of SQLite the next column follows without a mark, and may begin with digits. */
const DIGITS_AFTER = 5;

function isOneOf(name: string, known: ReadonlySet<string>): boolean {
  for (let cut = 0; cut <= DIGITS_AFTER; cut += 1) {
    if (known.has(name.slice(0, name.length - cut))) return true;
    if (!/\d$/.test(name.slice(0, name.length - cut))) return false;
  }
  return false;
}

/** One sentence for each place where somebody is named who must not be. `consented`: who may be kept. */
export async function judgeTraces(
  consented: ReadonlySet<string>,
  dataDir: string,
  logs: readonly string[],
): Promise<string[]> {
  const places: { name: string; bytes: Buffer }[] = [{ name: 'the log', bytes: Buffer.from(logs.join('\n')) }];
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name)).catch((error: NodeJS.ErrnoException) => {
      // It was there for a moment only.
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    places.push({ name: entry.name, bytes });
  }
  return places.flatMap(({ name, bytes }) => {
    const isKept = name.startsWith(KEPT_IN);
    const found = [...namesIn(bytes)].filter((one) => !(isKept && isOneOf(one, consented)));
    if (found.length === 0) return [];
    const without = found.filter((one) => !isOneOf(one, consented)).length;
    return [`${found.length} names of shoppers stand in ${name}, ${without} of them without consent`];
  });
}
