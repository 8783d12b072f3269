/** `dead-letters list / show / retry / discard`: what was refused, and why. Reading needs no edge, changing does. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { EDGE_SOCKET } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import { type DeadLetter, JournalReader } from '../journal/reader.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { configOf } from './settings.ts';
import { bytes, json, line, note, table } from './terminal.ts';

interface Format {
  readonly json?: boolean;
}

interface Choice extends Format {
  readonly all?: boolean;
}

type Change = 'retry' | 'discard';

const AS_JSON = ['--json', 'print {id, device, kind, reason, pointers, count, first, last}, one a line'] as const;

const receiptSchema = z.object({
  outcome: z.string(),
  accepted: z.number().optional(),
  repeated: z.number().optional(),
});
const problemSchema = z.object({ title: z.string().optional(), detail: z.string().optional() });

export function addDeadLetters(program: Command): void {
  const letters = program.command('dead-letters').description('what devices sent and the hub refused, and why');
  letters
    .command('list')
    .description('all, newest first')
    .option(...AS_JSON)
    .action(list);
  letters
    .command('show')
    .description('one, with its bytes')
    .argument('<id>')
    .option('--raw', 'only the bytes, as they were received (names of shoppers masked)')
    .option(...AS_JSON)
    .action(show);
  letters
    .command('retry')
    .description('try to accept it again, for example after a correction of the planogram')
    .argument('[id]')
    .option('--all', 'every letter there is')
    .option('--json', 'print what became of it')
    .action(
      async (id: string | undefined, options: Choice, command: Command) => await change(id, 'retry', options, command),
    );
  letters
    .command('discard')
    .description('forget it')
    .argument('[id]')
    .option('--all', 'every letter there is')
    .option('--json', 'print what became of it')
    .action(
      async (id: string | undefined, options: Choice, command: Command) =>
        await change(id, 'discard', options, command),
    );
}

/** As promised in JSON: times in ISO 8601. */
function shape(letter: DeadLetter) {
  const { id, device, kind, reason, pointers, count, first, last } = letter;
  const [from, to] = [new Date(first).toISOString(), new Date(last).toISOString()];
  return { id, device, kind, reason, pointers, count, first: from, last: to };
}

function open(command: Command): JournalReader {
  return JournalReader.open(configOf(command).config.data_dir);
}

async function list(options: Format, command: Command): Promise<void> {
  const reader = open(command);
  try {
    const letters = reader.deadLetters().map(shape);
    if (options.json) {
      for (const letter of letters) await json(letter);
    } else if (letters.length === 0) {
      await line('no dead letters');
    } else {
      const rows = letters.map(({ id, kind, device, count, last, reason }) => [
        id,
        kind,
        device,
        `${count}x`,
        last,
        reason,
      ]);
      await line(table([['ID', 'KIND', 'DEVICE', 'COUNT', 'LAST', 'REASON'], ...rows]));
    }
  } finally {
    reader.close();
  }
}

async function show(id: string, options: Format & { raw?: boolean }, command: Command): Promise<void> {
  const reader = open(command);
  try {
    const letter = reader.deadLetter(id);
    if (letter === undefined) throw new HubError('LETTER_NOT_FOUND', `there is no dead letter ${id}`);
    if (options.raw) {
      if (letter.bytes === null)
        throw new HubError('NOT_FOUND', `the bytes of ${id} may not be kept: they name a person`);
      await bytes(letter.bytes);
    } else if (options.json) {
      await json(shape(letter));
    } else {
      const { pointers, ...rest } = shape(letter);
      await line(
        table(
          [...Object.entries({ ...rest, pointers: pointers.join(' ') })].map(([key, value]) => [key, String(value)]),
        ),
      );
      await line(`\n${readable(letter.bytes)}`);
    }
  } finally {
    reader.close();
  }
}

/** Bytes for a terminal: text with its control characters escaped, at most 4,000 characters. */
function readable(raw: Uint8Array | null): string {
  if (raw === null) return '(bytes not kept: they name a person)';
  const text = Buffer.from(raw).toString('utf8');
  const escaped = text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    character === '\n' ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return escaped.length > 4000 ? `${escaped.slice(0, 4000)}\n... (--raw shows all ${raw.byteLength} bytes)` : escaped;
}

async function change(id: string | undefined, action: Change, options: Choice, command: Command): Promise<void> {
  if ((id === undefined) === (options.all !== true)) throw new HubError('WRONG_USE', 'name one letter, or --all');
  const socket = join(configOf(command).config.data_dir, EDGE_SOCKET);
  if (id !== undefined) {
    await changeOne(socket, id, action, options);
    return;
  }
  // A list has an end; what is refused again stays in it, so that each is tried once.
  const tried = new Set<string>();
  for (let letters = await untried(command, tried); letters.length > 0; letters = await untried(command, tried)) {
    for (const letter of letters) {
      tried.add(letter);
      await changeOne(socket, letter, action, options);
    }
  }
  if (tried.size === 0 && !options.json) await line('no dead letters');
}

async function untried(command: Command, tried: ReadonlySet<string>): Promise<string[]> {
  const reader = open(command);
  try {
    return reader.deadLetters().flatMap(({ id }) => (tried.has(id) ? [] : [id]));
  } finally {
    reader.close();
  }
}

async function changeOne(socket: string, id: string, action: Change, options: Format): Promise<void> {
  const { status, body } = await edgeRequest(socket, 'POST', `/dead-letters/${encodeURIComponent(id)}/${action}`);
  if (status === 404) throw new HubError('LETTER_NOT_FOUND', `there is no dead letter ${id}`);
  if (status !== 200) {
    process.exitCode = 1;
    const problem = problemSchema.safeParse(body).data;
    if (options.json) await json(body ?? { status });
    else note(`${id}: not done: ${problem?.detail ?? problem?.title ?? `the edge answers ${status}`}`);
    return;
  }
  if (options.json) await json(body ?? {});
  else await line(action === 'discard' ? `${id}: discarded` : `${id}: ${receiptText(body)}`);
}

function receiptText(body: unknown): string {
  const receipt = receiptSchema.safeParse(body).data;
  if (receipt?.outcome !== 'accepted') return 'accepted';
  return `accepted (${receipt.accepted ?? 0} new, ${receipt.repeated ?? 0} known already)`;
}
