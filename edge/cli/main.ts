#!/usr/bin/env node
/** The command `store-hub`: parses, runs one command, and ends by itself with its exit code. */
import { keepYoungSpace } from '../ops/young-space.ts';
import { daemonStop, isDaemon } from './daemon-stop.ts';

const daemon = isDaemon(process.argv.slice(2));
const stop = daemon ? daemonStop() : new AbortController().signal;
keepYoungSpace();
// Loaded only now: already the loading must not make a daemon's memory large.
const { exitCodeOf, report } = await import('./failure.ts');
const { createProgram } = await import('./program.ts');
const { outputWritten, surviveClosedPipes } = await import('./terminal.ts');

surviveClosedPipes();
try {
  await createProgram(stop).parseAsync();
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
}
// What nobody reads keeps no daemon from its end.
if (daemon && !(await outputWritten())) process.exit();
