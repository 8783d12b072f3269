/** The command `store-hub-sim` and its help. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { type Faults, NO_FAULTS, parseFaults, WORDS } from '../fleet/faults.ts';
import { configOf } from '../fleet/fleet.ts';
import type { FleetTally } from '../fleet/sim-device.ts';
import { scoreCommand } from '../score/score-command.ts';
import { loadRows } from './drive.ts';
import { fitOut } from './floor.ts';
import { planogramYaml } from './hub-planogram.ts';
import { loadWorld, readyWorlds } from './load-world.ts';
import { pacedRows } from './paced.ts';
import { clockFileOf, faultFileOf, type RunOptions, run } from './run.ts';

/** A Thursday: of weight 1 in the ready worlds. */
const FIRST_DAY = '2026-03-05';

const AFTER = `
Examples:
  store-hub-sim worlds list
  store-hub-sim run --world supermarket --seed 7 --ledger day.jsonl
  store-hub-sim run --world fashion --days 7 --coverage 10 --ledger week.jsonl
  store-hub-sim run --world ./my-shop.yaml --speed 60
  store-hub-sim config --world fashion --speed 60 > store.yaml
  store-hub-sim run --world fashion --speed 60 --hub mqtt://127.0.0.1:1883 --faults resend:5 --ledger day.jsonl
  store-hub-sim run --world supermarket --rate 5000
  store-hub-sim score --ledger day.jsonl --events events.jsonl

The same world, seed, first day and days give the same ledger byte for byte.
Exit codes: 0 ok, 1 failed or stopped, 2 wrong use or a world's file that is wrong.`;

const LOCAL_HUB = 'mqtt://127.0.0.1:1883';

const RATE_NOTE = `
Load:
  --rate 5000 lets the shop live as fast as it must for 5,000 readings a second, in the proportions of its devices. No
  more than a second's worth waits for acknowledgement, so a slow hub is not overrun: the rate falls. At the end it says
  what was sent and acknowledged, the rate reached, p50 and p99 of PUBACK, how long it waited for the hub, and how fast
  the shop lived. A day takes seconds; --days makes it longer. Its speed changes, so this run is not for the score.`;

const FAULTS_NOTE = `
Which device is struck and when is told by --seed, in the shop's time, and written beside the ledger for the score.
Without a connection tills, gateways and counters keep what they have to say and send it late with its own time; Impinj
readers, Bluetooth gateways and cameras forget it; sensors with only a radio lose it.`;

interface RunFlags extends Omit<RunOptions, 'file' | 'hub'> {
  readonly world: string;
  readonly hub?: string;
  readonly hubHttp: string;
  readonly faults: Faults;
  readonly dir?: string;
  readonly serial?: true;
  readonly opcua?: number;
}

interface ConfigFlags {
  readonly world: string;
  readonly hub: string;
  readonly coverage?: number;
  readonly speed: number;
  readonly dir?: string;
  readonly serial?: true;
  readonly opcua?: number;
}

