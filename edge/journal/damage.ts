/**
 * From the discovery of damage to a journal that works again. Whoever meets it, the writer or the check, leaves a note
 * and ends the hub's work on this journal; before the next opening the journal is salvaged. The note is gone only when
 * the new journal stands, so a salvage that was interrupted begins again.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_FILE } from './database.ts';
import { writeDurably } from './durable-file.ts';
import { dropUnfinished, finishExchange } from './exchange.ts';
import { readIdentity } from './identity-file.ts';
import { DAMAGE_NOTE, type SalvageReport, salvage } from './salvage.ts';
import { readWal } from './wal-file.ts';

/** Remembers over the end of the process that the journal is damaged. Throws the system's errors. */
export function noteDamage(dataDir: string, cause: string): void {
  const note = join(dataDir, DAMAGE_NOTE);
  if (!existsSync(note)) writeDurably(note, `${cause}\n`);
}

/**
 * Finishes what an earlier run began, or clears it away, and salvages the journal when it is known to be damaged or shows it from outside.
 * With the folder's lock, before the journal is opened. Throws JOURNAL_OTHER_HUB, NOT_STORED and the system's errors.
 */
export function mend(dataDir: string, hub: string, now: number): SalvageReport | undefined {
  finishExchange(dataDir);
  dropUnfinished(dataDir);
  const cause = noted(dataDir) ?? visibleDamage(dataDir);
  if (cause === undefined) return undefined;
  noteDamage(dataDir, cause);
  return salvage(dataDir, hub, cause, now);
}

function noted(dataDir: string): string | undefined {
  const note = join(dataDir, DAMAGE_NOTE);
  return existsSync(note) ? readFileSync(note, 'utf8').trim() || 'damaged' : undefined;
}

/** What SQLite would take without a word: an empty file for a new journal, a spoilt log for none. */
function visibleDamage(dataDir: string): string | undefined {
  const file = join(dataDir, JOURNAL_FILE);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  const wal = readWal(`${file}-wal`);
  if (size === 0) return readIdentity(dataDir) || wal ? 'the file is empty' : undefined;
  return wal?.damage;
}

/** One sentence for the log: what happened, what was lost, where the damaged file lies. */
export function salvagedText({ cause, aside, reason, saved, lost, state }: SalvageReport): string {
  const count = (vector: object): number => Object.values(vector).reduce((sum: number, one: number) => sum + one, 0);
  const what = reason === 'lost' ? 'nothing could be read' : `${count(saved)} events were saved`;
  const streams = Object.entries(lost).map(([stream, events]) => `${events} of ${stream}`);
  const events =
    count(lost) === 0
      ? 'no event that head office still needs is known to be lost'
      : `lost before head office had received them: ${streams.join(', ')}`;
  const rest = state.length === 0 ? '' : `, and not all could be read of: ${state.join(', ')}`;
  return `the journal was damaged (${cause}): ${what}, ${events}${rest}; the damaged file is ${aside}`;
}
