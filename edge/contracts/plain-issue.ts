/** zod's issues as an operator reads them: a JSON pointer (RFC 6901), and what was expected. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
};

/** Of a union: what its likeliest branch says. */
export function plainest(issue: Issue): { path: readonly PropertyKey[]; message: string } {
  if (issue.code === 'invalid_type') {
    const expected = WORDS[issue.expected] ?? issue.expected;
    const received = /received (\S+)$/.exec(issue.message)?.[1];
    // The schema has words of its own.
    if (received === undefined) return { path: issue.path, message: issue.message };
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
