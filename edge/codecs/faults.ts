/** zod's issues as an operator reads them: a JSON pointer, and one sentence that says what was expected. */
import type { z } from 'zod';
import type { Fault } from './outcome.ts';

type Issue = z.core.$ZodIssue;

export const MOST_POINTERS = 20;

export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function faultsOf(issues: readonly Issue[], prefix: string): Fault[] {
  return issues.map((issue) => {
    const { path, message } = plainest(issue);
    return { pointer: prefix + pointerOf(path), message };
  });
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
};

function plainest(issue: Issue): { path: readonly PropertyKey[]; message: string } {
  if (issue.code === 'invalid_type') {
    const expected = WORDS[issue.expected] ?? issue.expected;
    const received = /received (\S+)$/.exec(issue.message)?.[1] ?? 'something else';
    const message =
      received === 'undefined'
        ? `missing, expected ${expected}`
        : `expected ${expected}, got ${WORDS[received] ?? received}`;
    return { path: issue.path, message };
  }
  if (issue.code === 'invalid_union') {
    // A branch that took the type and refused the content says more than "none of them".
    for (const branch of issue.errors) {
      const [first] = branch;
      if (first !== undefined && (first.code !== 'invalid_type' || first.path.length > 0)) {
        const inner = plainest(first);
        return { path: [...issue.path, ...inner.path], message: inner.message };
      }
    }
    const types = issue.errors.flatMap((branch) =>
      branch[0]?.code === 'invalid_type' ? [WORDS[branch[0].expected] ?? branch[0].expected] : [],
    );
    const missing = issue.errors[0]?.[0]?.message.endsWith('received undefined') ?? false;
    return { path: issue.path, message: `${missing ? 'missing, ' : ''}expected ${types.join(' or ')}` };
  }
  return { path: issue.path, message: limitOf(issue) ?? issue.message.replace(/^Invalid (input|string|option): /, '') };
}

/** A value that is too small or too large, in words. */
function limitOf(issue: Issue): string | undefined {
  if (issue.code !== 'too_small' && issue.code !== 'too_big') return undefined;
  const [limit, few] = issue.code === 'too_small' ? [issue.minimum, true] : [issue.maximum, false];
  const unit = UNITS[issue.origin] ?? '';
  const bound = few
    ? issue.inclusive === false
      ? 'more than'
      : 'at least'
    : issue.inclusive === false
      ? 'less than'
      : 'at most';
  return `must ${unit === '' ? 'be' : 'have'} ${bound} ${limit}${unit}`;
}

const UNITS: Readonly<Record<string, string>> = { string: ' character(s)', array: ' element(s)' };

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
