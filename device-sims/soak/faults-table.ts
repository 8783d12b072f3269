/** What became of each fault: how often it was injected and seen, and what was lost meanwhile. */

import { lineOf } from './head-office.ts';
import type { Ledger } from './ledger.ts';
import { countOf, SOAK_KINDS } from './readings.ts';

/** One fault as it struck. */
export interface Struck {
  readonly name: string;
  /** Seconds since the soak began. */
  readonly at: number;
  readonly seconds: number;
  /** What was seen of it; nothing when it had no effect. */
  readonly seen: string | undefined;
  /** What went wrong with injecting it, or with what had to come back. */
  readonly problem: string | undefined;
  /** How many readings each device had sent when it began. */
  readonly from: readonly number[];
}

/** The lines of one run that miss something among the first `to[device]` readings, as sentences. */
export function lostLines(ledger: Ledger, run: string, to: readonly number[]): string[] {
  return to.flatMap((end, device) =>
    SOAK_KINDS.flatMap((kind) => {
      const line = lineOf(run, device, kind);
      const missing = ledger.missing(line, 0, countOf(kind, end));
      if (missing.length === 0) return [];
      const first = missing.slice(0, 5).map(({ from, to: last }) => (from === last ? `${from}` : `${from} to ${last}`));
      return [`${line}: ${first.join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more stretches` : ''}`];
    }),
  );
}

/** Readings of one run that did not arrive, among the first `to[device]` and not among the first `from[device]`. */
export function lostBetween(ledger: Ledger, run: string, from: readonly number[], to: readonly number[]): number {
  let lost = 0;
  to.forEach((end, device) => {
    for (const kind of SOAK_KINDS) {
      const line = lineOf(run, device, kind);
      const missing = ledger.missing(line, countOf(kind, from[device] ?? 0), countOf(kind, end));
      for (const range of missing) lost += range.to - range.from + 1;
    }
  });
  return lost;
}

/** Readings that arrived and that no device had sent. */
export function unsent(ledger: Ledger, run: string, sent: readonly number[]): number {
  return sent.reduce((total, count, device) => {
    return SOAK_KINDS.reduce(
      (sum, kind) => sum + ledger.beyond(lineOf(run, device, kind), countOf(kind, count)),
      total,
    );
  }, 0);
}

export interface FaultRow {
  readonly name: string;
  readonly injected: number;
  readonly seen: number;
  readonly lost: number;
  readonly last: string;
}

/** One row for each kind of fault. What was sent from one fault's beginning to the next one's counts as its own. */
export function faultRows(struck: readonly Struck[], ledger: Ledger, run: string, sent: readonly number[]): FaultRow[] {
  const rows = new Map<string, FaultRow>();
  struck.forEach((fault, index) => {
    const until = struck[index + 1]?.from ?? sent;
    const row = rows.get(fault.name) ?? { name: fault.name, injected: 0, seen: 0, lost: 0, last: '' };
    rows.set(fault.name, {
      name: fault.name,
      injected: row.injected + 1,
      seen: row.seen + (fault.seen === undefined ? 0 : 1),
      lost: row.lost + lostBetween(ledger, run, fault.from, until),
      last: fault.problem ?? fault.seen ?? row.last,
    });
  });
  return [...rows.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export function faultTable(rows: readonly FaultRow[]): string {
  const head = ['fault', 'injected', 'seen', 'lost', 'the last time'];
  const body = rows.map(({ name, injected, seen, lost, last }) => [name, `${injected}`, `${seen}`, `${lost}`, last]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
