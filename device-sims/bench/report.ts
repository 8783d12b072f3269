/** The bench's table and its raw figures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** What a measurement must reach: a share of its baseline, or a figure in its own unit. */
export interface Bar {
  readonly ratio?: number;
  readonly value?: number;
}

export interface Line {
  readonly what: string;
  readonly unit: '/s' | 'us' | 'ms' | 's' | 'MiB' | 'kB' | '% of a core';
  readonly measured: number;
  readonly baseline?: number;
  readonly atLeast?: Bar;
  readonly wanted?: Bar;
}

export interface Outcome {
  readonly name: string;
  readonly lines: readonly Line[];
  /** Everything measured on the way, for later questions. */
  readonly raw: unknown;
  /** What was not measured and why, or what a reader must know. */
  readonly remarks: readonly string[];
}

const HEADINGS = ['', 'measured', 'baseline', 'ratio', 'at least', 'we want', 'ok?'];

/** Rates must be high, times and sizes low. */
function smallerIsBetter(line: Line): boolean {
  return line.unit !== '/s';
}

function reaches(line: Line, bar: Bar): boolean {
  if (bar.ratio !== undefined) {
    if (line.baseline === undefined) return false;
    const ratio = line.measured / line.baseline;
    if (smallerIsBetter(line) ? ratio > bar.ratio : ratio < bar.ratio) return false;
  }
  if (bar.value === undefined) return true;
  return smallerIsBetter(line) ? line.measured <= bar.value : line.measured >= bar.value;
}

export function verdict(line: Line): string {
  if (line.atLeast === undefined) return '';
  if (!reaches(line, line.atLeast)) return 'NO';
  return line.wanted !== undefined && reaches(line, line.wanted) ? 'yes, as wanted' : 'yes';
}

function figure(value: number, unit: Line['unit']): string {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  return `${value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

function barText(bar: Bar | undefined, unit: Line['unit']): string {
  if (bar === undefined) return '';
  const parts = [
    bar.ratio === undefined ? undefined : `x ${bar.ratio}`,
    bar.value === undefined ? undefined : `${bar.value.toLocaleString('en-US')} ${unit}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export function table(lines: readonly Line[]): string {
  const rows = lines.map((line) => [
    line.what,
    figure(line.measured, line.unit),
    line.baseline === undefined ? '' : figure(line.baseline, line.unit),
    line.baseline === undefined ? '' : (line.measured / line.baseline).toFixed(2),
    barText(line.atLeast, line.unit),
    barText(line.wanted, line.unit),
    verdict(line),
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Writes everything to `bench-results/<date>.json` and returns the file's name. */
export function writeResults(outcomes: readonly Outcome[], failures: readonly string[]): string {
  const folder = 'bench-results';
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
  };
  writeFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), machine, outcomes, failures }, null, 1)}\n`);
  return file;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}
