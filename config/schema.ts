/**
 * The whole configuration of one store, schema first: types, defaults, the file that editors complete from and the
 * messages of `check-config` all follow from it. Keys stay in snake_case. After parsing, durations are milliseconds,
 * sizes bytes, listen addresses `{host, port}`; the loader makes paths absolute.
 */
import { z } from 'zod';
import { type Facing, facingSchema } from '../edge/contracts/planogram.ts';
import { campaignSchema } from './campaign.ts';
import { brokerSchema, deviceSchema } from './devices.ts';
import { httpSchema, mqttSchema } from './doors.ts';
import { hoursSchema } from './hours.ts';
import { rulesSchema } from './rules.ts';
import { sensingSchema } from './sensing.ts';
import {
  type Address,
  addressText,
  brokerAddress,
  duration,
  listenAddress,
  path,
  secretFile,
  shown,
  size,
  timeZone,
} from './values.ts';

/** The checks between keys run even when another key of the same mapping is wrong: all faults are shown at once. */
const always = { when: () => true };

function wrongHub(issue: { readonly input?: unknown }): string {
  const quotes = typeof issue.input === 'number' ? '; put it in quotes' : '';
  return `must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit, not ${shown(issue.input)}${quotes}`;
}

const hub = z
  .string({ error: wrongHub })
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: wrongHub })
  .describe('name of this store, unique in the chain and for ever: it is part of the identity of every event');

const tls = z
  .strictObject({
    ca: secretFile().optional().describe('file of certificates to trust; default: those of Node.js'),
    cert: secretFile().optional().describe("file of this hub's certificate, when brokers ask for one"),
    key: secretFile().optional().describe('file of its private key'),
  })
  .superRefine((value, context) => {
    if ((value?.cert === undefined) === (value?.key === undefined)) return;
    const [there, missing] = value.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    context.addIssue({ code: 'custom', path: [there], message: `goes together with cloud.tls.${missing}` });
  });

const sasl = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('how the hub proves who it is'),
  username: z.string().min(1).describe('name of the hub at the brokers'),
  password_file: secretFile().describe('file with the password, or credential:NAME for a systemd credential'),
});

const cloud = z.strictObject({
  brokers: z.array(brokerAddress()).min(1).describe("head office's Kafka brokers, each host:port"),
  partition: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .describe('partition of every topic that this store writes to; given at enrolment, and never changed'),
  linger: duration({ max: '60s' }).prefault('500ms').describe('how long events may wait to share a transaction'),
  retry_max: duration({ min: '1s', max: '1h' }).prefault('120s').describe('longest pause between two attempts'),
  tls: tls.optional().describe('encrypt the connection; {} trusts the certificates of Node.js'),
  sasl: sasl.optional().describe('log in at the brokers'),
});

const bridge = z.strictObject({
  data_dir: path().prefault('./bridge-data').describe("the bridge's own folder"),
  http: z
    .strictObject({
      listen: listenAddress().prefault('127.0.0.1:8081').describe("address of the bridge's health and metrics"),
    })
    .prefault({})
    .describe('health and metrics of the bridge'),
});

const journal = z.strictObject({
  disk_budget: size({ min: '1MiB' }).prefault('4GiB').describe('most disk space that the journal uses'),
  keep: duration({ min: '1s' }).prefault('30d').describe('without cloud: how long events are kept'),
  keep_acknowledged: duration()
    .prefault('24h')
    .describe('with cloud: how long events are kept after head office has them'),
});

/** One entry per name: the fault is at the second one. */
function unique(list: 'planogram' | 'campaigns' | 'devices' | 'brokers', key: 'shelf' | 'id' | 'name') {
  return (
    entries: readonly unknown[],
    context: { addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string }): void },
  ) => {
    if (!Array.isArray(entries)) return;
    const seen = new Map<unknown, number>();
    for (const [index, entry] of entries.entries()) {
      const name: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : undefined;
      if (typeof name !== 'string') continue;
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      else {
        const message = `${shown(name)} is there already, in ${list}[${first}]: each ${key} may be named once`;
        context.addIssue({ code: 'custom', path: [index, key], message });
      }
    }
  };
}

