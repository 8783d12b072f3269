/**
 * Putting another database in the journal's place, so that a crash at any moment leaves either the old one or the new
 * one, never a half of each. The new one is complete as `journal.db.new` first; then a note says what is going on; from
 * there on every step can be done again, and whoever opens the journal next finishes it. The old database is set aside
 * with its write-ahead log, which must never be found beside another database.
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { syncPath, writeDurably } from './durable-file.ts';

const NOTE = 'journal.exchange';
const noteSchema = z.object({
  aside: z.string(),
  /** A file in the folder that has no meaning for the new database. */
  clears: z.string().optional(),
});

/** The complete database that is to become journal.db. */
export function newJournalFile(dataDir: string): string {
  return join(dataDir, 'journal.db.new');
}

/** A name beside the journal that is not taken: `journal.db.20261120T091500Z.replaced`. Epoch ms. */
export function asideName(dataDir: string, what: 'replaced' | 'damaged', now: number): string {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number += 1) {
    const name = `journal.db.${stamp}${number === 1 ? '' : `-${number}`}.${what}`;
    if (!existsSync(join(dataDir, name))) return name;
  }
}

/** Makes `journal.db.new`, which is synced, the journal; what was there is called `aside` afterwards. */
export function exchange(dataDir: string, aside: string, clears?: string): void {
  writeDurably(join(dataDir, NOTE), JSON.stringify({ aside, clears }));
  finishExchange(dataDir);
}

/** Does what is left of an exchange that was interrupted. Called with the folder's lock, before the journal is opened. */
export function finishExchange(dataDir: string): void {
  const note = join(dataDir, NOTE);
  if (!existsSync(note)) return;
  const { aside, clears } = noteSchema.parse(JSON.parse(readFileSync(note, 'utf8')));
  const made = newJournalFile(dataDir);
  const journal = join(dataDir, 'journal.db');
  if (existsSync(made)) {
    for (const suffix of ['-wal', '-shm', '']) {
      if (existsSync(journal + suffix)) renameSync(journal + suffix, join(dataDir, aside + suffix));
    }
    syncPath(dataDir);
    renameSync(made, journal);
    syncPath(dataDir);
  }
  if (clears !== undefined) rmSync(join(dataDir, clears), { force: true });
  rmSync(note);
  syncPath(dataDir);
}

/**
 * Removes an unfinished new database with its side files. One for which the note was written is the journal already, or
 * the only one there is: it stays for whoever finishes the exchange.
 */
export function dropUnfinished(dataDir: string): void {
  if (existsSync(join(dataDir, NOTE))) return;
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(newJournalFile(dataDir) + suffix, { force: true });
}
