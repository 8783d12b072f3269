/** `schema [TYPE] / --list`: prints the published JSON Schemas. */
import type { Command } from 'commander';
import { nearest } from '../../config/faults.ts';
import { HubError } from '../contracts/errors.ts';
import { publishedSchema, SCHEMA_NAMES } from './published-schemas.ts';
import { json, line } from './terminal.ts';

export function addSchema(program: Command): void {
  program
    .command('schema')
    .description('JSON Schemas of the configuration, readings, events and the checkpoint')
    .argument('[type]', 'config, reading.<kind>, an event type or checkpoint; without it: all of them in one object')
    .option('--list', 'only the names')
    .option('--json', 'schemas are JSON in any case; with --list: print an array')
    .addHelpText(
      'after',
      '\nExamples:\n  store-hub schema --list\n  store-hub schema reading.shelf\n  store-hub schema retail.sales.sold.v1',
    )
    .action(schema);
}

async function schema(type: string | undefined, options: { list?: boolean; json?: boolean }): Promise<void> {
  if (options.list) {
    if (options.json) await json(SCHEMA_NAMES);
    else await line(SCHEMA_NAMES.join('\n'));
    return;
  }
  const value =
    type === undefined
      ? Object.fromEntries(SCHEMA_NAMES.map((name) => [name, publishedSchema(name)]))
      : publishedSchema(type);
  if (value === undefined) {
    const near = nearest(type ?? '', SCHEMA_NAMES);
    const hint = near === undefined ? '`store-hub schema --list` names all there are' : `did you mean ${near}?`;
    throw new HubError('WRONG_USE', `there is no schema ${type}: ${hint}`);
  }
  await line(JSON.stringify(value, null, 2));
}