export const storeSchema = z
  .strictObject({
    hub,
    timezone: timeZone().prefault('UTC').describe('time zone of the store, such as Europe/Berlin'),
    hours: hoursSchema
      .optional()
      .describe('when the store is open: devices are right to be quiet otherwise; default: told from the devices'),
    data_dir: path().prefault('./data').describe("the edge's folder: the journal and its socket"),
    mqtt: mqttSchema.prefault({}).describe('the door for devices: an MQTT broker'),
    http: httpSchema.prefault({}).describe('the staff page, and the door for devices that speak HTTP'),
    cloud: cloud.optional().describe("head office's Kafka; without it the hub runs alone, and keeps events by age"),
    bridge: bridge.prefault({}).describe('the process that carries events to head office'),
    journal: journal.prefault({}).describe('how much is kept, and how long'),
    planogram: z
      .array(facingSchema)
      .superRefine(unique('planogram', 'shelf'), always)
      .default([] as Facing[])
      .describe('which product stands on which shelf, and how much of it is enough'),
    rules: rulesSchema.prefault({}).describe('what the hub decides by itself'),
    sensing: sensingSchema.prefault({}).describe('how what devices say becomes facts'),
    campaigns: z
      .array(campaignSchema)
      .superRefine(unique('campaigns', 'id'), always)
      .default([])
      .describe('offers for shoppers and for the screens of zones'),
    devices: z
      .array(deviceSchema)
      .superRefine(unique('devices', 'name'), always)
      .default([])
      .describe("devices that speak other formats than the hub's own, or whose rhythm is known"),
    brokers: z
      .array(brokerSchema)
      .superRefine(unique('brokers', 'name'), always)
      .default([])
      .describe('MQTT brokers that the shop runs already; devices name them'),
  })
  .superRefine((value, context) => {
    const brokers = new Set(value.brokers?.map(({ name }) => name));
    const filters = new Map<string, number>();
    for (const [index, { mqtt }] of (value.devices ?? []).entries()) {
      const key = JSON.stringify([mqtt?.broker, mqtt?.topic]);
      const first = filters.get(key);
      if (mqtt !== undefined && first === undefined) filters.set(key, index);
      if (mqtt !== undefined && first !== undefined) {
        const message = `${shown(mqtt.topic)} is that of devices[${first}] already: a topic belongs to one device`;
        context.addIssue({ code: 'custom', path: ['devices', index, 'mqtt', 'topic'], message });
      }
      if (mqtt?.broker === undefined || brokers.has(mqtt.broker)) continue;
      const message = `no broker ${shown(mqtt.broker)} in \`brokers\``;
      context.addIssue({ code: 'custom', path: ['devices', index, 'mqtt', 'broker'], message });
    }
    const ports = new Map<string, number>();
    for (const [index, { serial }] of (value.devices ?? []).entries()) {
      const first = serial && ports.get(serial.port);
      if (serial !== undefined && first === undefined) ports.set(serial.port, index);
      if (first === undefined) continue;
      const message = `devices[${first}] has it already: a serial line belongs to one device`;
      context.addIssue({ code: 'custom', path: ['devices', index, 'serial', 'port'], message });
    }
    if (value.data_dir !== undefined && value.data_dir === value.bridge?.data_dir) {
      const message = "is the edge's data_dir: the bridge needs a folder of its own";
      context.addIssue({ code: 'custom', path: ['bridge', 'data_dir'], message });
    }
    const doors = [
      ['mqtt', value.mqtt?.listen, ['mqtt', 'listen']],
      ['mqtt.tls', value.mqtt?.tls?.listen, ['mqtt', 'tls', 'listen']],
      ['mqtt.websocket', value.mqtt?.websocket?.listen, ['mqtt', 'websocket', 'listen']],
      ['http', value.http?.listen, ['http', 'listen']],
      ['bridge.http', value.bridge?.http?.listen, ['bridge', 'http', 'listen']],
    ] as const;
    for (const [index, [, address, path]] of doors.entries()) {
      const other = doors.slice(0, index).find(([, taken]) => sameDoor(taken, address));
      if (other === undefined || address === undefined) continue;
      const message = `${addressText(address)} is taken by ${other[0]}.listen: give each its own port`;
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  }, always);

function sameDoor(a: Address | undefined, b: Address | undefined): boolean {
  return a?.port !== undefined && a.port !== 0 && a.port === b?.port && a.host === b.host;
}

/** A store's configuration as the daemons receive it; frozen by the loader. */
export type StoreConfig = z.output<typeof storeSchema>;

/** JSON Schema of the file as a person writes it, for editors and `store-hub schema config`. */
export function configJsonSchema(): Record<string, unknown> {
  return { title: 'store-hub configuration', ...z.toJSONSchema(storeSchema, { io: 'input' }) };
}
