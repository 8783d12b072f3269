/** Whose fault an error is: a rule's, which concerns one of its keys, or the hub's own. */
import { HubError, messageOf } from '../contracts/errors.ts';

/** SQLite's word on what it was told to store, not on how the disk or the database is. */
const OF_WHAT_IS_STORED = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE|ERROR)/;

/** What a rule decided for a key cannot be carried out. Half of it may be done: the transaction must be rolled back. */
export class RuleFault extends Error {
  readonly rule: string;
  readonly key: string;

  constructor(rule: string, key: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.rule = rule;
    this.key = key;
  }
}

/** The disk, the database or the hub failed while a rule ran: no key is to blame, and none must be set aside for it. */
export function isHubsOwn(error: unknown): boolean {
  if (error instanceof HubError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('SQLITE_') && !OF_WHAT_IS_STORED.test(code);
}
