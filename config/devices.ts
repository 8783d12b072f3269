/**
 * The devices of the shop: one entry each, with the way its bytes come, the codec that reads them, its place and its
 * calibration. A device that speaks the hub's own JSON needs none, and may have one for its rhythm.
 */
import { z } from 'zod';
import { holdsCardData } from '../edge/contracts/card-data.ts';
import { CODECS, type CodecName, TRANSPORTS, type TransportName } from '../edge/contracts/devices.ts';
import { opcUaGroups } from '../edge/contracts/opcua.ts';
import { gtinSchema } from '../edge/contracts/planogram.ts';
import { isKind, KINDS } from '../edge/contracts/readings.ts';
import { wrongFilter } from '../edge/contracts/topic-filters.ts';
import { expressionFault } from './expressions.ts';
import { duration, path, secretFile, shown } from './values.ts';

const name = (what: string) => z.string().min(1).max(64).describe(what);

const deviceName = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !/[/+#\p{Cc}]/u.test(text), { error: 'must be one topic level, without / + and #' })
  .refine((text) => !holdsCardData(text), {
    // Its readings would be another device's: `mqtt.users` and the register would not know it again.
    error: 'reads like the number of a payment card, which is masked wherever it comes: choose another name',
  })
  .describe('name of the device, unique in the store; its events have it as their source');

const mqtt = z.strictObject({
  topic: z
    .string()
    .min(1)
    .max(1024)
    .superRefine((topic, context) => {
      const message = wrongFilter(topic);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .describe('topic filter, with + and #, such as zigbee2mqtt/door-3'),
  broker: z.string().optional().describe("name of one of `brokers`; default: the hub's own"),
});

const folder = z.strictObject({
  path: path().describe('the folder that another program leaves its files in'),
  files: z.string().min(1).max(255).default('*').describe('names of the files, with * and ?'),
  after: z.enum(['keep', 'move', 'delete']).default('keep').describe('what becomes of a file that was taken'),
  settle: duration({ max: '1h' }).prefault('2s').describe('a file is taken when it has not changed for so long'),
});

const serial = z.strictObject({
  port: z.string().min(1).describe('the adapter under /dev/serial/by-id, or a port such as /dev/ttyUSB0'),
  baud: z.number().int().min(50).max(4_000_000).default(9600).describe('bits per second'),
  frame: z
    .literal(['8N1', '7E1', '7O1', '8E1', 70, 80], {
      error: (issue) => `must be one of 8N1, 7E1, 7O1, 8E1, not ${shown(issue.input)}`,
    })
    // Without quotes YAML takes 7E1 and 8E1 for numbers.
    .transform((frame) => (frame === 70 ? '7E1' : frame === 80 ? '8E1' : frame))
    .prefault('8N1')
    .describe('data bits, parity, stop bits'),
});

const opcua = z.strictObject({
  endpoint: z
    .string()
    .regex(/^opc\.tcp:\/\/\S+$/, { error: 'must be the address of an OPC UA server, such as opc.tcp://10.0.0.5:4840' })
    .describe('address of the server'),
  nodes: z
    .array(
      z.strictObject({
        node: z.string().min(1).max(512).describe('node id, such as ns=2;s=Fridge1.Temperature'),
        is: z.enum(['celsius', 'humidity', 'door_open', 'defrost']).describe('what it tells'),
        unit: name("cold unit; default the device's unit").optional(),
        probe: z.enum(['air', 'product']).optional().describe('of a temperature; default air'),
      }),
    )
    .min(1)
    .max(10_000)
    .describe('which nodes to watch'),
  interval: duration({ min: '100ms', max: '1h' }).prefault('5s').describe('how often the server samples'),
  security: z.enum(['none', 'sign', 'sign-and-encrypt']).default('none').describe('of the secure channel'),
  username: z.string().min(1).optional().describe('log in with a name'),
  password_file: secretFile().optional().describe('file with its password, or credential:NAME'),
});

const calibration = z.strictObject({
  celsius: z.number().min(-20).max(20).default(0).describe('degrees to add to what a thermometer says'),
  weight: z.number().positive().max(1000).default(1).describe('what a scale says is multiplied by it'),
  full_mm: z.number().min(0).max(100_000).optional().describe('distance to the goods of a full shelf'),
  empty_mm: z.number().min(0).max(100_000).optional().describe('distance to the back of an empty shelf'),
  rssi_dbm: z.number().min(-150).max(0).optional().describe('a Bluetooth gateway hears no beacon weaker than this'),
});

/** Which ways a codec's bytes may come; of several the entry chooses. */
export const WAYS: Readonly<Record<CodecName, readonly TransportName[]>> = {
  hub: [],
  impinj: ['mqtt', 'push'],
  zebra: ['mqtt', 'push'],
  chirpstack: ['mqtt', 'push'],
  'things-stack': ['mqtt', 'push'],
  zigbee2mqtt: ['mqtt'],
  xovis: ['push', 'mqtt'],
  axis: ['push', 'mqtt'],
  'ble-gateway': ['mqtt', 'push'],
  frigate: ['mqtt'],
  mapping: ['mqtt', 'push'],
  poslog: ['folder', 'push'],
  csv: ['folder', 'push'],
  scanner: ['serial'],
  'mt-sics': ['serial'],
  'toledo-8217': ['serial'],
  'scale-stream': ['serial'],
  thingmagic: ['serial'],
  m100: ['serial'],
  opcua: ['opcua'],
};

const SCALES: ReadonlySet<CodecName> = new Set(['mt-sics', 'toledo-8217', 'scale-stream']);

const names = z.record(z.string().min(1).max(128), z.string().min(1).max(64));

export const deviceSchema = z
  .strictObject({
    name: deviceName,
    codec: z.enum(CODECS).default('hub').describe("how its bytes are read; hub: the hub's own JSON"),
    model: z.string().min(1).max(64).optional().describe('the hardware, where a codec reads several, such as em300-th'),
    mqtt: mqtt.optional().describe('it publishes on topics of its own'),
    push: z.literal(true).optional().describe('it posts to /push/<name>'),
    folder: folder.optional().describe('another program leaves files for it'),
    serial: serial.optional().describe('it is on a serial line'),
    opcua: opcua.optional().describe('an OPC UA server'),
    zone: name('zone of the shop floor where it stands').optional(),
    shelf: name('shelf of the planogram that it watches').optional(),
    line: name('counting line that it watches').optional(),
    unit: name('cold unit that it measures').optional(),
    till: name('till that it speaks for').optional(),
    antennas: z
      .record(z.string().regex(/^\d{1,5}$/, 'expected the number of an antenna'), z.string().min(1).max(64))
      .optional()
      .describe('of an RFID reader: number of the antenna -> zone'),
    places: names.optional().describe('what the device calls a line, zone or shelf -> what the shop calls it'),
    codes: z
      .record(z.string().min(1).max(64), gtinSchema)
      .optional()
      .describe('of a till: what it calls a product (a PLU, an own number; * at the end for any more) -> its GTIN'),
    calibration: calibration.prefault({}).describe('corrections of what it measures'),
    rhythm: duration({ min: '1s', max: '30d' })
      .optional()
      .describe('it says something at least so often, or is quiet; default: learned from it'),
    overnight: z
      .boolean()
      .optional()
      .describe('it goes on while the shop is closed; default: with `unit` yes, with `till` no, else learned'),
    mapping: z
      .record(z.string().min(1).max(64), z.string().min(1).max(4096))
      .optional()
      .describe('codec mapping: kind of reading -> JSONata; codec csv: field of a sale line -> column'),
  })
  .superRefine((device, context) => {
    const wrong = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    const { codec } = device;
    const used = TRANSPORTS.filter((key) => device[key] !== undefined);
    const ways = WAYS[codec];
    for (const key of used.slice(1)) wrong(key, `one way only: ${used[0]} is there already`);
    const first = used[0];
    if (ways.length === 0) {
      if (first !== undefined) wrong(first, `goes with a codec; codec ${codec} comes on in/<kind>/<name>`);
    } else if (first === undefined) wrong('codec', `${codec} needs to know how its bytes come: ${ways.join(' or ')}`);
    else if (!ways.includes(first)) wrong(first, `codec ${codec} comes by ${ways.join(' or ')}, not by ${first}`);
    const root = device.mqtt?.broker === undefined ? device.mqtt?.topic.split('/', 1)[0] : undefined;
    if (root === 'in' || root === 'out' || root?.startsWith('$'))
      context.addIssue({
        code: 'custom',
        path: ['mqtt', 'topic'],
        message: `${root}/ is the hub's own; vendors publish on other topics`,
      });
    if (device.mapping !== undefined && codec !== 'mapping' && codec !== 'csv' && codec !== 'poslog')
      wrong('mapping', `goes with codec mapping, csv or poslog, not with ${codec}`);
    if (device.mapping === undefined && (codec === 'mapping' || codec === 'csv'))
      wrong('codec', `${codec} needs \`mapping\``);
    for (const [kind, expression] of codec === 'mapping' ? Object.entries(device.mapping ?? {}) : []) {
      const fault = isKind(kind) ? expressionFault(expression) : `is no kind of reading: expected ${KINDS.join(', ')}`;
      if (fault !== undefined) context.addIssue({ code: 'custom', path: ['mapping', kind], message: fault });
    }
    if (device.codes !== undefined && codec !== 'poslog' && codec !== 'csv')
      wrong('codes', `goes with codec poslog or csv, not with ${codec}`);
    if (SCALES.has(codec) && device.shelf === undefined) wrong('codec', `${codec} needs \`shelf\`: what it weighs`);
    for (const fault of opcUaGroups(device).faults) wrong('opcua', fault);
    const { full_mm, empty_mm } = device.calibration;
    if ((full_mm === undefined) !== (empty_mm === undefined) || (full_mm ?? 0) >= (empty_mm ?? 1))
      wrong('calibration', 'full_mm and empty_mm go together, full_mm the smaller one');
  });

/** What is before an `@` may be a password: it is not shown. */
function wrongUrl(url: unknown): string {
  return String(url).includes('@')
    ? 'must have no name in it: set username, and password_file for the password'
    : `must be mqtt://host:port or mqtts://host:port, not ${shown(url)}`;
}

export const brokerSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('how devices name it'),
  url: z
    .string()
    .regex(/^mqtts?:\/\/[^\s/?#@]+$/, { error: (issue) => wrongUrl(issue.input), abort: true })
    // A port that there is, and a host.
    .refine((url) => URL.canParse(url) && new URL(url).hostname !== '', { error: (issue) => wrongUrl(issue.input) })
    .describe('address of the broker'),
  username: z.string().min(1).optional().describe('log in with a name'),
  password_file: secretFile().optional().describe('file with its password, or credential:NAME'),
  ca: secretFile().optional().describe('file of certificates to trust; default: those of Node.js'),
});
