/**
 * Searches what the hub wrote for pseudonyms: who consented may stand in shoppers.db and nowhere else, who never did may
 * stand nowhere at all.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger } from '../world/ledger.ts';

const KEPT_IN = 'shoppers.db';
/** By so many characters the simulated pseudonyms differ; they all begin alike. */
const BEGIN = 'app-';
const LENGTH = 14;

/** Which of these pseudonyms stand in a text, in one pass however many they are. */
export function pseudonymsIn(bytes: Buffer, apps: ReadonlySet<string>): string[] {
  const byHead = new Map([...apps].map((app) => [app.slice(0, LENGTH), app]));
  const found = new Set<string>();
  for (let at = bytes.indexOf(BEGIN); at !== -1; at = bytes.indexOf(BEGIN, at + 1)) {
    const app = byHead.get(bytes.toString('latin1', at, at + LENGTH));
    if (app !== undefined) found.add(app);
  }
  return [...found];
}

/** Whoever a gateway may have sighted. */
export function appsOf({ stays }: Ledger): Set<string> {
  return new Set(stays.flatMap(({ who }) => who.app ?? []));
}

/** One sentence for each place where somebody is named who must not be. */
export async function judgeTraces(ledger: Ledger, dataDir: string, logs: readonly string[]): Promise<string[]> {
  const consented = new Set(ledger.consents.map(({ who }) => who.app));
  const seen = appsOf(ledger);
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
    const found = pseudonymsIn(bytes, seen).filter((app) => !(isKept && consented.has(app)));
    if (found.length === 0) return [];
    const without = found.filter((app) => !consented.has(app)).length;
    return [`${found.length} pseudonyms stand in ${name}, ${without} of them without consent`];
  });
}
