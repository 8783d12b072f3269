/** `devices adopt`: an entry in the configuration for something that was heard and that nobody configured. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { ConfigError } from '../../config/faults.ts';
import { type LoadedConfig, parseConfig } from '../../config/loader.ts';
import type { DevicesReport, StrangerReport } from '../contracts/device-reports.ts';
import { HubError, messageOf } from '../contracts/errors.ts';
import { matchesFilter } from '../contracts/topic-filters.ts';
import { difference, withDevice, writeWhole } from './config-edit.ts';
import { checkDeviceEntries } from './device-entries.ts';
import { guessed, lastLevels } from './device-guess.ts';
import { json, line, note } from './terminal.ts';

export interface AdoptOptions {
  readonly as?: string;
  readonly codec?: string;
  readonly topic?: string;
  readonly model?: string;
  readonly zone?: string;
  readonly shelf?: string;
  readonly line?: string;
  readonly unit?: string;
  readonly till?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const PLACE = ['model', 'zone', 'shelf', 'line', 'unit', 'till'] as const;
const PUSH = 'POST /push/';

type Entry = Readonly<Record<string, unknown>>;

export async function adopt(
  what: string,
  options: AdoptOptions,
  loaded: LoadedConfig,
  report: DevicesReport,
): Promise<void> {
  const entry = { ...entryFor(what, options, report), ...placeFrom(options) };
  const { file } = loaded;
  const before = readFileSync(file, 'utf8');
  const after = withDevice(before, entry);
  await validate(after, file);
  const change = difference(before, after);
  if (!options.json) await line(`${file}:\n${change}\n`);
  if (options.dryRun) {
    if (options.json) await json({ file, entry, written: false });
    return;
  }
  if (options.yes !== true && !(await agreed(file))) {
    note('nothing was written');
    process.exitCode = 1;
    return;
  }
  if (readFileSync(file, 'utf8') !== before)
    throw new HubError('INPUT_REFUSED', `nothing was written: ${file} was changed meanwhile`);
  try {
    writeWhole(file, after);
  } catch (error) {
    throw new HubError('INPUT_REFUSED', `nothing was written: ${messageOf(error)}`, { cause: error });
  }
  if (options.json) await json({ file, entry, written: true });
  else await line(`written. The edge reads it at its next start: systemctl restart store-hub-edge`);
}

/** Throws HubError. */
function entryFor(what: string, options: AdoptOptions, { devices, strangers }: DevicesReport): Entry {
  const known = devices.find(({ name }) => name === what);
  if (known?.configured) throw new HubError('WRONG_USE', `${what} is in the configuration already`);
  if (known?.through)
    throw new HubError('WRONG_USE', `${known.through} speaks for ${what}: what is said of it stands in that entry`);
  if (known !== undefined) {
    if (options.codec !== undefined && options.codec !== 'hub')
      throw new HubError('WRONG_USE', `${what} speaks the hub's own JSON on in/<kind>/${what}: it needs no codec`);
    return { name: what };
  }
  const stranger = strangerOf(what, strangers);
  if (stranger === undefined) throw new HubError('NOT_FOUND', notHeard(what, strangers));
  const { topic } = stranger;
  if (topic.startsWith(PUSH)) return pushed(topic.slice(PUSH.length), options, stranger);
  if (/^(in|out)\//.test(topic))
    throw new HubError('WRONG_USE', `${topic} is a topic of the hub's own: the device must be told another one`);
  const guess = guessed(topic, textOf(stranger));
  const codec = options.codec ?? guess?.codec;
  if (codec === undefined) throw unknownFormat(topic);
  const filter = options.topic ?? guess?.topic ?? topic;
  if (!matchesFilter(filter, topic)) note(`--topic ${filter} does not match ${topic}, on which it was heard`);
  return { name: options.as ?? nameFrom(guess?.name ?? lastLevels(topic)), codec, mqtt: { topic: filter } };
}

function pushed(name: string, options: AdoptOptions, stranger: StrangerReport): Entry {
  const codec = options.codec ?? guessed('', textOf(stranger))?.codec;
  if (codec === undefined) throw unknownFormat(stranger.topic);
  if (options.as !== undefined && options.as !== name)
    throw new HubError('WRONG_USE', `it posts to /push/${name}, so its name is ${name}`);
  return { name, codec, push: true };
}

/** By its topic, by the name that it would get, or by a part of the topic that no other has. */
function strangerOf(what: string, strangers: readonly StrangerReport[]): StrangerReport | undefined {
  const exact = strangers.find(({ topic }) => topic === what || topic === `${PUSH}${what}`);
  if (exact !== undefined) return exact;
  const named = strangers.filter((stranger) => {
    const guess = guessed(stranger.topic, textOf(stranger));
    return nameFrom(guess?.name ?? lastLevels(stranger.topic)) === what || guess?.topic === what;
  });
  const filters = new Set(named.map((stranger) => guessed(stranger.topic, textOf(stranger))?.topic ?? stranger.topic));
  if (filters.size > 1)
    throw new HubError('WRONG_USE', `several are called ${what}: name one of the topics ${[...filters].join(', ')}`);
  return named[0];
}

function notHeard(what: string, strangers: readonly StrangerReport[]): string {
  const heard = strangers.slice(0, 5).map(({ topic }) => topic);
  const some = heard.length === 0 ? 'nothing strange was heard since the start' : `heard were ${heard.join(', ')}`;
  return `nothing of the name or topic ${what} was heard: ${some}; \`store-hub devices list\` shows all`;
}

function unknownFormat(topic: string): HubError {
  return new HubError(
    'WRONG_USE',
    `the format of ${topic} is not recognised: name it with --codec; what no codec reads needs an entry with codec: mapping, written by hand`,
  );
}

function placeFrom(options: AdoptOptions): Entry {
  return Object.fromEntries(
    PLACE.flatMap((key) => {
      const value = options[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function textOf({ sample }: StrangerReport): string {
  return sample === null ? '' : Buffer.from(sample, 'base64').toString('utf8');
}

function nameFrom(text: string): string {
  return text.replace(/[/+#\s\p{Cc}]+/gu, '-').slice(0, 128);
}

/** As the edge judges it at its start. */
async function validate(text: string, file: string): Promise<void> {
  try {
    await checkDeviceEntries(parseConfig(text, file, process.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map(({ key, message }) => `${key}: ${message}`).join('; ');
    throw new HubError('INPUT_REFUSED', `nothing was written: with this entry the configuration is wrong: ${faults}`);
  }
}

async function agreed(file: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) throw new HubError('NEEDS_YES', 'nothing was written: nobody can be asked');
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await questions.question(`write this to ${file}? [y/N] `)).trim());
  } finally {
    questions.close();
  }
}

/** Adds the options of what is to be known of its place. */
export function withPlaceOptions(command: Command): Command {
  for (const key of PLACE) command.option(`--${key} <name>`, `its ${key}, as in the configuration`);
  return command;
}
