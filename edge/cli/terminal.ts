/** Writing to a terminal or a pipe. The reader of a pipe may leave (`| head`): that ends the output, it is no error. */
import { once } from 'node:events';
import { flushed } from '../ops/log-output.ts';

const readerLeft = new AbortController();

/** Aborted when nobody reads stdout any more: what only writes there may stop. */
export const outputClosed: AbortSignal = readerLeft.signal;

/** A pipe, a socket, a terminal that was closed. */
const READER_LEFT: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET', 'EIO']);

function onError(error: NodeJS.ErrnoException): void {
  if (!READER_LEFT.has(error.code)) throw error;
  readerLeft.abort();
}

/** To be called once, before the first output. */
export function surviveClosedPipes(): void {
  process.stdout.on('error', onError);
  process.stderr.on('error', onError);
}

const FLUSH_MS = 500;

/** Waits a moment for those who read it; whether everything that was written is out. */
export async function outputWritten(): Promise<boolean> {
  const outputs = [process.stdout, process.stderr];
  await Promise.all(outputs.map((output) => flushed(output, FLUSH_MS)));
  return outputs.every((output) => output.writableLength === 0);
}

async function write(chunk: string | Uint8Array): Promise<void> {
  if (outputClosed.aborted || process.stdout.write(chunk)) return;
  await once(process.stdout, 'drain', { signal: outputClosed }).catch(() => undefined);
}

/** One line, or several; resolves when stdout takes more. */
export async function line(text: string): Promise<void> {
  await write(`${text}\n`);
}

/** Bytes as they are. */
export async function bytes(raw: Uint8Array): Promise<void> {
  await write(raw);
}

/** One JSON value on one line. */
export async function json(value: unknown): Promise<void> {
  await line(JSON.stringify(value));
}

/** A remark beside the output. */
export function note(text: string): void {
  process.stderr.write(`store-hub: ${text}\n`);
}

/** Rows in aligned columns, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function bytesText(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** An age or a pause, to two units at most. */
export function secondsText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** Nothing that a device sends moves the cursor of a terminal. */
export function plain(text: string, lines = false): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    lines && character === '\n'
      ? character
      : character === '\r' && lines
        ? ''
        : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
