/** `devices list / watch / adopt`: what devices say, for whoever installs them. Asks the running edge. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type DeviceReport,
  type DevicesReport,
  devicesReportSchema,
  type FramesReport,
  framesReportSchema,
  type StrangerReport,
} from '../contracts/device-reports.ts';
import { EDGE_SOCKET } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { type AdoptOptions, adopt, withPlaceOptions } from './adopt.ts';
import { guessed } from './device-guess.ts';
import { configOf, stopSignal } from './settings.ts';
import { bytesText, json, line, outputClosed, secondsText, table } from './terminal.ts';

const WATCH_MS = 500;
const MOST_TEXT = 1000;
const MOST_HEX = 256;

const LIST_HELP = `
STATE  ok        what it said last was understood
       refused   what it said last was not: LAST ERROR says why, \`dead-letters list\` keeps it
       quiet     it says nothing any more
       offline   by its own word
       trouble   there is no way to it: LAST ERROR says why
       never     nothing came since the edge was started
CODEC  hub is the hub's own JSON; in brackets: no entry of \`devices\` names it.
RATE   frames and readings of the last minute.

Below: strangers, topics and paths that no device is mapped to. \`store-hub devices adopt TOPIC\` writes an entry.`;

const WATCH_HELP = `
Shows its last frames, then each as it comes (at most five a second): raw as text or as hex, masked, then what was
decoded from it. What may name a person is never shown. A device that speaks the hub's own JSON is shown from the
moment at which it is watched. Ends with Ctrl-C.`;

const ADOPT_HELP = `
The codec is guessed from the topic and from what came: chirpstack, things-stack, zigbee2mqtt, impinj, zebra, xovis,
axis, ble-gateway, frigate. The change is shown, checked as the edge checks it, and written when you agree; comments
stay. The edge reads its configuration at its next start.

Examples:
  store-hub devices adopt zigbee2mqtt/door-3 --unit fridge-7
  store-hub devices adopt shelf-9 --yes`;

export function addDevices(program: Command): void {
  const devices = program.command('devices').description('what devices say: list them, watch one, adopt a stranger');
  devices
    .command('list')
    .description('all that were heard or are configured, then strangers')
    .option('--json', 'print {devices, strangers, others} as one JSON object')
    .addHelpText('after', LIST_HELP)
    .action(list);
  devices
    .command('watch')
    .description('frames of one device as they come, raw beside decoded')
    .argument('<name>')
    .option('--once', 'only the last ones, without waiting for more')
    .option('--json', 'print {number, received, topic, size, raw (base64), decoded, reason, note}, one a line')
    .addHelpText('after', WATCH_HELP)
    .action(watch);
  const adoption = devices
    .command('adopt')
    .description('write an entry for something that was heard into the configuration')
    .argument('<what>', 'its topic or name, as `devices list` shows it')
    .option('--as <name>', 'name of the device')
    .option('--codec <codec>', 'how its bytes are read; default: guessed')
    .option('--topic <filter>', 'all topics on which it publishes; default: guessed');
  withPlaceOptions(adoption)
    .option('--dry-run', 'only show the change')
    .option('--yes', 'do not ask')
    .option('--json', 'print {file, entry, written}')
    .addHelpText('after', ADOPT_HELP)
    .action(async (what: string, options: AdoptOptions, command: Command) => {
      const loaded = configOf(command);
      await adopt(what, options, loaded, await reportOf(socketOf(command)));
    });
}

function socketOf(command: Command): string {
  return join(configOf(command).config.data_dir, EDGE_SOCKET);
}

/** Throws HubError EDGE_DOWN. */
async function reportOf(socket: string): Promise<DevicesReport> {
  const { status, body } = await edgeRequest(socket, 'GET', '/devices');
  if (status !== 200) throw new HubError('EDGE_DOWN', `the edge answers ${status} on edge.sock`);
  return devicesReportSchema.parse(body);
}

async function list(options: { json?: boolean }, command: Command): Promise<void> {
  const socket = socketOf(command);
  const report = await reportOf(socket);
  if (options.json) {
    await json(report);
    return;
  }
  const { devices, strangers, others } = report;
  if (devices.length === 0) await line('no device was heard, and none is configured');
  else {
    const quiet = await quietDevices(socket);
    const head = ['NAME', 'CODEC', 'WAY', 'PLACE', 'LAST SEEN', 'RATE', 'BATTERY', 'STATE', 'LAST ERROR'];
    await line(table([head, ...devices.map((device) => row(device, quiet))]));
  }
  if (strangers.length > 0) {
    const head = ['STRANGER', 'CLIENT', 'LAST SEEN', 'COUNT', 'SIZE', 'LOOKS LIKE', 'BEGINS WITH'];
    await line(`\n${table([head, ...strangers.map(strangerRow)])}`);
  }
  if (others > 0) await line(`\nand ${others} frames of more names than are kept`);
}

const statusSchema = z.object({ quiet: z.array(z.string()) });

