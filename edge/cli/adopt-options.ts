/** The options of `devices adopt`, and the keys of an entry that they become. What they may say is the schema's to judge. */
import type { Command } from 'commander';
import { TRANSPORTS } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';

export type Entry = Readonly<Record<string, unknown>>;

export interface AdoptOptions {
  readonly as?: string;
  readonly codec?: string;
  readonly model?: string;
  readonly zone?: string;
  readonly shelf?: string;
  readonly line?: string;
  readonly unit?: string;
  readonly till?: string;
  readonly antenna?: readonly string[];
  readonly place?: readonly string[];
  readonly map?: readonly string[];
  readonly code?: readonly string[];
  readonly calibrate?: readonly string[];
  readonly rhythm?: string;
  readonly topic?: string;
  readonly broker?: string;
  readonly push?: boolean;
  readonly serial?: string;
  readonly baud?: string;
  readonly frame?: string;
  readonly folder?: string;
  readonly files?: string;
  readonly after?: string;
  readonly settle?: string;
  readonly opcua?: string;
  readonly node?: readonly string[];
  readonly security?: string;
  readonly interval?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly anyway?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const NAMED = ['model', 'zone', 'shelf', 'line', 'unit', 'till'] as const;

function several(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export function withAdoptOptions(command: Command): Command {
  command
    .option('--as <name>', 'name of the device')
    .option('--codec <codec>', 'how its bytes are read; default: the one that fits');
  for (const key of NAMED) command.option(`--${key} <name>`, `its ${key}, as in the configuration`);
  return command
    .option('--antenna <number=zone>', 'where an antenna of a reader reads; once for each', several)
    .option('--place <theirs=ours>', 'what the device calls a line, zone or shelf, and what the shop does', several)
    .option('--map <key=text>', 'codec mapping: kind=JSONata; csv: field=column; poslog: key=text', several)
    .option('--code <theirs=gtin>', 'what a till calls a product, and its GTIN', several)
    .option('--calibrate <key=number>', 'celsius, weight, full_mm, empty_mm, rssi_dbm', several)
    .option('--rhythm <duration>', 'it says something at least so often, such as 20m')
    .option('--topic <filter>', 'all topics on which it publishes; default: guessed')
    .option('--broker <name>', 'at which of `brokers` it publishes, with --topic')
    .option('--push', 'it will post to /push/<name>')
    .option('--serial <port>', 'its adapter under /dev/serial/by-id, or a port')
    .option('--baud <number>', 'of the serial line; default 9600')
    .option('--frame <frame>', '8N1, 7E1, 7O1 or 8E1; default 8N1')
    .option('--folder <path>', 'the folder that it leaves files in')
    .option('--files <names>', 'their names, with * and ?; default *')
    .option('--after <what>', 'keep, move or delete a file that was taken; default keep')
    .option('--settle <duration>', 'a file is taken when it has not changed for so long; default 2s')
    .option('--opcua <endpoint>', 'address of its OPC UA server')
    .option('--node <is=node>', 'such as celsius=ns=2;s=Room.T, or celsius/product=...; once for each', several)
    .option('--security <mode>', 'none, sign or sign-and-encrypt; default none')
    .option('--interval <duration>', 'how often the server samples; default 5s')
    .option('--username <name>', 'at the OPC UA server')
    .option('--password-file <file>', 'file with its password, or credential:NAME');
}

/** The way by which its bytes come, where the options name it: then nothing of it has to be heard. Throws HubError. */
export function wayFrom(options: AdoptOptions): Entry | undefined {
  const way = {
    ...(options.broker !== undefined && { mqtt: { topic: options.topic, broker: options.broker } }),
    ...(options.push && { push: true }),
    ...(options.serial !== undefined && { serial: serialFrom(options, options.serial) }),
    ...(options.folder !== undefined && { folder: folderFrom(options, options.folder) }),
    ...(options.opcua !== undefined && { opcua: opcuaFrom(options, options.opcua) }),
  };
  const of = { serial: ['baud', 'frame'], folder: ['files', 'after', 'settle'] } as const;
  for (const [key, parts] of Object.entries(of))
    for (const part of parts)
      if (options[part] !== undefined && !(key in way)) throw wrong(`--${part} goes with --${key}`);
  for (const part of ['node', 'security', 'interval', 'username', 'passwordFile'] as const)
    if (options[part] !== undefined && options.opcua === undefined)
      throw wrong(`--${part.replace('F', '-f')} goes with --opcua`);
  if (options.broker !== undefined && options.topic === undefined) throw wrong('--broker needs --topic');
  const used = TRANSPORTS.filter((key) => key in way);
  if (used.length > 1) throw wrong(`one way only: ${used.join(' or ')}`);
  return used.length === 0 ? undefined : way;
}

function serialFrom({ baud, frame }: AdoptOptions, port: string): Entry {
  return {
    port: port.replace(/^\/dev\/serial\/by-id\//, ''),
    ...(baud && { baud: numberIn('--baud', baud) }),
    ...(frame && { frame }),
  };
}

function folderFrom({ files, after, settle }: AdoptOptions, path: string): Entry {
  return { path, ...(files && { files }), ...(after && { after }), ...(settle && { settle }) };
}

function opcuaFrom(options: AdoptOptions, endpoint: string): Entry {
  const { node = [], security, interval, username, passwordFile } = options;
  const nodes = node.map((text) => {
    const [what, id] = pair('--node', text);
    const [is, probe] = what.split('/', 2);
    return { node: id, is, ...(probe !== undefined && { probe }) };
  });
  return {
    ...{ endpoint, nodes },
    ...(security && { security }),
    ...(interval && { interval }),
    ...(username && { username }),
    ...(passwordFile && { password_file: passwordFile }),
  };
}

/** What is known of its place, its calibration and its words. Throws HubError. */
export function placeFrom(options: AdoptOptions): Entry {
  const { antenna, place, map, code, calibrate, rhythm } = options;
  const named = NAMED.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]]));
  const corrections = calibrate && Object.entries(pairs('--calibrate', calibrate));
  return {
    ...Object.fromEntries(named),
    ...(antenna && { antennas: pairs('--antenna', antenna) }),
    ...(place && { places: pairs('--place', place) }),
    ...(map && { mapping: pairs('--map', map) }),
    ...(code && { codes: pairs('--code', code) }),
    ...(corrections && {
      calibration: Object.fromEntries(corrections.map(([key, text]) => [key, numberIn(`--calibrate ${key}`, text)])),
    }),
    ...(rhythm !== undefined && { rhythm }),
  };
}

/** Both sides of the first `=`; each left side once. */
function pairs(option: string, texts: readonly string[]): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const text of texts) {
    const [left, right] = pair(option, text);
    if (found.has(left)) throw wrong(`${option} ${left} is named twice`);
    found.set(left, right);
  }
  return Object.fromEntries(found);
}

function pair(option: string, text: string): [left: string, right: string] {
  const at = text.indexOf('=');
  const [left, right] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at < 1 || left === '' || right === '') throw wrong(`${option} ${text}: expected two sides with = between them`);
  return [left, right];
}

function numberIn(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw wrong(`${option}: expected a number, not ${text}`);
  return value;
}

function wrong(message: string): HubError {
  return new HubError('WRONG_USE', message);
}
