/**
 * `shoppers erase`: everything that leads to one person is destroyed. The pseudonym is asked for or read from a pipe:
 * on a command line `ps` would show it and the shell's history would keep it.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { EDGE_SOCKET } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { firstLine } from './first-line.ts';
import { configOf } from './settings.ts';
import { json, line } from './terminal.ts';

const LONGEST_PSEUDONYM = 128;

const AFTER = `
The pseudonym is asked for, or read from the first line of a pipe; it is no argument, because other users of this
machine see arguments, and the shell keeps them.

Afterwards nothing on this hub leads to the person: the key and the pseudonym are gone from shoppers.db and its log,
open offers are withdrawn, head office is told (retail.shoppers.erased.v1). What was journaled, sent or backed up
before stays under a keyed pseudonym that leads to nobody any more. Needs a running edge.

Examples:
  store-hub shoppers erase
  head -n 1 request.txt | store-hub shoppers erase --yes`;

const answerSchema = z.object({ erased: z.boolean() });
const problemSchema = z.object({ detail: z.string() });

interface Options {
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addShoppers(program: Command): void {
  program
    .command('shoppers')
    .description('shoppers who granted consent: erase one')
    .command('erase')
    .description('destroy everything on this hub that leads to one person')
    .option('--yes', 'do not ask again; needed where the pseudonym comes from a pipe')
    .option('--json', 'print {erased}')
    .addHelpText('after', AFTER)
    .action(erase);
}

async function erase(options: Options, command: Command): Promise<void> {
  const { data_dir } = configOf(command).config;
  const isPipe = process.stdin.isTTY !== true;
  if (isPipe && options.yes !== true)
    throw new HubError(
      'NEEDS_YES',
      'nothing was erased: the pseudonym comes from a pipe, so nobody can be asked again',
    );
  const pseudonym = isPipe ? await firstLine() : await asked(options.yes === true);
  if (pseudonym.length === 0 || pseudonym.length > LONGEST_PSEUDONYM)
    throw new HubError('INPUT_REFUSED', `nothing was erased: a pseudonym has 1 to ${LONGEST_PSEUDONYM} characters`);
  // Half of a surrogate pair has no UTF-8.
  const path = `/api/shoppers/${encodeURIComponent(Buffer.from(pseudonym).toString())}/erase`;
  const { status, body } = await edgeRequest(join(data_dir, EDGE_SOCKET), 'POST', path);
  const answer = answerSchema.safeParse(body).data;
  if (status !== 200 || !answer)
    throw new HubError('NOT_STORED', problemSchema.safeParse(body).data?.detail ?? `the edge answers ${status}`);
  if (options.json) await json(answer);
  else await line(answer.erased ? 'erased' : 'nobody is known by this pseudonym: there is nothing to erase');
}

/** On stderr, so that stdout holds the result alone. */
async function asked(isSure: boolean): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr, historySize: 0 });
  const broken = new AbortController();
  terminal.once('SIGINT', () => broken.abort());
  terminal.once('close', () => broken.abort());
  try {
    const pseudonym = await terminal.question('Pseudonym of the shopper: ', { signal: broken.signal });
    if (isSure) return pseudonym;
    const answer = await terminal.question('Erase this shopper for good? [y/N] ', { signal: broken.signal });
    if (/^y(es)?$/i.test(answer.trim())) return pseudonym;
  } catch {
    // Broken off.
  } finally {
    terminal.close();
  }
  throw new HubError('INPUT_REFUSED', 'nothing was erased');
}
