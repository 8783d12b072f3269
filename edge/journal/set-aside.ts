/**
 * Damaged journals that were set aside: for whoever looks into the disk. They lie outside of the disk budget, so only
 * the newest stay; a disk that fails again and again must not be filled by what was salvaged from it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^(journal\.db\.\d{8}T\d{6}Z(?:-(\d+))?\.damaged)(-wal|-shm)?$/;

/** Removes damaged journals but the newest so many; `latest`, a name, counts as the newest whatever the clock said. */
export function forgetDamaged(dataDir: string, keep: number, latest?: string): void {
  const files = readdirSync(dataDir).flatMap((file) => {
    const [, journal, number] = NAME.exec(file) ?? [];
    return journal === undefined ? [] : [{ file, journal, age: [journal.slice(0, 27), Number(number ?? 1)] as const }];
  });
  const newestFirst = files.sort((a, b) => compare(b.age[0], a.age[0]) || b.age[1] - a.age[1]);
  const journals = new Set([...(latest === undefined ? [] : [latest]), ...newestFirst.map(({ journal }) => journal)]);
  const kept = new Set([...journals].slice(0, keep));
  for (const { file, journal } of files) if (!kept.has(journal)) rmSync(join(dataDir, file), { force: true });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
