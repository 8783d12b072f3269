/** What of a damaged journal's records goes into the new one, and what they say of its streams. */
import { type JournalStream, LOCAL_STREAM, STREAMS } from '../contracts/streams.ts';
import { at, type Vector } from '../contracts/vector.ts';
import type { Database } from './database.ts';
import { MAX_ORDINAL, positionOf } from './positions.ts';
import type { EventValues, Records } from './salvage-source.ts';

/** Where events of a stream are. */
export function tableOf(stream: JournalStream): string {
  return `events_${stream}`;
}

/** The records that everything else hangs on. */
export function writeRecords(
  db: Database,
  { chain, types, head, replication }: Omit<Records, 'hub'>,
  heads: Partial<Record<JournalStream, number>>,
  sequence: number,
): void {
  const link = db.prepare(
    'INSERT INTO incarnations (ordinal, incarnation, previous, created, reason, last_known) VALUES (?, ?, ?, ?, ?, ?)',
  );
  for (const [index, { incarnation, previous, created, reason, last_known }] of chain.entries()) {
    link.run(index + 1, incarnation, previous, created, reason, last_known);
  }
  const type = db.prepare('INSERT OR IGNORE INTO event_types (code, type) VALUES (?, ?)');
  for (const [code, name] of types) type.run(code, name);
  const elapsed =
    head?.elapsed ?? (db.prepare('SELECT coalesce(max(elapsed), 0) FROM repeats').pluck().get() as number);
  if (chain.length > 0) {
    db.prepare('INSERT INTO head (id, sequence, streams, elapsed, wall) VALUES (1, ?, ?, ?, ?)').run(
      sequence,
      JSON.stringify(heads),
      elapsed,
      head?.wall ?? Date.now(),
    );
  }
  if (replication) {
    db.prepare('INSERT INTO replication (id, incarnation, acked) VALUES (1, ?, ?)').run(
      replication.incarnation,
      replication.acked,
    );
  }
}

/** Up to where nobody misses anything; alerts are left out, the table of alerts may have to be made of them. */
export function passedPositions({ chain, replication }: Records): Partial<Record<JournalStream, number>> {
  const ordinal = chain.findIndex((link) => link.incarnation === replication?.incarnation) + 1;
  const acked = replication ? (JSON.parse(replication.acked) as Vector) : {};
  const streams = ordinal === 0 ? [] : STREAMS.filter((stream) => stream !== 'alerts');
  return Object.fromEntries([
    [LOCAL_STREAM, positionOf(MAX_ORDINAL, 0)],
    ...streams.map((stream) => [stream, positionOf(ordinal, at(acked, stream))]),
  ]);
}

/** Where a closed incarnation ended; undefined for the present one. */
export function endOf(chain: Records['chain'], index: number): Vector | undefined {
  const next = chain[index + 1];
  return next && (JSON.parse(next.last_known) as Vector);
}

export function headsOf(text: string): Partial<Record<JournalStream, number>> {
  try {
    return JSON.parse(text) as Partial<Record<JournalStream, number>>;
  } catch {
    return {};
  }
}
/** The data is JSON as it was written. */
export function isSound(event: EventValues): boolean {
  try {
    const data: unknown = JSON.parse(event[8]);
    return typeof data === 'object' && data !== null;
  } catch {
    return false;
  }
}