/** @param stop ends a run */
export function createProgram(stop: AbortSignal): Command {
  const program = new Command('store-hub-sim')
    .description('A simulated shop that knows the truth: shoppers, staff, goods and fridges, repeatable by seed.')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('(see --help)')
    .addHelpText('after', AFTER)
    .exitOverride();
  program
    .command('run')
    .description('let a shop live for some days, and write what truly happened')
    .requiredOption('-w, --world <name>', 'a ready world, or a file that ends in .yaml')
    .option('-s, --seed <n>', 'another life in the same shop', whole(0, 2 ** 32 - 1), 1)
    .option('-d, --days <n>', 'how long', whole(1, 366), 1)
    .option('--from <date>', 'first day', date, FIRST_DAY)
    .option('--until <time>', 'end before midnight of the last day, at a time such as 11:00', timeOfDay)
    .option('--coverage <percent>', "shelves that have a sensor; default: the world's", whole(0, 100))
    .option('-l, --ledger <file>', 'where to write what happened: one JSON object a line')
    .option(
      '--speed <n>',
      'so many times as fast as life, but no faster than the hub takes what is said; default: as fast as it can',
      above(0),
    )
    .option(
      '--rate <n>',
      'instead of --speed: so fast that its devices say n readings a second; see below',
      whole(1, 1e6),
    )
    .option(
      '--hub <url>',
      `its devices speak to this hub; needs --speed or --rate; with --rate default ${LOCAL_HUB}`,
      address('mqtt://127.0.0.1:1883', ['mqtt:', 'mqtts:']),
    )
    .option(
      '--hub-http <url>',
      'the same hub by HTTP',
      address('http://127.0.0.1:8080', ['http:', 'https:']),
      'http://127.0.0.1:8080',
    )
    .addOption(
      new Option('--faults <list>', 'what goes wrong, such as resend:5,wifi:0.3,reboot; the words are below')
        .default(NO_FAULTS, 'none')
        .argParser(faults),
    )
    .option('--dir <folder>', 'old tills leave files in it, instead of publishing; as for `config`', folder)
    .option('--serial', 'some scales, scanners and RFID readers are on serial lines in --dir; needs socat')
    .addOption(opcuaOption())
    .addHelpText(
      'after',
      `\nFaults:\n${columns(WORDS.map(([word, does]) => [`  ${word}`, does]))}\n${FAULTS_NOTE}\n${RATE_NOTE}`,
    )
    .action((flags: RunFlags) => runIt(flags, stop));
  program
    .command('config')
    .description("a hub's configuration for a world: its planogram and its devices, as YAML")
    .requiredOption('-w, --world <name>', 'a ready world, or a file that ends in .yaml')
    .option('--hub <name>', 'name of the store', 'store-sim')
    .option('--coverage <percent>', "shelves that have a sensor; default: the world's", whole(0, 100))
    .option('--speed <n>', 'how fast the run will be; short times of rules shrink with it', above(0), 1)
    .option('--dir <folder>', 'old tills leave files in it, instead of publishing; as for `run`', folder)
    .option('--serial', 'some scales, scanners and RFID readers are on serial lines in --dir; needs socat')
    .addOption(opcuaOption())
    .action(({ world, hub, ...options }: ConfigFlags) => {
      needFolder(options);
      say(stringify({ hub, ...configOf({ file: loadWorld(world), ...options }) }).trimEnd());
    });
  const worlds = program.command('worlds').description('the ready worlds');
  worlds
    .command('list')
    .description('their names')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => list(json === true));
  worlds
    .command('show')
    .description('what is in one of them')
    .argument('<world>', 'a ready world, or a file that ends in .yaml')
    .option('--json', 'the whole file as JSON, with its defaults')
    .action((world: string, { json }: { json?: boolean }) => show(world, json === true));
  program.addCommand(scoreCommand(say).copyInheritedSettings(program));
  worlds
    .command('planogram')
    .description("its shelves as a section of the hub's configuration")
    .argument('<world>', 'a ready world, or a file that ends in .yaml')
    .action((world: string) => say(planogramYaml(fitOut(loadWorld(world), 100))));
  return program;
}

async function runIt(given: RunFlags, stop: AbortSignal): Promise<void> {
  const { world, hub: named, hubHttp, faults, dir, serial, opcua, ...flags } = given;
  if (flags.rate !== undefined && flags.speed !== undefined)
    throw new InvalidArgumentError('--rate finds the speed that it needs: leave --speed away');
  const mqtt = named ?? (flags.rate === undefined ? undefined : LOCAL_HUB);
  if (mqtt !== undefined && flags.rate === undefined && flags.speed === undefined)
    throw new InvalidArgumentError('--hub needs --speed or --rate: devices of a shop that has no time cannot speak');
  if (mqtt === undefined && (faults !== NO_FAULTS || dir !== undefined))
    throw new InvalidArgumentError('--faults and --dir go with --hub: without a hub no device speaks');
  needFolder(given);
  const hub = mqtt && { address: { mqtt, http: hubHttp }, faults, dir, serial, opcua };
  const file = loadWorld(world);
  const isTerminal = process.stderr.isTTY === true;
  const progress = {
    show(text: string): void {
      if (isTerminal) process.stderr.write(`\r\u001b[K${text}`);
    },
  };
  const { finished, tally, said, load, paced, seconds } = await run(
    { ...flags, file, ...(hub && { hub }) },
    progress,
    stop,
  );
  if (isTerminal) process.stderr.write('\r\u001b[K');
  const days = flags.days === 1 ? 'one day' : `${flags.days} days`;
  say(`${file.world}, seed ${flags.seed}, ${days} from ${flags.from}: ${seconds.toFixed(1)} s`);
  say(columns(tally.rows().map(([name, count]) => [`  ${name}`, count.toLocaleString('en-US')])));
  if (said) say(columns(saidRows(said).map(([name, count]) => [`  ${name}`, count.toLocaleString('en-US')])));
  if (paced && pacedRows(paced).length > 0) say(columns(pacedRows(paced).map(([name, value]) => [`  ${name}`, value])));
  if (load) say(columns(loadRows(load).map(([name, value]) => [`  ${name}`, value])));
  if (flags.ledger !== undefined) say(`ledger: ${flags.ledger}`);
  if (flags.ledger !== undefined && flags.speed !== undefined) say(`clock of the run: ${clockFileOf(flags.ledger)}`);
  if (flags.ledger !== undefined && faults !== NO_FAULTS) say(`faults: ${faultFileOf(flags.ledger)}`);
  if (finished) return;
  const cut = flags.ledger === undefined ? '' : '; the ledger has no record `ended`, and cannot be scored';
  process.stderr.write(`store-hub-sim: stopped before the end${cut}\n`);
  process.exitCode = 1;
}

