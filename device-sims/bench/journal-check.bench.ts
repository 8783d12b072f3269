/** Speed counts only when nothing was lost: the journal must hold exactly the acknowledged sales, each once. */
import { JournalReader } from '../../edge/journal/reader.ts';
import type { LoadResult } from '../load/generator.ts';
import { saleId } from '../load/sales.ts';

const PAGE = 2_000;
const READING_ID = /"readingId":"([^"]*)"/;

/** Throws when a sale of these runs is missing, doubled, or when one is there that nobody sent. Returns the rows. */
export function checkJournal(dataDir: string, runs: readonly LoadResult[]): number {
  const awaited = new Set<string>();
  for (const { run, perConnection } of runs) {
    for (const [connection, sent] of perConnection.entries()) {
      for (let number = 0; number < sent; number += 1) awaited.add(saleId(run, connection, number));
    }
  }
  const expected = awaited.size;
  let rows = 0;
  for (const data of salesOf(dataDir)) {
    rows += 1;
    const id = READING_ID.exec(data)?.[1] ?? '';
    if (!awaited.delete(id)) throw new Error(`the journal holds the sale ${id} twice, or nobody sent it`);
  }
  if (awaited.size > 0) {
    const [first] = awaited;
    throw new Error(`${awaited.size} of ${expected} acknowledged sales are not in the journal, ${first} among them`);
  }
  return rows;
}

function* salesOf(dataDir: string): Generator<string> {
  const reader = JournalReader.open(dataDir);
  try {
    for (const { incarnation } of reader.incarnations()) {
      for (let after = 0; ; ) {
        const rows = reader.rows('sales', incarnation, after, PAGE);
        for (const row of rows) yield row.data;
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.streamSequence;
      }
    }
  } finally {
    reader.close();
  }
}
