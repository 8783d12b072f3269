/** The load generator as a child process. */
import type { LoadResult } from '../load/generator.ts';
import { startProgram } from './program.ts';

export interface LoadArguments {
  readonly port: number;
  /** A word that no other run on the same journal used. */
  readonly run: string;
  readonly count?: number;
  readonly seconds?: number;
  /** Sales per second; absent: as fast as acknowledgements come. */
  readonly rate?: number;
  readonly connections?: number;
  readonly window?: number;
  /** One sale of a hundred names one of so many shoppers. */
  readonly shoppers?: number;
}

/** Runs to the end. Throws when a connection broke or an acknowledgement is missing: then there is no figure. */
export async function loadWith(options: LoadArguments): Promise<LoadResult> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = startProgram('load/main.js', args);
  const result = (await program.nextLine()) as LoadResult;
  await program.process.ended;
  if (result.failures.length > 0) throw new Error(`load ${options.run}: ${result.failures.join('; ')}`);
  return result;
}
