/**
 * Vitest's global set-up: process-level tests start the built daemons, so the build comes first. Temporary files of a
 * run lie in one folder, which goes with it: many tests open a journal, and each has a ballast file.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function buildOnce(): () => void {
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
  const folder = mkdtempSync(join(tmpdir(), 'run-'));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
