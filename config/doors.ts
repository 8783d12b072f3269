/**
 * The keys of the two doors: the MQTT broker for devices, and HTTP for staff and for devices that speak it. Who may
 * come in, under which addresses, and how much one of them may ask for.
 */
import { z } from 'zod';
import { PASSWORD_HASH_SHAPE } from '../edge/contracts/password-hash.ts';
import { type Address, duration, isLoopback, listenAddress, secretFile, shown, size } from './values.ts';

/** The checks between keys run even when another key of the same mapping is wrong: all faults are shown at once. */
const always = { when: () => true };

type Context = { addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string }): void };

function count(least: number, most: number) {
  const wrong = (issue: { readonly input?: unknown }) =>
    `must be a whole number from ${least} to ${most}, not ${shown(issue.input)}`;
  return z.number({ error: wrong }).int({ error: wrong }).min(least, { error: wrong }).max(most, { error: wrong });
}

const NAME = /^[^\s/+#:$\p{Cc}][^/+#:\p{Cc}]{0,127}$/u;

/** Also a level of a topic and the name in HTTP Basic, which ends at its first colon. */
export const userName = z.string().regex(NAME, {
  error: (issue) => `must be 1 to 128 characters without / + # : and control characters, not ${shown(issue.input)}`,
});

/** What besides readings of its own devices a user may do. */
export const PERMISSIONS = ['consent', 'offers', 'alerts', 'claims'] as const;

const user = z.strictObject({
  name: userName.describe('user name, and unless `devices` is given the name of its one device'),
  password_hash: z
    .string()
    // The value is never shown: a person may have put the password itself here.
    .regex(PASSWORD_HASH_SHAPE, { error: 'must be a hash printed by `store-hub passwd NAME`' })
    .describe('scrypt hash of its password, as `store-hub passwd NAME` prints it'),
  devices: z.array(userName).min(1).optional().describe('devices it publishes as; default: its own name'),
  may: z
    .array(z.enum(PERMISSIONS))
    .default([])
    .describe(
      'further permissions: publish consent and erase shoppers, read offers, read alerts, claim offers at a till',
    ),
});

const tlsDoor = z.strictObject({
  listen: listenAddress().describe('address of the encrypted door, such as 0.0.0.0:8883'),
  cert: secretFile().describe("file with the hub's certificate and its chain (PEM)"),
  key: secretFile().describe('file with its private key (PEM), or credential:NAME'),
  client_ca: secretFile()
    .optional()
    .describe('file of the authorities whose certificates devices must show; the name in it is the user'),
});

const mqttLimits = z.strictObject({
  connections: count(1, 100_000).default(2000).describe('connections at the same time'),
  connections_per_address: count(1, 100_000).default(500).describe('connections of one address at the same time'),
  rate: count(1, 10_000_000)
    .default(50_000)
    .describe('publishes a second of one client; over it the hub reads it more slowly, nothing is lost'),
  topic_length: count(16, 65_535).default(1024).describe('bytes of a topic or filter'),
  filter_levels: count(2, 128).default(16).describe('levels of a topic or filter'),
  subscriptions: count(1, 10_000).default(100).describe('subscriptions of one client'),
  sessions: count(0, 100_000).default(1000).describe('sessions kept for clients that are away (clean session off)'),
  offline_messages: count(0, 1_000_000).default(1000).describe('messages kept for one client that is away'),
  offline_size: size({ min: '1KiB' }).prefault('1MiB').describe('bytes of messages kept for one client that is away'),
  offline_age: duration({ min: '1m' }).prefault('24h').describe('a client away for longer loses its session'),
  retained: count(1, 1_000_000).default(10_000).describe('topics with a retained message'),
  stalled: duration({ min: '1s', max: '10m' })
    .prefault('8s')
    .describe('a subscriber that reads nothing is closed after it'),
});

/** One entry a name. */
function uniqueNames(users: readonly { readonly name?: unknown }[], context: Context): void {
  if (!Array.isArray(users)) return;
  const seen = new Map<unknown, number>();
  for (const [index, entry] of users.entries()) {
    const first = seen.get(entry?.name);
    if (first === undefined || entry?.name === undefined) seen.set(entry?.name, index);
    else {
      const message = `${shown(entry.name)} is there already, in mqtt.users[${first}]: each name may be used once`;
      context.addIssue({ code: 'custom', path: [index, 'name'], message });
    }
  }
}

interface Listening {
  readonly listen?: Address | undefined;
}

interface MqttDoors extends Listening {
  readonly anonymous?: boolean | undefined;
  readonly allow_anonymous_network?: boolean | undefined;
  readonly users?: readonly unknown[] | undefined;
  readonly tls?: Listening | undefined;
  readonly websocket?: Listening | undefined;
}

/** Without users only the anonymous could come in, and they may only on loopback. */
function guardMqtt(value: MqttDoors, context: Context): void {
  const users = Array.isArray(value?.users) ? value.users.length : 0;
  if (users > 0 || typeof value !== 'object' || value === null) return;
  if (value.anonymous === false) {
    const message = 'false needs mqtt.users: without them nobody could connect';
    context.addIssue({ code: 'custom', path: ['anonymous'], message });
    return;
  }
  if (value.allow_anonymous_network === true) return;
  for (const path of [['listen'], ['tls', 'listen'], ['websocket', 'listen']] as const) {
    const address = path.length === 1 ? value.listen : value[path[0]]?.listen;
    if (address?.host === undefined || isLoopback(address.host)) continue;
    const message = `${address.host} is beyond loopback, and everyone on that network may publish without a password: needs mqtt.users (\`store-hub passwd NAME\`), or mqtt.allow_anonymous_network: true, or listen on 127.0.0.1`;
    context.addIssue({ code: 'custom', path: [...path], message });
  }
}

export const mqttSchema = z
  .strictObject({
    listen: listenAddress().prefault('127.0.0.1:1883').describe('address of the MQTT broker for devices'),
    anonymous: z
      .boolean()
      .default(true)
      .describe('devices may connect without a password, at addresses on loopback only'),
    allow_anonymous_network: z
      .boolean()
      .default(false)
      .describe('let devices without a password connect from beyond this machine'),
    users: z.array(user).superRefine(uniqueNames, always).default([]).describe('who may connect with a password'),
    tls: tlsDoor.optional().describe('a second, encrypted door (TLS 1.2 and newer)'),
    websocket: z
      .strictObject({ listen: listenAddress().describe('address of the WebSocket door, such as 127.0.0.1:9001') })
      .optional()
      .describe('a door for MQTT over WebSocket'),
    limits: mqttLimits.prefault({}).describe('how much one client, and all of them, may ask for'),
  })
  .superRefine(guardMqtt, always);

interface HttpDoor extends Listening {
  readonly allow_anonymous_network?: boolean | undefined;
  readonly pin_file?: string | undefined;
}

function guardHttp(value: HttpDoor, context: Context): void {
  const host = value?.listen?.host;
  if (host === undefined || isLoopback(host) || value.allow_anonymous_network === true) return;
  if (value.pin_file !== undefined) return;
  context.addIssue({
    code: 'custom',
    path: ['listen'],
    message: `${host} is beyond loopback, and everyone on that network may use it without a password: needs http.pin_file, or http.allow_anonymous_network: true, or listen on 127.0.0.1`,
  });
}

const httpLimits = z.strictObject({
  connections: count(1, 100_000).default(512).describe('connections at the same time'),
  connections_per_address: count(1, 100_000).default(256).describe('connections of one address at the same time'),
  live_readers: count(1, 10_000)
    .default(100)
    .describe('staff pages that listen at the same time, and as many screens of zones'),
});

export const httpSchema = z
  .strictObject({
    listen: listenAddress().prefault('127.0.0.1:8080').describe('address of the staff page, readings by HTTP, metrics'),
    pin_file: secretFile()
      .optional()
      .describe('file with the PIN of the staff page, 4 to 12 digits; asked for beyond loopback only'),
    allow_anonymous_network: z
      .boolean()
      .default(false)
      .describe(
        'let everyone on the network send readings and consent, and claim offers, without a password, and without pin_file use the page',
      ),
    hosts: z
      .array(z.string().min(1).max(253))
      .default([])
      .describe('host names, besides IP addresses and localhost, under which staff open the page'),
    limits: httpLimits.prefault({}).describe('how much one client, and all of them, may ask for'),
  })
  .superRefine(guardHttp, always);
