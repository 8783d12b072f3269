/** `devices list / watch / adopt`: what devices say, for whoever installs them. Asks the running edge. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type DeviceReport,
  type DevicesReport,
  devicesReportSchema,
  framesReportSchema,
  type StrangerReport,
  strangerFramesReportSchema,
} from '../contracts/device-reports.ts';
import { deviceState } from '../contracts/device-states.ts';
import { EDGE_SOCKET } from '../contracts/edge-socket.ts';
import { HubError } from '../contracts/errors.ts';
import type { Frame } from '../contracts/formats.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { type AdoptOptions, withAdoptOptions } from './adopt-options.ts';
import { guessed } from './device-guess.ts';
import { configOf, stopSignal } from './settings.ts';
import { frameText } from './shown-frame.ts';
import { bytesText, json, line, outputClosed, plain, secondsText, table } from './terminal.ts';

const WATCH_MS = 500;

const LIST_HELP = `
STATE  ok        what it said last was understood; LAST ERROR may say what its entry lacks
       refused   what it said last was not: LAST ERROR says why, \`dead-letters list\` keeps it
       quiet     it says nothing any more
       offline   by its own word
       antenna 3 this antenna of it reads nothing: the staff page says what to do
       trouble   there is no way to it: LAST ERROR says why
       never     nothing came since the edge was started
CODEC  hub is the hub's own JSON; in brackets: no entry of \`devices\` names it.
RATE   frames and readings of the last minute.

Below: strangers, topics and paths that no device is mapped to. Their CODEC is the one that understands what they sent
last, and as what; with ? it only looks like that. \`store-hub devices adopt TOPIC\` writes an entry.`;

const WATCH_HELP = `
Shows its last frames, then each as it comes (at most five a second): raw as text or as hex, masked, then what was
decoded from it. What may name a person is never shown. A device that speaks the hub's own JSON is shown from the
moment at which it is watched. Ends with Ctrl-C.`;

const ADOPT_HELP = `
What was heard, by MQTT or by a push, is named as \`devices list\` shows it. Its last frames are read with the new entry,
and what comes of them is shown; an entry that understands none of them is not written. What is not heard by itself gets
its way: --serial, --folder, --opcua, --broker, or --push for a device that will push. The change is checked as
\`check-config\` does, shown, and written when you agree; comments stay. It counts from the edge's next start on.

Examples:
  store-hub devices adopt zigbee2mqtt/door-3 --unit fridge-7
  store-hub devices adopt gate-1 --codec impinj --antenna 1=entrance --antenna 2=back-room
  store-hub devices adopt counter --codec xovis --place 'Line 0=door'
  store-hub devices adopt sensors/1 --codec mapping --map 'climate={"unit": "cold-1", "celsius": payload.t}'
  store-hub devices adopt scale-2 --codec mt-sics --serial usb-FTDI_FT232R_USB_UART_A1 --shelf A1-3
  store-hub devices adopt till-1 --codec poslog --folder /srv/tills --files '*.xml' --after move --till till-1
  store-hub devices adopt cold --codec opcua --opcua opc.tcp://10.0.0.5:4840 --node celsius=ns=2;s=T --unit cold-1
  store-hub devices adopt shelf-9 --rhythm 10m --yes`;

export function addDevices(program: Command): void {
  const devices = program.command('devices').description('what devices say: list them, watch one, adopt a stranger');
  devices
    .command('list')
    .description('all that were heard or are configured, then strangers')
    .option('--json', 'print {started, devices, strangers, others} as one JSON object')
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
    .description('write an entry for a device into the configuration')
    .argument('<what>', 'its topic or name, as `devices list` shows it; of a way that is given, its new name');
  withAdoptOptions(adoption)
    .option('--anyway', 'also when the entry understands nothing of what came')
    .option('--dry-run', 'only show the change')
    .option('--yes', 'do not ask')
    .option('--json', 'print {file, entry, tried, written}')
    .addHelpText('after', ADOPT_HELP)
    .action(async (what: string, options: AdoptOptions, command: Command) => {
      const { adopt } = await import('./adopt.ts');
      const socket = socketOf(command);
      const heard = { report: () => reportOf(socket), frames: () => strangersFrames(socket) };
      await adopt(what, options, configOf(command), heard);
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

/** The last frames of each stranger, by topic or path. */
async function strangersFrames(socket: string): Promise<ReadonlyMap<string, readonly Frame[]>> {
  const { body } = await edgeRequest(socket, 'GET', '/strangers/frames');
  const strangers = strangerFramesReportSchema.safeParse(body).data?.strangers ?? [];
  return new Map(
    strangers.map(({ topic, frames }) => {
      const on = topic.startsWith('POST ') ? undefined : topic;
      return [topic, frames.map((frame) => ({ bytes: Buffer.from(frame, 'base64'), topic: on, received: Date.now() }))];
    }),
  );
}

