/**
 * Reads the configuration once: file, then `STORE_HUB_` variables, then the schema; paths become absolute and the
 * result is frozen. What is wrong is thrown as one ConfigError with every fault, in the order of the file.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileWords } from '../edge/contracts/file-words.ts';
import { readDocument } from './document.ts';
import { applyOverrides, overrideAt, readOverrides } from './environment.ts';
import { ConfigError, type ConfigFault, explain, type Finding, findingsOf } from './faults.ts';
import type { Path } from './keys.ts';
import { type StoreConfig, storeSchema } from './schema.ts';
import { resolveSecretFile } from './secrets.ts';
import { type Address, addressText, isLoopback, shown } from './values.ts';

const DEFAULT_FILES = ['./config/store.yaml', '/etc/store-hub/store.yaml'] as const;

export interface LoadedConfig {
  readonly config: StoreConfig;
  /** The file it was read from, as it was named. */
  readonly file: string;
  /** See `configHash`. */
  readonly hash: string;
  /** What an operator should know though nothing is wrong: keys without effect yet, doors without a lock. */
  readonly notices: readonly string[];
  /** A fault of the value at this path that only its use shows, at its place in the file or of its variable. */
  readonly faultAt: (path: Path, message: string) => ConfigFault;
}

/** Reads `file`, or the first default file there is. Throws ConfigError CONFIG_MISSING or CONFIG_INVALID. */
export function loadConfig(file?: string, env: NodeJS.ProcessEnv = process.env): LoadedConfig {
  const name = file ?? DEFAULT_FILES.find((path) => existsSync(path));
  if (name === undefined) throw missing(DEFAULT_FILES[0], `there is no such file, nor ${DEFAULT_FILES[1]}`);
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch (error) {
    throw missing(name, fileWords(error));
  }
  return parseConfig(text, name, env);
}

function missing(file: string, message: string): ConfigError {
  return new ConfigError('CONFIG_MISSING', [{ file, line: 1, column: 1, key: '', message }]);
}

/** The same from the text of a file; `file` names it in faults and its folder is where relative paths begin. */
export function parseConfig(text: string, file: string, env: NodeJS.ProcessEnv): LoadedConfig {
  const document = readDocument(text, file);
  const { overrides, faults: variableFaults } = readOverrides(env);
  const faults: ConfigFault[] = [...document.faults];
  const finding = (message: string): Finding => ({ path: [], about: 'value', message });
  if (document.value === null) {
    faults.push(document.locate(finding('the file is empty: it needs at least the key hub')));
  } else if (document.value !== undefined && (typeof document.value !== 'object' || Array.isArray(document.value))) {
    faults.push(
      document.locate(finding(`must be a mapping of keys, such as hub: store-0042, not ${shown(document.value)}`)),
    );
  } else if (document.value !== undefined) {
    const raw = applyOverrides(document.value, overrides);
    const parsed = storeSchema.safeParse(raw, { error: explain });
    const located = (found: Finding): { fault: ConfigFault; variable: boolean } => {
      const fault = document.locate(found);
      const variable = overrideAt(overrides, found.path)?.variable;
      if (variable === undefined) return { fault, variable: false };
      return { fault: { ...fault, file: variable, line: 1, column: 1 }, variable: true };
    };
    if (parsed.success && faults.length + variableFaults.length === 0) {
      const faultAt = (path: Path, message: string) => located({ path, about: 'value', message }).fault;
      return { ...loaded(parsed.data, file, env), faultAt };
    }
    for (const found of findingsOf(parsed.error?.issues ?? [], raw)) {
      const { fault, variable } = located(found);
      (variable ? variableFaults : faults).push(fault);
    }
  }
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  throw new ConfigError('CONFIG_INVALID', [...faults, ...variableFaults]);
}

function loaded(parsed: StoreConfig, file: string, env: NodeJS.ProcessEnv): Omit<LoadedConfig, 'faultAt'> {
  const config = frozen(withPaths(parsed, dirname(resolve(file)), env));
  return { config, file, hash: configHash(config), notices: noticesOf(config) };
}

function withPaths(config: StoreConfig, folder: string, env: NodeJS.ProcessEnv): StoreConfig {
  const secret = (path: string) => resolveSecretFile(path, folder, env);
  const { cloud, mqtt, http } = config;
  return {
    ...config,
    devices: config.devices.map((device) => devicePaths(device, folder, secret)),
    brokers: config.brokers.map(({ password_file, ca, ...broker }) => ({
      ...broker,
      ...(password_file !== undefined && { password_file: secret(password_file) }),
      ...(ca !== undefined && { ca: secret(ca) }),
    })),
    mqtt: { ...mqtt, ...(mqtt.tls && { tls: doorTls(mqtt.tls, secret) }) },
    http: { ...http, ...(http.pin_file !== undefined && { pin_file: secret(http.pin_file) }) },
    data_dir: resolve(folder, config.data_dir),
    bridge: { ...config.bridge, data_dir: resolve(folder, config.bridge.data_dir) },
    ...(cloud && {
      cloud: {
        ...cloud,
        ...(cloud.tls && { tls: mapped(cloud.tls, secret) }),
        ...(cloud.sasl && { sasl: { ...cloud.sasl, password_file: secret(cloud.sasl.password_file) } }),
      },
    }),
  };
}

type Tls = NonNullable<NonNullable<StoreConfig['cloud']>['tls']>;

