/**
 * `devices adopt`: an entry in the configuration for a device. What was heard is tried with the entry first; what comes
 * by a serial line, a folder, an OPC UA server or an outside broker is not heard before, and its way is named.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { WAYS } from '../../config/devices.ts';
import { ConfigError } from '../../config/faults.ts';
import { type LoadedConfig, parseConfig } from '../../config/loader.ts';
import type { StoreConfig } from '../../config/schema.ts';
import type { DevicesReport, StrangerReport } from '../contracts/device-reports.ts';
import { CODECS, type CodecName } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import { writeWords } from '../contracts/file-words.ts';
import type { Frame } from '../contracts/formats.ts';
import { matchesFilter } from '../contracts/topic-filters.ts';
import { fitting, type Trial, tried } from '../device-trial.ts';
import { type AdoptOptions, type Entry, placeFrom, wayFrom } from './adopt-options.ts';
import { adoptionNotes } from './adoption-notes.ts';
import { difference, withDevice, writeWhole } from './config-edit.ts';
import { checkDeviceEntries } from './device-entries.ts';
import { guessed, lastLevels } from './device-guess.ts';
import { json, line, note } from './terminal.ts';

/** What the running edge heard; asked only where something had to be heard. */
export interface HeardParts {
  report(): Promise<DevicesReport>;
  /** The last frames of strangers, by topic or path. */
  frames(): Promise<ReadonlyMap<string, readonly Frame[]>>;
}

const PUSH = 'POST /push/';

/** Codecs whose frames may come so. */
export function codecsBy(way: 'mqtt' | 'push'): readonly CodecName[] {
  return CODECS.filter((codec) => WAYS[codec].includes(way));
}

interface Found {
  readonly entry: Entry;
  readonly frames: readonly Frame[];
}

export async function adopt(
  what: string,
  options: AdoptOptions,
  loaded: LoadedConfig,
  heard: HeardParts,
): Promise<void> {
  const way = wayFrom(options);
  const place = placeFrom(options);
  const found = way === undefined ? await entryHeard(what, options, heard) : entryGiven(what, options, way);
  const entry = { ...found.entry, ...place };
  const { file } = loaded;
  const before = readFileSync(file, 'utf8');
  const after = withDevice(before, entry);
  const { config } = await checked(after, file);
  const trial = await trialOf(config, found.frames, options);
  for (const text of adoptionNotes(config)) note(text);
  const change = difference(before, after);
  const answer = { file, entry, ...(trial && { tried: trial }) };
  if (!options.json) {
    if (trial !== undefined) await line(`${trialText(trial)}\n`);
    await line(`${file}:\n${change}\n`);
  }
  if (options.dryRun) {
    if (options.json) await json({ ...answer, written: false });
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
    throw new HubError('INPUT_REFUSED', `nothing was written: ${file}: ${writeWords(error)}`, { cause: error });
  }
  if (options.json) await json({ ...answer, written: true });
  else
    await line(
      `written. It counts when the edge is started again: systemctl restart store-hub-edge\nthen: store-hub devices watch ${String(entry.name)}`,
    );
}

function entryGiven(what: string, options: AdoptOptions, way: Entry): Found {
  const { codec, as: name = what } = options;
  if (codec === undefined) throw new HubError('WRONG_USE', 'name its format with --codec: nothing of it was heard yet');
  return { entry: { name, codec, ...way }, frames: [] };
}

