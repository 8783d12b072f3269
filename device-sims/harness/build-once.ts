/** Vitest's global set-up: process-level tests start the built daemons, so the build comes first. */
import { execFileSync } from 'node:child_process';

export default function buildOnce(): void {
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
}
