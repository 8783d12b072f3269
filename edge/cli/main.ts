#!/usr/bin/env node
/** The command `store-hub`: parses, runs one command, and ends by itself with its exit code. */
import { exitCodeOf, report } from './failure.ts';
import { createProgram } from './program.ts';
import { surviveClosedPipes } from './terminal.ts';

surviveClosedPipes();
try {
  await createProgram().parseAsync();
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
}
