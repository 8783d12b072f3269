/** What is wrong with a reading, as an operator reads it: one sentence, and where else. */
import type { z } from 'zod';
import { plainest, pointerOf } from '../contracts/plain-issue.ts';
import type { Fault } from './outcome.ts';

type Issue = z.core.$ZodIssue;

export const MOST_POINTERS = 20;

export function faultsOf(issues: readonly Issue[], prefix: string): Fault[] {
  return issues.map((issue) => {
    const { path, message } = plainest(issue);
    return { pointer: prefix + pointerOf(path), message };
  });
}

const LONGEST_REASON = 400;

/** Other fields that a reason names; a refusal carries up to MOST_POINTERS. */
const MOST_NAMED = 3;
const LONGEST_NAMED = 80;

function short(pointer: string): string {
  return pointer.length > LONGEST_NAMED ? `${pointer.slice(0, LONGEST_NAMED - 1)}…` : pointer;
}

/** One sentence for the first fault, and where others are. */
export function reasonOf(faults: readonly Fault[]): string {
  const [first] = faults;
  if (first === undefined) return 'the reading is not valid';
  const others = pointersOf(faults).slice(1);
  const where = first.pointer === '' ? '' : `${first.pointer}: `;
  const named = others.slice(0, MOST_NAMED).map((pointer) => (pointer === '' ? 'the whole' : short(pointer)));
  const more = others.length === 0 ? '' : ` (also ${named.join(', ')}${others.length > MOST_NAMED ? ' and more' : ''})`;
  return `${where}${first.message}`.slice(0, LONGEST_REASON) + more;
}

export function pointersOf(faults: readonly Fault[]): string[] {
  return [...new Set(faults.map((fault) => fault.pointer))].slice(0, MOST_POINTERS);
}