function mapped(tls: Tls, resolved: (path: string) => string): Tls {
  const { ca, cert, key } = tls;
  return {
    ...(ca !== undefined && { ca: resolved(ca) }),
    ...(cert !== undefined && { cert: resolved(cert) }),
    ...(key !== undefined && { key: resolved(key) }),
  };
}

type DoorTls = NonNullable<StoreConfig['mqtt']['tls']>;

function doorTls(tls: DoorTls, resolved: (path: string) => string): DoorTls {
  const { listen, cert, key, client_ca } = tls;
  return {
    listen,
    cert: resolved(cert),
    key: resolved(key),
    ...(client_ca !== undefined && { client_ca: resolved(client_ca) }),
  };
}

type Device = StoreConfig['devices'][number];

function devicePaths(device: Device, base: string, secret: (path: string) => string): Device {
  const { folder, opcua } = device;
  return {
    ...device,
    ...(folder && { folder: { ...folder, path: resolve(base, folder.path) } }),
    ...(opcua?.password_file !== undefined && {
      opcua: { ...opcua, password_file: secret(opcua.password_file) },
    }),
  };
}

function noticesOf(config: StoreConfig): string[] {
  const { mqtt, http, cloud } = config;
  return [
    ...openDoors(mqtt).map(
      ([key, listen]) => `${key} ${addressText(listen)}: everyone on that network may publish without a password`,
    ),
    ...openTalk(mqtt).map(
      ([key, listen]) =>
        `${key} ${addressText(listen)}: user names and passwords travel unencrypted on that network; use mqtt.tls there, and listen on 127.0.0.1`,
    ),
    ...(!isLoopback(http.listen.host) && (http.pin_file !== undefined || mqtt.users.length > 0)
      ? [
          `http.listen ${addressText(http.listen)}: user names, passwords and the PIN travel unencrypted on that network: let only a reverse proxy with TLS reach it, or keep it to a network that you trust`,
        ]
      : []),
    ...(http.allow_anonymous_network && !isLoopback(http.listen.host)
      ? [`http.listen ${addressText(http.listen)}: everyone on that network may ${openUse(http)}`]
      : []),
    ...(cloud?.sasl && !cloud.tls ? ['cloud.sasl without cloud.tls: the log-in at the brokers is not encrypted'] : []),
    ...config.brokers
      .filter(talksOpenly)
      .map(
        ({ name, url }) =>
          `brokers ${name} ${url}: the user name and password travel unencrypted on that network; use mqtts:// there`,
      ),
    ...campaignNotices(config),
  ];
}

function talksOpenly({ url, username }: StoreConfig['brokers'][number]): boolean {
  const host = /^mqtt:\/\/(?:[^@]*@)?(\[[^\]]+\]|[^:]+)/.exec(url)?.[1];
  return username !== undefined && host !== undefined && !isLoopback(host.replace(/^\[|\]$/g, ''));
}

/** Campaigns that can never be offered, or never be measured, as they stand. */
function campaignNotices({ campaigns, planogram }: StoreConfig): string[] {
  const ids = new Set(campaigns.map(({ id }) => id));
  return campaigns.flatMap(({ id, zone, gtin, exclude = [] }) => [
    ...(planogram.some((facing) => facing.zone === zone && facing.gtin === gtin)
      ? []
      : [`campaign ${id} is never offered: the planogram has no shelf with ${gtin} in zone ${zone}`]),
    ...(exclude.includes(id) ? [`campaign ${id} excludes itself: a shopper gets it once, and never again`] : []),
    ...exclude
      .filter((other) => !ids.has(other))
      .map((other) => `campaign ${id} excludes ${other}, which is no campaign of this configuration`),
  ]);
}

/** What `http.allow_anonymous_network` lets everyone do: a PIN that is there is asked for all the same. */
function openUse({ pin_file }: StoreConfig['http']): string {
  return pin_file === undefined
    ? 'use it without a PIN or password, except to erase shoppers'
    : 'send readings, grant and withdraw consent of shoppers, and claim offers, all without a password; the page asks for its PIN, and erasing shoppers needs a user with `may: [consent]`';
}

type Door = [key: string, listen: Address];

/** The addresses beyond loopback at which no password is needed. */
function openDoors(mqtt: StoreConfig['mqtt']): Door[] {
  if (!mqtt.anonymous || !mqtt.allow_anonymous_network) return [];
  return beyondLoopback([
    ['mqtt.listen', mqtt.listen],
    ['mqtt.tls.listen', mqtt.tls?.listen],
    ['mqtt.websocket.listen', mqtt.websocket?.listen],
  ]);
}

/** The addresses beyond loopback at which passwords can be read by others. */
function openTalk(mqtt: StoreConfig['mqtt']): Door[] {
  if (mqtt.users.length === 0) return [];
  return beyondLoopback([
    ['mqtt.listen', mqtt.listen],
    ['mqtt.websocket.listen', mqtt.websocket?.listen],
  ]);
}

function beyondLoopback(doors: readonly [string, Address | undefined][]): Door[] {
  return doors.filter((door): door is Door => door[1] !== undefined && !isLoopback(door[1].host));
}

/** 12 hex digits that change when any effective value of the configuration does, whatever its file looks like. */
export function configHash(config: StoreConfig): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(config, sorted)).digest('hex').slice(0, 12);
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
