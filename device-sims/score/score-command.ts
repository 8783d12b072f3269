/** `score`: joins a run's ledger with what the hub journaled, prints the table, and writes the figures as JSON. */
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { parseStrike, type Strike } from './fault-score.ts';
import { HubStory, parseEvent } from './hub-story.ts';
import { readRun, simulatedClock } from './run-clock.ts';
import { scoreOf } from './score.ts';
import { type Score, scoreJsonSchema } from './score-file.ts';
import { tableOf } from './table.ts';
import { Truth } from './truth.ts';

interface ScoreOptions {
  readonly ledger: string;
  readonly events: string;
  readonly run?: string;
  readonly faults?: string;
}

interface ScoreFlags extends Partial<ScoreOptions> {
  readonly json?: boolean;
  readonly out?: string;
  readonly schema?: boolean;
}

/** Throws with file and line where one of the files is not what it should be. */
export async function scoreFiles({ ledger, events, run, faults }: ScoreOptions): Promise<Score> {
  const clock = run === undefined ? undefined : readRun(run);
  // Before its run no device spoke.
  const truth = new Truth(clock && Date.parse(clock.simulated_began));
  await eachLine(ledger, (line) => truth.take(JSON.parse(line) as LedgerRecord));
  if (!truth.isComplete)
    throw new Error(`${ledger}: the ledger has no end: its run was cut short, and cannot be scored`);
  const hub = new HubStory(simulatedClock(clock));
  await eachLine(events, (line) => hub.take(parseEvent(line)));
  if (faults === undefined) return scoreOf(truth, hub);
  const strikes: Strike[] = [];
  await eachLine(faults, (line) => void strikes.push(parseStrike(line)));
  return scoreOf(truth, hub, strikes);
}

async function eachLine(file: string, read: (line: string) => void): Promise<void> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line === '') continue;
    try {
      read(line);
    } catch (error) {
      throw new Error(`${file}:${number}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** @param print where the table or the JSON goes */
export function scoreCommand(print: (text: string) => void): Command {
  return new Command('score')
    .description('judge what the hub said by what truly happened')
    .option('--ledger <file>', "a run's ledger")
    .option('--events <file>', 'the lines of `store-hub journal export`')
    .option('--run <file>', "the run's clock, where it was faster than real time")
    .option('--faults <file>', "the run's faults: tells what was found while they struck, apart")
    .option('--out <file>', 'write the figures as JSON')
    .option('--json', 'print JSON instead of the table')
    .option('--schema', 'print the JSON Schema of what --out and --json write, and nothing else')
    .action(async ({ schema, ledger, events, ...options }: ScoreFlags, command: Command) => {
      if (schema) {
        print(JSON.stringify(scoreJsonSchema(), undefined, 2));
        return;
      }
      if (ledger === undefined || events === undefined)
        command.error('error: score needs --ledger and --events', { exitCode: 2 });
      const score = await scoreFiles({ ...options, ledger, events });
      const json = JSON.stringify(score, undefined, 2);
      if (options.out !== undefined) writeFileSync(options.out, `${json}\n`);
      print(options.json === true ? json : tableOf(score));
    });
}