/** Of the frames of devices; those of faults only where there were any. */
function saidRows({ sent, acknowledged, ...more }: FleetTally): (readonly [string, number])[] {
  const faulty = [
    ['frames sent again', more.resent],
    ['frames under another id', more.twice],
    ['damaged frames', more.broken],
    ['frames lost on the way', more.lost],
  ] as const;
  return [['frames sent', sent], ['frames acknowledged', acknowledged], ...faulty.filter(([, count]) => count > 0)];
}

function list(json: boolean): void {
  const worlds = readyWorlds().map((world) => ({ world, about: loadWorld(world).about }));
  say(json ? JSON.stringify(worlds) : columns(worlds.map(({ world, about }) => [world, about])));
}

function show(world: string, json: boolean): void {
  const file = loadWorld(world);
  if (json) {
    say(JSON.stringify(file, null, 1));
    return;
  }
  const { shelves, products, byZone } = fitOut(file, 100);
  say(`${file.world}: ${file.about}\n`);
  say(
    columns([
      ['zone', 'is', 'shelves'],
      ...file.zones.map(({ zone, is }) => [zone, is, String(byZone.get(zone)?.length ?? 0)]),
    ]),
  );
  const tills = (kind: string): number => file.tills.filter(({ is }) => is === kind).length;
  const sensors = file.coverage.variants.map((percent) => {
    const covered = fitOut(file, percent).shelves.filter(({ sensor }) => sensor !== 'none').length;
    return `${covered} at ${percent} %`;
  });
  say(
    `\n${columns([
      ['products', `${products.length}${products.some(({ tagged }) => tagged) ? ', with RFID tags' : ''}`],
      ['shelves', `${shelves.length}; with a sensor: ${sensors.join(', ')}; default ${file.coverage.default} %`],
      ['tills', `${tills('fixed')} fixed, ${tills('self-service')} self-service, ${tills('mobile')} mobile`],
      ['fridges', file.fridges.map(({ unit }) => unit).join(', ') || 'none'],
      [
        'open',
        Object.entries(file.open)
          .map(([day, [opens, closes]]) => `${day} ${opens}-${closes}`)
          .join(', '),
      ],
      ['shoppers', `about ${file.shoppers.per_day} parties on a usual day`],
    ])}`,
  );
}

const OPCUA_PORT = 4840;

function opcuaOption(): Option {
  return new Option('--opcua [port]', 'some fridges have an OPC UA controller here, its certificates in --dir')
    .preset(String(OPCUA_PORT))
    .argParser(whole(1, 65_535));
}

function needFolder({ dir, serial, opcua }: Pick<ConfigFlags, 'dir' | 'serial' | 'opcua'>): void {
  if (dir !== undefined) return;
  if (serial) throw new InvalidArgumentError('--serial needs --dir: the lines are files in it');
  if (opcua !== undefined) throw new InvalidArgumentError('--opcua needs --dir: its certificates are files in it');
}

function faults(text: string): Faults {
  try {
    return parseFaults(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error));
  }
}

function address(example: string, protocols: readonly string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && protocols.includes(url.protocol) && url.hostname !== '') return text;
    throw new InvalidArgumentError(`It must be an address such as ${example}.`);
  };
}

function folder(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must be a folder.');
  return resolve(text);
}

/** Minutes past midnight. */
function timeOfDay(text: string): number {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined) throw new InvalidArgumentError('expected a time of day, such as 11:00');
  return Number(hours) * 60 + Number(minutes);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function above(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > min && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`It must be a number above ${min}.`);
  };
}

function date(text: string): string {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)) return text;
  throw new InvalidArgumentError('It must be a date such as 2026-03-05.');
}
