/** `journal tail / show / export`: events as CloudEvents, one a line, straight from journal.db. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { cloudEventText, type JournalRow } from '../contracts/envelope.ts';
import { HubError } from '../contracts/errors.ts';
import { parseEventId } from '../contracts/ids.ts';
import { STREAMS, type Stream } from '../contracts/streams.ts';
import { JournalReader } from '../journal/reader.ts';
import { configOf, oneOf, stopSignal, wholeNumber } from './settings.ts';
import { line, outputClosed } from './terminal.ts';

interface Selection {
  readonly stream?: Stream;
  readonly local?: boolean;
}

/** How often a followed journal is looked at, milliseconds. */
const POLL = 100;
const PAGE = 1000;

export function addJournal(program: Command): void {
  const journal = program.command('journal').description('read the journal, with the edge running or stopped');
  selecting(journal.command('tail').description('the newest events, and all that come'))
    .option('--lines <n>', 'how many to begin with', wholeNumber(0, 2000), 10)
    .option('--no-follow', 'end after these')
    .action(tail);
  journal
    .command('show')
    .description('one event')
    .argument('<id>', 'event id, such as store-0042/1m7w2y7m0v7f3/0000000000001842, or only its sequence')
    .option('--json', 'events are JSON in any case')
    .action(show);
  selecting(journal.command('export').description('all events that are still held, oldest first'))
    .option('--from <seq>', 'begin here: a sequence of the newest incarnation, or an event id')
    .addHelpText('after', '\nExample:\n  store-hub journal export --stream sales > sales.jsonl')
    .action(exportAll);
}

function selecting(command: Command): Command {
  return command
    .option('--stream <stream>', `only one of ${STREAMS.join(', ')}`, oneOf(STREAMS))
    .option('--local', 'also what is never sent to head office: commands, master data')
    .option('--json', 'events are JSON in any case');
}

async function withReader(command: Command, work: (reader: JournalReader) => Promise<void>): Promise<void> {
  const reader = JournalReader.open(configOf(command).config.data_dir);
  try {
    await work(reader);
  } finally {
    reader.close();
  }
}

async function print(reader: JournalReader, rows: readonly JournalRow[]): Promise<void> {
  for (const row of rows) {
    if (outputClosed.aborted) return;
    await line(cloudEventText(reader.hub, row));
  }
}

async function tail(options: Selection & { lines: number; follow: boolean }, command: Command): Promise<void> {
  await withReader(command, async (reader) => {
    const { lines, follow, stream, local } = options;
    const selection = { ...(stream && { stream }), ...(local && { local }) };
    let version = reader.version();
    const newest = reader.last(1, { local: true }).at(-1)?.sequence ?? 0;
    if (lines > 0) {
      const rows = reader.last(lines, selection).filter((row) => row.sequence <= newest);
      await print(reader, rows);
    }
    if (!follow) return;
    const stop = AbortSignal.any([stopSignal(), outputClosed]);
    let next = newest + 1;
    while (!stop.aborted) {
      const rows = reader.page({ ...selection, from: next, limit: PAGE });
      await print(reader, rows);
      next = Math.max(next, (rows.at(-1)?.sequence ?? 0) + 1);
      if (rows.length > 0) continue;
      while (!stop.aborted && reader.version() === version)
        await sleep(POLL, undefined, { signal: stop }).catch(() => undefined);
      version = reader.version();
    }
  });
}

async function show(id: string, _: unknown, command: Command): Promise<void> {
  await withReader(command, async (reader) => {
    const row = /^\d{1,16}$/.test(id) ? bySequence(reader, Number(id)) : reader.find(id);
    if (row === undefined) throw new HubError('EVENT_NOT_FOUND', `the journal of ${reader.hub} holds no event ${id}`);
    await print(reader, [row]);
  });
}

function bySequence(reader: JournalReader, sequence: number): JournalRow | undefined {
  const [row] = reader.page({ from: sequence, local: true, limit: 1 });
  return row?.sequence === sequence ? row : undefined;
}

async function exportAll(options: Selection & { from?: string }, command: Command): Promise<void> {
  await withReader(command, async (reader) => {
    const { stream, local } = options;
    let from = options.from === undefined ? 1 : firstOf(reader, options.from);
    while (!outputClosed.aborted) {
      const rows = reader.page({ ...(stream && { stream }), ...(local && { local }), from, limit: PAGE });
      if (rows.length === 0) return;
      await print(reader, rows);
      from = (rows.at(-1)?.sequence ?? from) + 1;
    }
  });
}

/** Sequences go on growing through all incarnations, so one number says where to begin. */
function firstOf(reader: JournalReader, from: string): number {
  if (/^\d{1,16}$/.test(from)) return Number(from);
  const id = parseEventId(from);
  if (id === undefined) throw new HubError('WRONG_USE', `--from ${from}: neither a sequence nor an event id`);
  if (id.hub === reader.hub && reader.incarnations().some((entry) => entry.incarnation === id.incarnation)) {
    return id.sequence;
  }
  throw new HubError('EVENT_NOT_FOUND', `the journal of ${reader.hub} knows no incarnation of event ${from}`);
}
