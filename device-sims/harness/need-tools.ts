/**
 * Tests that need a tool of the operating system. Where it is missing they are skipped with a word about it; in CI as
 * root, where it could be installed, that is a failure.
 */
import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';

export function has(tool: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** `describe` when the tools are there, else a loud skip. */
export function describeWith(...tools: string[]): typeof describe | typeof describe.skip {
  const missing = tools.filter((tool) => !has(tool));
  if (missing.length === 0) return describe;
  const words = `${missing.join(', ')} not found`;
  if (process.env.CI === 'true' && process.getuid?.() === 0) throw new Error(`${words}: .ci/run installs it`);
  console.warn(`SKIPPED: ${words}`);
  return describe.skip;
}
