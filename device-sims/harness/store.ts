/**
 * A whole store on this machine for end-to-end tests and the demo: a folder of its own, a config file with free
 * ports, and the two daemons as real processes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from './free-port.ts';
import { type Daemon, daemon, ownEnvironment, type RunOptions, type RunResult, storeHub } from './store-hub.ts';

export interface StoreOptions {
  /** Default `store-0042`. */
  readonly hub?: string;
  /** Kafka's addresses; absent: no `cloud` in the config. */
  readonly brokers?: readonly string[] | undefined;
  /** Folder for config and data; absent: a temporary one, which `stop` removes. */
  readonly dir?: string;
  /** Replaces or adds top-level keys of the config; `cloud`, `mqtt`, `http`, `bridge`, `journal` and `rules` are merged. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly ports?: { readonly mqtt?: number; readonly http?: number; readonly bridge?: number };
  /** Added to the environment of both daemons and of `run`. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Store {
  readonly hub: string;
  readonly dir: string;
  readonly configFile: string;
  readonly dataDir: string;
  readonly mqttUrl: string;
  readonly httpUrl: string;
  readonly bridgeUrl: string;
  readonly edge: Daemon;
  readonly bridge: Daemon;
  /** Runs `store-hub <args> --config <this store's>` to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** GET of JSON from an absolute address; throws unless 2xx. */
  get(url: string): Promise<unknown>;
  /** POST of JSON to a path of the edge; the status and the parsed answer. */
  post(path: string, body: unknown): Promise<{ status: number; body: unknown }>;
  /** Writes the config file again with these keys merged in; read at the daemons' next start. */
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends both daemons (bridge first, kindly) and removes a temporary folder. */
  stop(): Promise<void>;
}

const DEFAULT_PLANOGRAM = [
  { shelf: 'A1-1', zone: 'beverages', gtin: '09521234543213', name: 'Spring water 1 l', capacity: 12, minimum: 4 },
  { shelf: 'A1-2', zone: 'beverages', gtin: '09520123456788', name: 'Apple juice 1 l', capacity: 10, minimum: 3 },
];

type Section = Record<string, unknown>;

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(base: Section, more: Readonly<Section>): Section {
  const result: Section = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const old = result[key];
    result[key] = isSection(old) && isSection(value) ? merged(old, value) : value;
  }
  return result;
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Prepares the folder and the config; starts nothing. */
export async function makeStore(options: StoreOptions = {}): Promise<Store> {
  const hub = options.hub ?? 'store-0042';
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'store-hub-store-')));
  await mkdir(dir, { recursive: true });
  const mqtt = options.ports?.mqtt ?? (await freePort());
  const http = options.ports?.http ?? (await freePort());
  const bridgePort = options.ports?.bridge ?? (await freePort());
  const configFile = join(dir, 'store.yaml');
  const env = ownEnvironment(options.env);

  let config = merged(
    {
      hub,
      timezone: 'Europe/Berlin',
      data_dir: './data',
      mqtt: { listen: `127.0.0.1:${mqtt}`, anonymous: true },
      http: { listen: `127.0.0.1:${http}` },
      bridge: { data_dir: './bridge-data', http: { listen: `127.0.0.1:${bridgePort}` } },
      ...(options.brokers
        ? { cloud: { brokers: [...options.brokers], partition: 0, linger: '100ms', retry_max: '2s' } }
        : {}),
      planogram: DEFAULT_PLANOGRAM,
      rules: { shelf_gap: { settle: '0s', remind: '30m' } },
    },
    options.config ?? {},
  );
  await writeFile(configFile, stringify(config));

  const httpUrl = `http://127.0.0.1:${http}`;
  const bridgeUrl = `http://127.0.0.1:${bridgePort}`;
  const edge = daemon(['edge', '--config', configFile], env, () => answers(`${httpUrl}/health/ready`));
  const bridge = daemon(['bridge', '--config', configFile], env, () => answers(`${bridgeUrl}/health/live`));
  return {
    hub,
    dir,
    configFile,
    dataDir: join(dir, 'data'),
    mqttUrl: `mqtt://127.0.0.1:${mqtt}`,
    httpUrl,
    bridgeUrl,
    edge,
    bridge,
    run: (args, run = {}) =>
      storeHub([...args, '--config', configFile], { cwd: dir, ...run, env: { ...env, ...run.env } }),
    async get(url) {
      const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
      return JSON.parse(text);
    },
    async post(path, body) {
      const response = await fetch(`${httpUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    async configure(more) {
      config = merged(config, more);
      await writeFile(configFile, stringify(config));
    },
    async stop() {
      await bridge.stop();
      await edge.stop();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