/** Throws HubError. */
async function entryHeard(what: string, options: AdoptOptions, heard: HeardParts): Promise<Found> {
  const { devices, strangers } = await heard.report();
  const known = devices.find(({ name }) => name === what);
  if (known?.configured) throw new HubError('WRONG_USE', `${what} is in the configuration already`);
  if (known?.through)
    throw new HubError('WRONG_USE', `${known.through} speaks for ${what}: what is said of it stands in that entry`);
  if (known !== undefined) {
    if (options.codec !== undefined && options.codec !== 'hub')
      throw new HubError('WRONG_USE', `${what} speaks the hub's own JSON on in/<kind>/${what}: it needs no codec`);
    return { entry: { name: options.as ?? what }, frames: [] };
  }
  const stranger = strangerOf(what, strangers);
  if (stranger === undefined) throw new HubError('DEVICE_NOT_FOUND', notHeard(what, strangers));
  const { topic } = stranger;
  const kept = await heard.frames();
  if (topic.startsWith(PUSH)) return pushed(topic.slice(PUSH.length), options, stranger, kept.get(topic) ?? []);
  if (/^(in|out)\//.test(topic))
    throw new HubError('WRONG_USE', `${topic} is a topic of the hub's own: the device must be told another one`);
  const guess = guessed(topic, textOf(stranger));
  const filter = options.topic ?? guess?.topic ?? topic;
  if (!matchesFilter(filter, topic)) note(`--topic ${filter} does not match ${topic}, on which it was heard`);
  const frames = [...kept].flatMap(([on, all]) => (!on.startsWith(PUSH) && matchesFilter(filter, on) ? all : []));
  const codec = options.codec ?? (await codecOf(topic, guess?.codec, kept.get(topic) ?? [], 'mqtt'));
  const name = options.as ?? nameFrom(guess?.name ?? lastLevels(topic));
  return { entry: { name, codec, mqtt: { topic: filter } }, frames };
}

async function pushed(
  name: string,
  options: AdoptOptions,
  stranger: StrangerReport,
  frames: readonly Frame[],
): Promise<Found> {
  if (options.as !== undefined && options.as !== name)
    throw new HubError('WRONG_USE', `it posts to /push/${name}, so its name is ${name}`);
  const codec = options.codec ?? (await codecOf(stranger.topic, guessed('', textOf(stranger))?.codec, frames, 'push'));
  return { entry: { name, codec, push: true }, frames };
}

/** What its name and its beginning look like; else the one codec that understands it. Throws HubError. */
async function codecOf(
  topic: string,
  guess: string | undefined,
  frames: readonly Frame[],
  way: 'mqtt' | 'push',
): Promise<string> {
  if (guess !== undefined) return guess;
  const fits = await fitting(codecsBy(way), frames);
  const [first, ...others] = fits.map(({ codec }) => codec);
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined)
    throw new HubError(
      'WRONG_USE',
      `${fits.map(({ codec }) => codec).join(', ')} understand ${topic}: choose with --codec`,
    );
  throw new HubError(
    'WRONG_USE',
    `no codec understands what came on ${topic}: name it with --codec; what none reads needs --codec mapping with --map kind=JSONata`,
  );
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
  return `nothing of the name or topic ${what} was heard: ${some}; what is not heard by itself needs its way: --serial, --folder, --opcua, --broker or --push`;
}

function textOf({ sample }: StrangerReport): string {
  return sample === null ? '' : Buffer.from(sample, 'base64').toString('utf8');
}

function nameFrom(text: string): string {
  return text.replace(/[/+#\s\p{Cc}]+/gu, '-').slice(0, 128);
}

/** As `check-config` and the edge judge it. */
async function checked(text: string, file: string): Promise<LoadedConfig> {
  try {
    const loaded = parseConfig(text, file, process.env);
    await checkDeviceEntries(loaded);
    return loaded;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map(({ key, message }) => `${key}: ${message}`).join('; ');
    throw new HubError('WRONG_USE', `nothing was written: with this entry the configuration is wrong: ${faults}`);
  }
}

/** Throws HubError where the entry would understand nothing of what the device sends. */
async function trialOf(
  config: StoreConfig,
  frames: readonly Frame[],
  { anyway }: AdoptOptions,
): Promise<Trial | undefined> {
  const device = config.devices.at(-1);
  if (device === undefined || frames.length === 0) return undefined;
  const trial = await tried({ ...device, timezone: config.timezone }, config, frames);
  if (trial.readings.length > 0 || anyway === true) return trial;
  const way = device.push ? 'push' : 'mqtt';
  const others = (await fitting(codecsBy(way), frames)).map(({ codec }) => codec);
  const better = others.filter((codec) => codec !== device.codec);
  // A frame may well say nothing of its own, such as a reader's own events.
  if (trial.understood > 0 && (better.length === 0 || better.length < others.length)) return trial;
  const why = trial.reasons.length === 0 ? 'it finds no readings in it' : trial.reasons.join('; ');
  const hint = better.length === 0 ? '' : `; ${better.join(', ')} would understand it`;
  throw new HubError(
    'WRONG_USE',
    `nothing was written: codec ${device.codec} does not understand what it sends: ${why}${hint}; with --anyway the entry is written all the same`,
  );
}

function trialText({ frames, understood, readings, reasons, notes }: Trial): string {
  const last = frames === 1 ? 'its last frame' : `its last ${frames} frames`;
  return [
    `of ${last} this entry understands ${understood}${readings.length === 0 ? '' : ', such as'}`,
    ...readings.map((reading) => `  ${reading}`),
    ...reasons.map((reason) => `  refused: ${reason}`),
    ...notes.map((text) => `  note: ${text}`),
  ].join('\n');
}

async function agreed(file: string): Promise<boolean> {
  if (process.stdin.isTTY !== true)
    throw new HubError('NEEDS_YES', 'nothing was written: without a terminal it needs --yes');
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await questions.question(`write this to ${file}? [y/N] `)).trim());
  } finally {
    questions.close();
  }
}
