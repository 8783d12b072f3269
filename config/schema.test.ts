import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkDeviceEntries } from '../edge/cli/device-entries.ts';
import { parseConfig } from './loader.ts';
import { configJsonSchema, type StoreConfig, storeSchema } from './schema.ts';

const example = readFileSync(new URL('./store.example.yaml', import.meta.url), 'utf8');
const shipped = readFileSync(new URL('./store.schema.json', import.meta.url), 'utf8');

test('the shipped JSON Schema is current: npm run --silent store-hub schema config > config/store.schema.json', () => {
  expect(shipped).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
});

test('the example is valid, by the loader and by the JSON Schema that editors use', () => {
  expect(parseConfig(example, 'config/store.example.yaml', {}).notices).toEqual([]);
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(JSON.parse(shipped));
  expect(validate(parse(example)), JSON.stringify(validate.errors)).toBe(true);
});

test('every line that the example comments out is valid too, also for the codecs, and shows the true defaults', async () => {
  const full = example
    .replace(/^#( {3}.*)$/gm, '$1')
    .replace(/^# ([a-z_]+:.*)$/gm, '$1')
    .replace(/^( +)# ([a-z_]+: )/gm, '$1$2');
  expect(full).not.toMatch(/^ *#? *# *[a-z_]+:( |$)/m);
  const loaded = parseConfig(full, '/etc/store-hub/store.yaml', {});
  const { config, notices } = loaded;
  expect(config.devices.map(({ codec }) => codec)).toContain('csv');
  await checkDeviceEntries(loaded);
  expect(config.cloud?.sasl?.mechanism).toBe('scram-sha-512');
  expect(config.campaigns[0]?.holdout).toBe(0.1);
  expect(notices).toEqual([]);
  const bare = parseConfig('hub: store-0042', '/etc/store-hub/store.yaml', {}).config;
  const pick = ({ data_dir, mqtt, http, bridge, journal, rules, sensing }: StoreConfig) =>
    JSON.stringify({
      data_dir,
      mqtt: [mqtt.listen, mqtt.anonymous, mqtt.allow_anonymous_network, mqtt.limits],
      http: [http.listen, http.allow_anonymous_network, http.hosts, http.limits],
      bridge,
      journal,
      rules,
      sensing,
    });
  expect([config.mqtt.tls?.listen.port, config.mqtt.websocket?.listen.port]).toEqual([8883, 9001]);
  expect(config.mqtt.users[0]?.devices).toEqual(['scale-7', 'scale-8']);
  expect(config.http.pin_file).toBe('/etc/store-hub/staff.pin');
  expect(pick(config)).toBe(pick(bare));
  expect(config.cloud?.linger).toBe(500);
  expect(config.cloud?.retry_max).toBe(120_000);
});

test('every key is described, so that a person learns from it in the editor', () => {
  const bare: string[] = [];
  const look = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties, items, description } = schema as Record<string, unknown>;
    if (path !== '' && !path.endsWith('[]') && typeof description !== 'string') bare.push(path);
    for (const [key, part] of Object.entries(properties ?? {})) look(part, `${path}.${key}`);
    look(items, `${path}[]`);
  };
  look({ ...configJsonSchema(), description: 'x' }, '');
  expect(bare).toEqual([]);
});

test('only the hub is required; durations become milliseconds, sizes bytes, addresses host and port', () => {
  expect(storeSchema.parse({ hub: 'a' })).toEqual({
    hub: 'a',
    timezone: 'UTC',
    data_dir: './data',
    mqtt: {
      listen: { host: '127.0.0.1', port: 1883 },
      anonymous: true,
      allow_anonymous_network: false,
      users: [],
      limits: {
        connections: 2000,
        connections_per_address: 500,
        rate: 50_000,
        topic_length: 1024,
        filter_levels: 16,
        subscriptions: 100,
        sessions: 1000,
        offline_messages: 1000,
        offline_size: 1024 ** 2,
        offline_age: 86_400_000,
        retained: 10_000,
        stalled: 8000,
      },
    },
    http: {
      listen: { host: '127.0.0.1', port: 8080 },
      allow_anonymous_network: false,
      hosts: [],
      limits: { connections: 512, connections_per_address: 256, live_readers: 100 },
    },
    bridge: { data_dir: './bridge-data', http: { listen: { host: '127.0.0.1', port: 8081 } } },
    journal: { disk_budget: 4 * 1024 ** 3, keep: 30 * 86_400_000, keep_acknowledged: 86_400_000 },
    planogram: [],
    rules: {
      shelf_gap: { settle: 20_000, remind: 1_800_000 },
      location_offer: {
        ...{ dwell: 8_000, valid: 900_000, absent_after: 600_000 },
        ...{ identities_per_device: 200, works_here: 14_400_000 },
      },
    },
    campaigns: [],
    sensing: { rfid: { algorithm: 'edgex', profile: 'default', departed_after: 600_000 } },
    devices: [],
    brokers: [],
  });
});

test('an IPv6 address stands in brackets and is given without them', () => {
  const config = storeSchema.parse({ hub: 'a', mqtt: { listen: '[::1]:0' }, http: { listen: 'localhost:80' } });
  expect([config.mqtt.listen, config.http.listen]).toEqual([
    { host: '::1', port: 0 },
    { host: 'localhost', port: 80 },
  ]);
});
