import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CODECS } from '../edge/contracts/devices.ts';
import { ConfigError } from './faults.ts';
import { loadConfig, parseConfig } from './loader.ts';

function messageFor(text: string, env: NodeJS.ProcessEnv = {}): string {
  try {
    parseConfig(text, 'store.yaml', env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'valid';
}

const FACING = 'zone: z, gtin: "09521234543213", name: Water, capacity: 9';
const DURATION = 'must be a duration: a whole number with ms, s, m, h or d, such as 30s';
const SIZE = 'must be a size: a whole number with KiB, MiB, GiB or TiB, such as 2GiB';
const BROKER = 'must be host:port of a Kafka broker, such as kafka-1.example.com:9092';
const OPEN_DOOR =
  'beyond loopback, and everyone on that network may publish without a password: needs mqtt.users (`store-hub passwd NAME`), or mqtt.allow_anonymous_network: true, or listen on 127.0.0.1';
const GTIN = 'not a GTIN: 8, 12, 13 or 14 digits with a right check digit, as text';
const HUB = 'must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit';
const REQUIRED_HUB = 'name of this store, unique in the chain and for ever: it is part of the identity of every event';

const WRONG: readonly (readonly [name: string, text: string, ...messages: string[]])[] = [
  ['an empty file', '# nothing\n', '1:1: the file is empty: it needs at least the key hub'],
  ['a list', '- hub: a\n', '1:1: must be a mapping of keys, such as hub: store-0042, not a list'],
  ['a tab', 'hub: a\nmqtt:\n\tlisten: 127.0.0.1:1883\n', '3:1: a tab: indent with spaces'],
  ['an open quote', 'hub: "a\n', '2:1: Missing closing "quote'],
  [
    'a list without end',
    'hub: a\nhttp:\n  hosts: [a, b\n',
    '4:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['an unknown anchor', 'hub: *store\n', '1:6: *store refers to no anchor above'],
  ['two documents', 'hub: a\n---\nhub: b\n', '2:1: a second document begins here: one file holds one store'],
  [
    'a key twice, and another fault',
    'hub: a\nhttp:\n  listen: 127.0.0.1:80\n  listen: 127.0.0.1:81\n  host: [a]\n',
    '4:3: http.listen: this key is there already: each may be named once',
    '5:3: http.host: unknown key; did you mean hosts?',
  ],
  ['no hub', 'timezone: UTC\n', `1:1: hub: required: ${REQUIRED_HUB}`],
  ['a hub with capitals', 'hub: Store 42\n', `1:6: hub: ${HUB}, not "Store 42"`],
  ['a number as hub', 'hub: 42\n', `1:6: hub: ${HUB}, not 42; put it in quotes`],
  [
    'a city as time zone',
    'hub: a\ntimezone: Berlin\n',
    '2:11: timezone: must be a time zone of the IANA database, such as Europe/Berlin or UTC, not "Berlin"; did you mean Europe/Berlin?',
  ],
  ['a section without keys', 'hub: a\nmqtt:\n', '2:1: mqtt: is empty: give it keys, or remove it'],
  [
    'an unknown key unlike any other',
    'hub: a\njournal:\n  compress: true\n',
    '3:3: journal.compress: unknown key; allowed here: disk_budget, keep, keep_acknowledged',
  ],
  ['a key in camelCase', 'hub: a\ndataDir: x\n', '2:1: dataDir: unknown key; did you mean data_dir?'],
  [
    'MQTT open to the network',
    'hub: a\nmqtt: { listen: 0.0.0.0:1883 }\n',
    '2:17: mqtt.listen: 0.0.0.0 is beyond loopback, and everyone on that network may publish without a password: needs mqtt.users (`store-hub passwd NAME`), or mqtt.allow_anonymous_network: true, or listen on 127.0.0.1',
  ],
  [
    'HTTP open to the network',
    'hub: a\nhttp: { listen: "[::]:80" }\n',
    '2:17: http.listen: :: is beyond loopback, and everyone on that network may use it without a password: needs http.pin_file, or http.allow_anonymous_network: true, or listen on 127.0.0.1',
  ],
  [
    'doors beyond loopback that nobody guards',
    'hub: a\nmqtt:\n  tls: { listen: 0.0.0.0:8883, cert: a.pem, key: a.key }\n  websocket: { listen: "0.0.0.0:9001" }\n',
    `3:18: mqtt.tls.listen: 0.0.0.0 is ${OPEN_DOOR}`,
    `4:24: mqtt.websocket.listen: 0.0.0.0 is ${OPEN_DOOR}`,
  ],
  [
    'a door without certificate',
    'hub: a\nmqtt:\n  tls: { listen: 127.0.0.1:8883 }\n',
    "3:3: mqtt.tls.cert: required: file with the hub's certificate and its chain (PEM)",
    '3:3: mqtt.tls.key: required: file with its private key (PEM), or credential:NAME',
  ],
  [
    'a door that nobody could open',
    'hub: a\nmqtt: { anonymous: false }\n',
    '2:20: mqtt.anonymous: false needs mqtt.users: without them nobody could connect',
  ],
  [
    'users with a password instead of its hash, a name twice, and a permission that is none',
    'hub: a\nmqtt:\n  users:\n    - { name: a/b, password_hash: hush }\n    - { name: c, password: hush }\n    - { name: c, password_hash: x, may: [all] }\n',
    '4:15: mqtt.users[0].name: must be 1 to 128 characters without / + # : and control characters, not "a/b"',
    '4:35: mqtt.users[0].password_hash: must be a hash printed by `store-hub passwd NAME`',
    '5:7: mqtt.users[1].password_hash: required: scrypt hash of its password, as `store-hub passwd NAME` prints it',
    '5:18: mqtt.users[1].password: secrets do not belong into this file: put what `store-hub passwd` prints in password_hash',
    '6:15: mqtt.users[2].name: "c" is there already, in mqtt.users[1]: each name may be used once',
    '6:33: mqtt.users[2].password_hash: must be a hash printed by `store-hub passwd NAME`',
    '6:42: mqtt.users[2].may[0]: must be one of consent, offers, alerts, claims, not "all"',
  ],
  [
    'limits that are none',
    'hub: a\nmqtt: { limits: { rate: 0, stalled: 8 } }\nhttp: { limits: { connections: many } }\n',
    '2:25: mqtt.limits.rate: must be a whole number from 1 to 10000000, not 0',
    `2:37: mqtt.limits.stalled: ${DURATION}, not 8`,
    '3:32: http.limits.connections: must be a whole number from 1 to 100000, not "many"',
  ],
  [
    'an address without port',
    'hub: a\nmqtt: { listen: 1883 }\nhttp: { listen: 127.0.0.1:99999 }\n',
    '2:17: mqtt.listen: must be host:port, such as 127.0.0.1:1883 or [::1]:1883, not 1883',
    '3:17: http.listen: must be host:port, such as 127.0.0.1:1883 or [::1]:1883, not "127.0.0.1:99999"',
  ],
  [
    'two doors on one port',
    'hub: a\nhttp: { listen: 127.0.0.1:1883 }\n',
    '2:17: http.listen: 127.0.0.1:1883 is taken by mqtt.listen: give each its own port',
  ],
  [
    'a device with the name of a card, an antenna that is no number, and a codec that is misspelt',
    'hub: a\ndevices:\n  - { name: "4111111111111111", rhythm: 5m }\n  - { name: r, codec: impinj, push: true, antennas: { one: x } }\n  - { name: g, codec: Impinjj, push: true }\n',
    '3:13: devices[0].name: reads like the number of a payment card, which is masked wherever it comes: choose another name',
    '4:60: devices[1].antennas.one: expected the number of an antenna',
    `5:23: devices[2].codec: must be one of ${CODECS.join(', ')}, not "Impinjj"; did you mean impinj?`,
  ],
  [
    'a scale without its shelf',
    'hub: a\ndevices:\n  - { name: s1, codec: mt-sics, serial: { port: usb-A } }\n',
    '3:24: devices[0].codec: mt-sics needs `shelf`: what it weighs',
  ],
  [
    'nodes of an OPC UA server that make no reading',
    'hub: a\ndevices:\n  - { name: c, codec: opcua, unit: f, opcua: { endpoint: "opc.tcp://h:1", nodes: [{ node: T1, is: humidity }] } }\n',
    '3:46: devices[0].opcua: T1 is no node id: expected one such as ns=2;s=Fridge1.Temperature',
    '3:46: devices[0].opcua: T1: f has no node for its temperature, which every reading needs',
  ],
  [
    'two devices on one serial line',
    'hub: a\ndevices:\n  - { name: s1, codec: scanner, serial: { port: usb-A } }\n  - { name: s2, codec: m100, serial: { port: usb-A } }\n',
    '4:46: devices[1].serial.port: devices[0] has it already: a serial line belongs to one device',
  ],
  [
    'topics that no device can have, or that two have',
    'hub: a\ndevices:\n  - { name: d1, codec: frigate, mqtt: { topic: "in/#" } }\n  - { name: d2, codec: frigate, mqtt: { topic: "a/#/b" } }\n  - { name: d3, codec: frigate, mqtt: { topic: "f/+" } }\n  - { name: d4, codec: frigate, mqtt: { topic: "f/+" } }\n',
    "3:48: devices[0].mqtt.topic: in/ is the hub's own; vendors publish on other topics",
    '4:48: devices[1].mqtt.topic: # may only be the last level',
    '6:48: devices[3].mqtt.topic: "f/+" is that of devices[2] already: a topic belongs to one device',
  ],
  [
    'a serial line that a scanner cannot have',
    'hub: a\ndevices:\n  - { name: s1, codec: scanner, serial: { port: usb-A, baud: fast, frame: 8N2 } }\n',
    '3:62: devices[0].serial.baud: must be a number, not "fast"',
    '3:75: devices[0].serial.frame: must be one of 8N1, 7E1, 7O1, 8E1, not "8N2"',
  ],
  [
    'one folder for both daemons',
    'hub: a\ndata_dir: ./data\nbridge: { data_dir: ./data }\n',
    "3:21: bridge.data_dir: is the edge's data_dir: the bridge needs a folder of its own",
  ],
  [
    'a cloud without partition',
    'hub: a\ncloud:\n  brokers: [kafka, "1.2.3:9", "a:0"]\n',
    '2:1: cloud.partition: required: partition of every topic that this store writes to; given at enrolment, and never changed',
    `3:13: cloud.brokers[0]: ${BROKER}, not "kafka"`,
    `3:20: cloud.brokers[1]: ${BROKER}, not "1.2.3:9"`,
    `3:31: cloud.brokers[2]: ${BROKER}, not "a:0"`,
  ],
  [
    'cloud values of the wrong kind',
    'hub: a\ncloud: { brokers: kafka:9092, partition: 1.5, linger: 500, retry_max: 2h }\n',
    '2:19: cloud.brokers: must be a list, not "kafka:9092"',
    '2:42: cloud.partition: must be a whole number, not 1.5',
    `2:55: cloud.linger: ${DURATION}, not 500`,
    '2:71: cloud.retry_max: must be at most 1h, not 2h',
  ],
  [
    'a password in the file',
    'hub: a\ncloud: { brokers: [a:1], partition: 0, sasl: { mechanism: gssapi, username: a, password: hush } }\n',
    '2:40: cloud.sasl.password_file: required: file with the password, or credential:NAME for a systemd credential',
    '2:59: cloud.sasl.mechanism: must be one of plain, scram-sha-256, scram-sha-512, not "gssapi"',
    '2:80: cloud.sasl.password: secrets do not belong into this file: name a file in password_file',
  ],
  [
    'a certificate without its key',
    'hub: a\ncloud: { brokers: [a:1], partition: 0, tls: { cert: x.pem } }\n',
    '2:53: cloud.tls.cert: goes together with cloud.tls.key',
  ],
  [
    'sizes and durations of another fashion',
    'hub: a\njournal: { disk_budget: 4GB, keep: 30 days }\nrules: { shelf_gap: { settle: 2d } }\n',
    `2:25: journal.disk_budget: ${SIZE}, not "4GB"`,
    `2:36: journal.keep: ${DURATION}, not "30 days"`,
    '3:31: rules.shelf_gap.settle: must be at most 1d, not 2d',
  ],
  [
    'a GTIN without quotes, and one with a wrong check digit',
    'hub: a\nplanogram:\n  - { shelf: A, zone: z, gtin: 09521234543213, name: W, capacity: 9, minimum: 2 }\n  - { shelf: B, zone: z, gtin: "9521234543214", name: W, capacity: 9, minimum: 2 }\n',
    '3:32: planogram[0].gtin: must be text, not 9521234543213; put it in quotes',
    `4:32: planogram[1].gtin: ${GTIN}`,
  ],
  [
    'a shelf twice, beside other faults in the planogram',
    `hub: a\nplanogram:\n  - { shelf: A, ${FACING}, minimum: 10 }\n  - { shelf: B, ${FACING} }\n  - { shelf: A, ${FACING}, minimum: 2, refil: 3 }\n`,
    '3:85: planogram[0].minimum: must not exceed capacity',
    '4:5: planogram[1].minimum: required: fewer items than this is a gap',
    '5:14: planogram[2].shelf: "A" is there already, in planogram[0]: each shelf may be named once',
    '5:88: planogram[2].refil: unknown key; did you mean refill?',
  ],
  [
    'a shopper who is gone before the dwell is over, and a campaign that ends before it begins',
    'hub: a\nrules:\n  location_offer: { dwell: 8s, absent_after: 5s }\ncampaigns:\n  - { id: c, zone: z, gtin: "09521234543213", text: t, from: 2026-02-03, until: 2026-02-02 }\n',
    '3:46: rules.location_offer.absent_after: must be longer than dwell: sensors that tell changes only would never lead to an offer',
    '5:81: campaigns[0].until: must not be before from',
  ],
  [
    'a campaign that could never run',
    'hub: a\ncampaigns:\n  - { id: c, zone: z, gtin: "09521234543213", text: t, from: 2026-02-30, until: soon, per_shopper: often }\n',
    '3:62: campaigns[0].from: must be a date such as 2026-11-30, not "2026-02-30"',
    '3:81: campaigns[0].until: must be a date such as 2026-11-30, not "soon"',
    '3:100: campaigns[0].per_shopper: must be a number of offers per time, such as 1 per 1d, not "often"',
  ],
];

test.each(WRONG)('%s: the message says where, what is wrong and what is allowed', (_, text, ...messages) => {
  expect(messageFor(text)).toBe(messages.map((message) => `store.yaml:${message}`).join('\n'));
});

test('variables override one key each, in text as in the file', () => {
  const { config } = parseConfig('hub: a\ncloud: { brokers: [x:1], partition: 1 }\n', '/etc/hub/store.yaml', {
    STORE_HUB_HUB: 'b',
    STORE_HUB_BRIDGE__HTTP__LISTEN: '[::1]:9081',
    STORE_HUB_CLOUD__BROKERS: 'k1:9092, k2:9092',
    STORE_HUB_CLOUD__PARTITION: '7',
    STORE_HUB_MQTT__ALLOW_ANONYMOUS_NETWORK: 'true',
    STORE_HUB_JOURNAL__KEEP: '1d',
    STORE_HUB_DATA_DIR: 'elsewhere',
    STORE_HUB_PLANOGRAM: `[{ shelf: A, ${FACING}, minimum: 2 }]`,
    STORE_HUB_DEBUG: '1',
    PATH: '/bin',
  });
  expect(config.hub).toBe('b');
  expect(config.bridge.http.listen).toEqual({ host: '::1', port: 9081 });
  expect(config.cloud?.brokers).toEqual(['k1:9092', 'k2:9092']);
  expect(config.cloud?.partition).toBe(7);
  expect(config.mqtt.allow_anonymous_network).toBe(true);
  expect(config.journal.keep).toBe(86_400_000);
  expect(config.data_dir).toBe('/etc/hub/elsewhere');
  expect(config.planogram.map((facing) => facing.shelf)).toEqual(['A']);
});

test('a variable that fits no key, or whose value does not fit, is named', () => {
  const env = {
    STORE_HUB_CLOUD: '1',
    STORE_HUB_CLOUD__PARTITION: 'seven',
    STORE_HUB_HTTP__HOST: 'a',
    STORE_HUB_MQTT__LISTEN: '1883',
    STORE_HUB_ODD_ONE: '1',
  };
  expect(messageFor('hub: a\ncloud: { brokers: [x:1] }\n', env).split('\n')).toEqual([
    'STORE_HUB_CLOUD:1:1: names a group of keys; name one of them, such as STORE_HUB_CLOUD__BROKERS',
    'STORE_HUB_HTTP__HOST:1:1: no such key; did you mean STORE_HUB_HTTP__HOSTS?',
    'STORE_HUB_ODD_ONE:1:1: no such key; see the keys of the configuration file',
    'STORE_HUB_MQTT__LISTEN:1:1: mqtt.listen: must be host:port, such as 127.0.0.1:1883 or [::1]:1883, not "1883"',
    'STORE_HUB_CLOUD__PARTITION:1:1: cloud.partition: must be a number, not "seven"',
  ]);
});

test('a variable mends what the file says wrong', () => {
  expect(messageFor('hub: Wrong One\n', { STORE_HUB_HUB: 'right' })).toBe('valid');
});

test('paths become absolute from the folder of the file, a credential becomes its file', () => {
  const sasl = (file: string) => `sasl: { mechanism: plain, username: a, password_file: ${file} }`;
  const text = (file: string) =>
    `hub: a\ncloud: { brokers: [a:1], partition: 0, tls: { ca: ca.pem }, ${sasl(file)} }\n`;
  const env = { CREDENTIALS_DIRECTORY: '/run/credentials/bridge' };
  const { config } = parseConfig(text('credential:kafka'), '/etc/store-hub/store.yaml', env);
  expect(config.data_dir).toBe('/etc/store-hub/data');
  expect(config.bridge.data_dir).toBe('/etc/store-hub/bridge-data');
  expect(config.cloud?.tls).toEqual({ ca: '/etc/store-hub/ca.pem' });
  expect(config.cloud?.sasl?.password_file).toBe('/run/credentials/bridge/kafka');
  const plain = parseConfig(text('../secret'), '/etc/store-hub/store.yaml', env).config;
  expect(plain.cloud?.sasl?.password_file).toBe('/etc/secret');
  const elsewhere = parseConfig(text('credential:kafka'), '/etc/store-hub/store.yaml', {}).config;
  expect(elsewhere.cloud?.sasl?.password_file).toBe('credential:kafka');
});

test('the configuration is frozen to its depths', () => {
  const { config } = parseConfig(`hub: a\nplanogram: [{ shelf: A, ${FACING}, minimum: 2 }]\n`, 'store.yaml', {});
  expect(() => {
    config.rules.shelf_gap.settle = 1;
  }).toThrow(TypeError);
  expect(Object.isFrozen(config.planogram[0])).toBe(true);
});

test('the hash follows the values, not the look of the file', () => {
  const hash = (text: string) => parseConfig(text, 'store.yaml', {}).hash;
  expect(hash('hub: a\njournal: { keep: 24h }\n')).toBe(hash('journal:\n  keep: 1d\n# yes\nhub: a\n'));
  expect(hash('hub: a\n')).not.toBe(hash('hub: a\njournal: { keep: 1d }\n'));
  expect(hash('hub: a\n')).toMatch(/^[0-9a-f]{12}$/);
});

test('campaigns without a shelf and doors without a lock are noticed', () => {
  const text =
    'hub: a\nmqtt: { listen: 0.0.0.0:1883, allow_anonymous_network: true }\ncampaigns: [{ id: c, zone: z, gtin: "09521234543213", text: t, from: 2026-02-01, until: 2026-02-02, exclude: [d] }]\n';
  expect(parseConfig(text, 'store.yaml', {}).notices).toEqual([
    'mqtt.listen 0.0.0.0:1883: everyone on that network may publish without a password',
    'campaign c is never offered: the planogram has no shelf with 09521234543213 in zone z',
    'campaign c excludes d, which is no campaign of this configuration',
  ]);
});

test('what an open HTTP network may do is said, and what it may not', () => {
  const notices = (http: string) =>
    parseConfig(`hub: a\nhttp: { ${http}, allow_anonymous_network: true }\n`, 'store.yaml', {}).notices;
  expect(notices('listen: 0.0.0.0:8080, pin_file: ./pin')).toEqual([
    expect.stringContaining('the PIN travel unencrypted'),
    'http.listen 0.0.0.0:8080: everyone on that network may send readings, grant and withdraw consent of shoppers, and claim offers, all without a password; the page asks for its PIN, and erasing shoppers needs a user with `may: [consent]`',
  ]);
  expect(notices('listen: 0.0.0.0:8080')).toEqual([
    'http.listen 0.0.0.0:8080: everyone on that network may use it without a PIN or password, except to erase shoppers',
  ]);
  expect(notices('listen: 127.0.0.1:8080, pin_file: ./pin')).toEqual([]);
});

test('passwords that travel unencrypted beyond this machine are noticed, at each such address', () => {
  const hash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  const users = `users: [{ name: till-1, password_hash: "${hash}" }]`;
  const tls = 'tls: { listen: 0.0.0.0:8883, cert: hub.pem, key: hub.key }';
  const notices = (mqtt: string) => parseConfig(`hub: a\nmqtt: { ${mqtt} }\n`, 'store.yaml', {}).notices;
  const both = 'listen: 0.0.0.0:1883, websocket: { listen: 0.0.0.0:9001 }';
  expect(notices(`${both}, ${users}`)).toEqual([
    expect.stringMatching(/^mqtt\.listen 0\.0\.0\.0:1883: .*passwords travel unencrypted.*mqtt\.tls/),
    expect.stringMatching(/^mqtt\.websocket\.listen 0\.0\.0\.0:9001: .*unencrypted/),
  ]);
  expect(notices(`listen: 127.0.0.1:1883, websocket: { listen: "[::1]:9001" }, ${tls}, ${users}`)).toEqual([]);
});

test('so are passwords and the PIN at the HTTP door, and a campaign that excludes itself', () => {
  const notices = (text: string) => parseConfig(`hub: a\n${text}\n`, 'store.yaml', {}).notices;
  expect(notices('http: { listen: 0.0.0.0:8080, pin_file: p }')).toEqual([
    expect.stringMatching(/^http\.listen 0\.0\.0\.0:8080: user names, passwords and the PIN travel unencrypted.*proxy/),
  ]);
  expect(notices('http: { listen: 127.0.0.1:8080, pin_file: p }')).toEqual([]);
  const campaign = 'id: c, zone: z, gtin: "09521234543213", text: t, from: 2026-02-01, until: 2026-02-02, exclude: [c]';
  expect(notices(`campaigns: [{ ${campaign} }]`)).toContain(
    'campaign c excludes itself: a shopper gets it once, and never again',
  );
});

test('a file that is not there, or is a folder, is CONFIG_MISSING with its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-hub-config-'));
  const thrown = (file: string) => {
    try {
      loadConfig(file, {});
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const absent = thrown(join(folder, 'none.yaml'));
  expect(absent).toMatchObject({ code: 'CONFIG_MISSING', exitCode: 78, faults: [{ line: 1, column: 1, key: '' }] });
  expect(String(absent)).toContain(`${folder}/none.yaml:1:1: there is no such file`);
  expect(thrown(folder)).toMatchObject({ code: 'CONFIG_MISSING' });
  writeFileSync(join(folder, 'store.yaml'), 'hub: a\n');
  expect(loadConfig(join(folder, 'store.yaml'), {}).config.data_dir).toBe(join(folder, 'data'));
});

test('a frame of 7E1 needs no quotes, though YAML takes it for a number', () => {
  const line = (frame: string): string =>
    `{ name: s-${frame}, codec: scanner, serial: { port: usb-${frame}, frame: ${frame} } }`;
  const text = `hub: a\ndevices:\n${['7E1', '8E1', '7O1', '8N1'].map((frame) => `  - ${line(frame)}\n`).join('')}`;
  const { config } = parseConfig(text, 'store.yaml', {});
  expect(config.devices.map(({ serial }) => serial?.frame)).toEqual(['7E1', '8E1', '7O1', '8N1']);
});

test.each([
  ['mqtt://10.0.0.5:99999', 'must be mqtt://host:port or mqtts://host:port, not "mqtt://10.0.0.5:99999"'],
  ['mqtt://:1883', 'must be mqtt://host:port or mqtts://host:port, not "mqtt://:1883"'],
  ['mqtt://hub:hush%zz@10.0.0.5', 'must have no name in it: set username, and password_file for the password'],
])('an address of a broker that no client can use, %s, is a fault with its line', (url, expected) => {
  const parse = () => parseConfig(`hub: a\nbrokers:\n  - { name: a, url: "${url}" }\n`, 'store.yaml', {});
  expect(parse).toThrow(`3:21: brokers[0].url: ${expected}`);
  expect(parse).not.toThrow('hush');
});

test('a broker on the network that is told a password in the clear is a notice', () => {
  const brokers = [
    '{ name: a, url: "mqtt://10.0.0.5:1883", username: hub }',
    '{ name: b, url: "mqtts://10.0.0.5:8883", username: hub }',
    '{ name: c, url: "mqtt://127.0.0.1:1883", username: hub }',
    '{ name: d, url: "mqtt://10.0.0.5:1883" }',
  ];
  const { notices } = parseConfig(`hub: a\nbrokers: [${brokers.join(', ')}]\n`, 'store.yaml', {});
  expect(notices).toEqual([
    'brokers a mqtt://10.0.0.5:1883: the user name and password travel unencrypted on that network; use mqtts:// there',
  ]);
});
