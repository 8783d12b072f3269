/** A verify report as people read it: one aligned line per hub, incarnation and stream, then the verdict. */
import { STREAMS } from '../../edge/contracts/streams.ts';
import type { VerifyReport } from './completeness.ts';

const COLUMNS = [
  'hub',
  'incarnation',
  'stream',
  'first',
  'last',
  'checkpoint',
  'dropped',
  'gaps',
  'duplicates',
] as const;
const FIRST_NUMBER = COLUMNS.indexOf('first');

export function verifyTable(report: VerifyReport): string {
  const rows: string[][] = [[...COLUMNS]];
  for (const { hub, incarnation, streams } of report.hubs) {
    for (const name of STREAMS) {
      const stream = streams[name];
      if (stream === undefined) continue;
      const { first, last, checkpoint, dropped, gaps, duplicates } = stream;
      const numbers = [first, last, checkpoint, dropped, gaps, duplicates];
      rows.push([hub, incarnation, name, ...numbers.map((number) => (number === null ? '-' : String(number)))]);
    }
  }
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column < FIRST_NUMBER ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const more = report.faults > 1 ? ` (and ${report.faults - 1} more)` : '';
  const verdict = report.ok
    ? `${report.records} events, complete, none twice`
    : `NOT COMPLETE: ${report.fault ?? ''}${more}`;
  return [...(rows.length > 1 ? lines : []), verdict].join('\n');
}