async function quietDevices(socket: string): Promise<ReadonlySet<string>> {
  const { body } = await edgeRequest(socket, 'GET', '/status');
  return new Set(statusSchema.safeParse(body).data?.quiet);
}

function row(device: DeviceReport, quiet: ReadonlySet<string>): string[] {
  const { name, configured, codec, way, place, last_seen, battery_percent } = device;
  const rate = `${device.frames_per_minute}/min`;
  const readings = device.readings_per_minute;
  return [
    plain(name),
    configured ? codec : `(${codec})`,
    plain(way),
    place || '-',
    last_seen === null ? 'never' : `${ago(last_seen)} ago`,
    readings === device.frames_per_minute ? rate : `${rate}, ${readings} readings`,
    battery_percent === null ? '-' : `${Math.round(battery_percent)} %`,
    stateOf(device, quiet),
    errorOf(device),
  ];
}

function stateOf({ name, last_seen, online, trouble, error }: DeviceReport, quiet: ReadonlySet<string>): string {
  if (trouble !== null) return 'trouble';
  if (last_seen === null) return 'never';
  if (quiet.has(name)) return 'quiet';
  if (error !== null && error.at >= last_seen) return 'refused';
  return online === false ? 'offline' : 'ok';
}

function errorOf({ trouble, error }: DeviceReport): string {
  if (trouble !== null) return plain(trouble);
  return error === null ? '-' : `${plain(error.reason)} (${ago(error.at)} ago)`;
}

function strangerRow(stranger: StrangerReport): string[] {
  const { topic, client, last, count, size, sample } = stranger;
  const text = sample === null ? '' : Buffer.from(sample, 'base64').toString('utf8');
  const guess = guessed(topic.replace(/^POST \/push\/.*/, ''), text);
  const begins = sample === null ? '(not shown)' : plain(text.slice(0, 60));
  return [plain(topic), plain(client), `${ago(last)} ago`, `${count}x`, bytesText(size), guess?.codec ?? '?', begins];
}

function ago(moment: string): string {
  return secondsText(Math.max(0, (Date.now() - Date.parse(moment)) / 1000));
}

async function watch(name: string, options: { json?: boolean; once?: boolean }, command: Command): Promise<void> {
  const socket = socketOf(command);
  const stop = AbortSignal.any([stopSignal(), outputClosed]);
  let after = 0;
  while (!stop.aborted) {
    const { status, body } = await edgeRequest(
      socket,
      'GET',
      `/devices/${encodeURIComponent(name)}/frames?after=${after}`,
    );
    if (status === 404)
      throw new HubError(
        'NOT_FOUND',
        `no device ${name} is configured or was heard; \`store-hub devices list\` names all`,
      );
    if (status !== 200) throw new HubError('EDGE_DOWN', `the edge answers ${status} on edge.sock`);
    const { frames } = framesReportSchema.parse(body);
    for (const frame of frames) {
      after = frame.number;
      if (options.json) await json(frame);
      else await line(frameText(frame));
    }
    if (options.once) {
      if (frames.length === 0 && !options.json) await line('nothing yet');
      return;
    }
    await delay(WATCH_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

function frameText({ received, topic, size, raw, decoded, reason, note }: FramesReport['frames'][number]): string {
  const block = (label: string, text: string): string =>
    text
      .split('\n')
      .map((part, index) => `  ${(index === 0 ? label : '').padEnd(8)} ${part}`)
      .join('\n');
  return [
    [received, ...(topic === null ? [] : [plain(topic)]), `${size} bytes`].join('  '),
    block('raw', raw === null ? '(not shown: it may name a person)' : rawText(Buffer.from(raw, 'base64'), size)),
    ...decoded.map((reading) => block('decoded', plain(reading))),
    ...(reason === null ? [] : [block('REFUSED', plain(reason))]),
    ...(note === null ? [] : [block('note', plain(note))]),
    ...(decoded.length === 0 && reason === null ? [block('decoded', '(no readings)')] : []),
    '',
  ].join('\n');
}

/** Text where it is some, else hex beside ASCII. */
function rawText(bytes: Buffer, size: number): string {
  const text = bytes.toString('utf8');
  // The last character may be cut.
  const isText = !text.slice(0, -1).includes('\ufffd') && !/[^\P{Cc}\t\r\n]/u.test(text);
  const rest = (shown: number): string => (size > shown ? `\n... (${size} bytes in all)` : '');
  if (isText) return plain(text.slice(0, MOST_TEXT), true) + rest(Math.min(MOST_TEXT, bytes.length));
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, MOST_HEX); at += 16) {
    const part = bytes.subarray(at, at + 16);
    const hex = (part.toString('hex').match(/../g) ?? []).join(' ');
    const ascii = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n') + rest(Math.min(MOST_HEX, bytes.length));
}

/** Nothing that a device sends moves the cursor of a terminal. */
function plain(text: string, lines = false): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    lines && character === '\n'
      ? character
      : character === '\r' && lines
        ? ''
        : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
