/** How a failure looks: one clear line with what to do about it, and its exit code. A stack only on demand. */
import { CommanderError } from 'commander';
import { ConfigError } from '../../config/faults.ts';
import { damaged, HubError, isDamage, messageOf } from '../contracts/errors.ts';
import { note } from './terminal.ts';

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof HubError ? error.exitCode : 1;
}

/** Writes to stderr. What commander found wrong has been shown by commander. */
export function report(thrown: unknown): void {
  if (thrown instanceof CommanderError) return;
  // Pages are read when they are needed: damage may show at any moment, in SQLite's words.
  const error = isDamage(thrown) ? damaged(thrown) : thrown;
  const debug = process.env.STORE_HUB_DEBUG === '1';
  if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
  else note(withoutStop(messageOf(error)));
  if (error instanceof HubError) note(`what to do: ${error.advice}`);
  else if (!debug) note('this should not happen; STORE_HUB_DEBUG=1 shows where');
  if (debug && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n${causeText(error.cause)}`);
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, '');
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? `caused by ${cause.stack ?? cause.message}\n` : '';
}
