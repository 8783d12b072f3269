#!/usr/bin/env node
/** The command `store-hub-sim`: parses, runs one command, and ends by itself with its exit code. */
import { CommanderError, InvalidArgumentError } from 'commander';
import { WorldError } from './load-world.ts';
import { createProgram } from './program.ts';

const stop = new AbortController();
// A second signal ends the process as usual.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe may leave.
  if (error.code !== 'EPIPE') throw error;
});

try {
  await createProgram(stop.signal).parseAsync();
} catch (error) {
  process.exitCode = codeOf(error);
  // What commander finds itself it has said already; options that do not go together are found by the command.
  if (error instanceof InvalidArgumentError) process.stderr.write(`error: ${error.message}\n(see --help)\n`);
  else if (error instanceof WorldError) process.stderr.write(`${error.message}\n`);
  else if (!(error instanceof CommanderError)) {
    process.stderr.write(`store-hub-sim: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env.STORE_HUB_DEBUG === '1' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  }
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof WorldError ? 2 : 1;
}
