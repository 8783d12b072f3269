/** `score`: joins a run's ledger with what the hub journaled, prints the table, and writes the figures as JSON. */
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { HubStory, parseEvent } from './hub-story.ts';
import { readRun, simulatedClock } from './run-clock.ts';
import { type Score, scoreOf } from './score.ts';
import { tableOf } from './table.ts';
import { Truth } from './truth.ts';

interface ScoreOptions {
  readonly ledger: string;
  readonly events: string;
  readonly run?: string;
  readonly json?: boolean;
  readonly out?: string;
}

/** Throws with file and line where one of the files is not what it should be. */
export async function scoreFiles({ ledger, events, run }: ScoreOptions): Promise<Score> {
  const truth = new Truth();
  await eachLine(ledger, (line) => truth.take(JSON.parse(line) as LedgerRecord));
  if (!truth.isComplete)
    throw new Error(`${ledger}: the ledger has no end: its run was cut short, and cannot be scored`);
  const hub = new HubStory(simulatedClock(run === undefined ? undefined : readRun(run)));
  await eachLine(events, (line) => hub.take(parseEvent(line)));
  return scoreOf(truth, hub);
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
    .requiredOption('--ledger <file>', "a run's ledger")
    .requiredOption('--events <file>', 'the lines of `store-hub journal export`')
    .option('--run <file>', "the run's clock, where it was faster than real time")
    .option('--out <file>', 'write the figures as JSON')
    .option('--json', 'print JSON instead of the table')
    .action(async (options: ScoreOptions) => {
      const score = await scoreFiles(options);
      const json = JSON.stringify(score, undefined, 2);
      if (options.out !== undefined) writeFileSync(options.out, `${json}\n`);
      print(options.json === true ? json : tableOf(score));
    });
}
