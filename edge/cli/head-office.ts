/** `topics create / check` and `verify`: what head office's Kafka must hold, and whether it does. */
import type { Command } from 'commander';
import { cloudOf, wholeNumber } from './settings.ts';
import { json, line, table } from './terminal.ts';

interface PlanOptions {
  readonly json?: boolean;
  readonly partitions?: number;
  readonly replication?: number;
}

export function addHeadOffice(program: Command): void {
  const topics = program.command('topics').description("head office's Kafka topics");
  planned(topics.command('create').description('create what is missing; a topic that exists is left alone'))
    .option('--json', 'print {created, existing}')
    .action(create);
  planned(topics.command('check').description('compare the topics with what they must be; exit code 1 on a difference'))
    .option('--json', 'print [{topic, key, is, want}]')
    .action(check);
  program
    .command('verify')
    .description("prove from head office's records that every event is there once; exit code 1 with the first fault")
    .option('--hub <hub>', 'only this hub; default: every hub that head office knows')
    .option('--json', 'print {ok, hubs: [{hub, incarnation, streams}]}')
    .action(prove);
}

function planned(command: Command): Command {
  return command
    .option('--partitions <n>', 'partitions of every topic; default 64 when created', wholeNumber(1, 100_000))
    .option('--replication <n>', 'copies of every partition; default 3 when created', wholeNumber(1, 100));
}

async function create(options: PlanOptions, command: Command): Promise<void> {
  const { createTopics } = await import('../../cloud-bridge/hq/topics.ts');
  const result = await createTopics(cloudOf(command), options);
  if (options.json) await json(result);
  else
    await line(
      [
        ...result.created.map((topic) => `${topic}: created`),
        ...result.existing.map((topic) => `${topic}: was there`),
      ].join('\n'),
    );
}

async function check(options: PlanOptions, command: Command): Promise<void> {
  const { checkTopics } = await import('../../cloud-bridge/hq/topics.ts');
  const differences = await checkTopics(cloudOf(command), options);
  if (differences.length > 0) process.exitCode = 1;
  if (options.json) await json(differences);
  else if (differences.length === 0) await line('all topics are as they must be');
  else {
    const rows = differences.map(({ topic, key, is, want }) => [topic, key, is, want]);
    await line(table([['TOPIC', 'KEY', 'IS', 'WANT'], ...rows]));
  }
}

async function prove(options: { hub?: string; json?: boolean }, command: Command): Promise<void> {
  const { verify } = await import('../../cloud-bridge/hq/verify.ts');
  const { verifyTable } = await import('../../cloud-bridge/hq/verify-table.ts');
  const result = await verify(cloudOf(command), { hub: options.hub });
  if (!result.ok) process.exitCode = 1;
  if (options.json) await json(result);
  else await line(verifyTable(result));
}