async function list(options: { json?: boolean }, command: Command): Promise<void> {
  const socket = socketOf(command);
  const report = await reportOf(socket);
  if (options.json) {
    await json(report);
    return;
  }
  const { devices, strangers, others, started } = report;
  if (devices.length === 0) await line('no device was heard, and none is configured');
  else {
    const quiet = await quietDevices(socket);
    const head = ['NAME', 'CODEC', 'WAY', 'PLACE', 'LAST SEEN', 'RATE', 'BATTERY', 'STATE', 'LAST ERROR'];
    await line(table([head, ...devices.map((device) => row(device, quiet, started))]));
  }
  if (strangers.length > 0) {
    const head = ['STRANGER', 'CLIENT', 'LAST SEEN', 'COUNT', 'SIZE', 'CODEC', 'BEGINS WITH'];
    const codecs = await codecsFor(strangers, await strangersFrames(socket));
    await line(`\n${table([head, ...strangers.map((stranger) => strangerRow(stranger, codecs))])}`);
  }
  if (others > 0) await line(`\nand ${others} frames of more names than are kept`);
}

const statusSchema = z.object({ quiet: z.array(z.string()) });

async function quietDevices(socket: string): Promise<ReadonlySet<string>> {
  const { body } = await edgeRequest(socket, 'GET', '/status');
  return new Set(statusSchema.safeParse(body).data?.quiet);
}

function row(device: DeviceReport, quiet: ReadonlySet<string>, started: string): string[] {
  const { name, configured, codec, way, place, last_seen, battery_percent } = device;
  const rate = `${device.frames_per_minute}/min`;
  const readings = device.readings_per_minute;
  return [
    plain(name),
    configured ? codec : `(${codec})`,
    plain(way),
    place || '-',
    last_seen === null ? `not since the start ${ago(started)} ago` : `${ago(last_seen)} ago`,
    readings === device.frames_per_minute ? rate : `${rate}, ${readings} readings`,
    battery_percent === null ? '-' : `${Math.round(battery_percent)} %`,
    stateOf(device, quiet),
    errorOf(device),
  ];
}

function stateOf(device: DeviceReport, quiet: ReadonlySet<string>): string {
  const { name, last_seen, online, trouble, error, dead_antennas } = device;
  const state = deviceState({
    hasTrouble: trouble !== null,
    lastSeen: last_seen === null ? undefined : Date.parse(last_seen),
    isQuiet: quiet.has(name),
    refused: error === null ? undefined : Date.parse(error.at),
    online: online ?? undefined,
  });
  if (state !== 'ok') return state;
  return dead_antennas.length === 0 ? 'ok' : `antenna ${dead_antennas.map((number) => number ?? '').join(', ')}`.trim();
}

function errorOf({ trouble, error, hint }: DeviceReport): string {
  if (trouble !== null) return plain(trouble);
  const last = hint !== null && (error === null || hint.at > error.at) ? hint : error;
  return last === null ? '-' : `${plain(last.reason)} (${ago(last.at)} ago)`;
}

function strangerRow(stranger: StrangerReport, codecs: ReadonlyMap<string, string>): string[] {
  const { topic, client, last, count, size, sample } = stranger;
  const begins = sample === null ? '(not shown)' : plain(textOf(stranger).slice(0, 60));
  const codec = codecs.get(topic) ?? '?';
  return [plain(topic), plain(client), `${ago(last)} ago`, `${count}x`, bytesText(size), codec, begins];
}

/** Which codecs understand a stranger's last frames, and as what; with `?` the one that it only looks like. */
async function codecsFor(
  strangers: readonly StrangerReport[],
  frames: ReadonlyMap<string, readonly Frame[]>,
): Promise<ReadonlyMap<string, string>> {
  const [{ fitting }, { codecsBy }] = await Promise.all([import('../device-trial.ts'), import('./adopt.ts')]);
  const codecs = new Map<string, string>();
  for (const stranger of strangers) {
    const { topic } = stranger;
    const pushes = topic.startsWith('POST ');
    const guess = guessed(pushes ? '' : topic, textOf(stranger))?.codec;
    const fits = await fitting(codecsBy(pushes ? 'push' : 'mqtt'), frames.get(topic) ?? []);
    // A format that it looks like is more than another that can make something of a part of it.
    const sure = fits.filter(({ codec }) => guess === undefined || codec === guess);
    const text = sure.map(({ codec, kinds }) => `${codec} (${kinds.join(', ')})`).join(' or ');
    if (text !== '' || guess !== undefined) codecs.set(topic, text || `${guess}?`);
  }
  return codecs;
}

function textOf({ sample }: StrangerReport): string {
  return sample === null ? '' : Buffer.from(sample, 'base64').toString('utf8');
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
    if (status === 404) throw new HubError('DEVICE_NOT_FOUND', `no device ${name} is configured or was heard`);
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
