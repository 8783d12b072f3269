/** A store under test: its temporary folder and config, its edge and bridge as the operator would start them. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../harness/free-port.ts';
import { type GuardedProcess, spawnGuarded } from '../harness/guarded-process.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { productGtin } from '../load/sales.ts';

const COMMAND = fileURLToPath(new URL('../../edge/cli/main.js', import.meta.url));
const STOP_MS = 20_000;

export interface StoreOptions {
  /** How long events may wait to share a transaction, default 500ms. */
  readonly linger?: string;
  readonly folder: string;
  readonly hub: string;
  /** Kafka's address; absent: no cloud. */
  readonly broker?: string | undefined;
  readonly partition?: number;
  readonly settle?: string;
  /** `journal.disk_budget`; absent: more than a bench can fill. */
  readonly budget?: string;
  /** Names of the planogram's shelves; default: forty. */
  readonly shelves?: readonly string[];
  /** The config's section `journal`. */
  readonly journal?: Readonly<Record<string, string>>;
  /** Of the section `rules`, besides the shelf gap. */
  readonly rules?: Readonly<Record<string, object>>;
  readonly campaigns?: readonly object[];
}

export interface Store {
  readonly hub: string;
  readonly folder: string;
  readonly config: string;
  readonly dataDir: string;
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly bridgePort: number;
  /** Names of the planogram's shelves. */
  readonly shelves: readonly string[];
}

const SHELVES = 40;
export const CAPACITY = 24;

export async function createStore(options: StoreOptions): Promise<Store> {
  const { folder, hub } = options;
  mkdirSync(folder, { recursive: true });
  const [mqttPort, httpPort, bridgePort] = [await freePort(), await freePort(), await freePort()];
  const shelves =
    options.shelves ?? Array.from({ length: SHELVES }, (_, n) => `A${1 + (n % 8)}-${1 + Math.floor(n / 8)}`);
  const config = {
    hub,
    data_dir: './data',
    mqtt: { listen: `127.0.0.1:${mqttPort}`, anonymous: true },
    http: { listen: `127.0.0.1:${httpPort}` },
    ...(options.broker === undefined
      ? {}
      : {
          cloud: {
            brokers: [options.broker],
            partition: options.partition ?? 0,
            retry_max: '2s',
            linger: options.linger ?? '500ms',
          },
        }),
    bridge: { data_dir: './bridge-data', http: { listen: `127.0.0.1:${bridgePort}` } },
    journal: options.journal ?? { disk_budget: options.budget ?? '16GiB' },
    planogram: shelves.map((shelf, n) => ({
      shelf,
      zone: 'beverages',
      gtin: productGtin(n),
      name: `Product ${n}`,
      capacity: CAPACITY,
      minimum: 4,
    })),
    rules: { shelf_gap: { settle: options.settle ?? '20s' }, ...options.rules },
    ...(options.campaigns && { campaigns: options.campaigns }),
  };
  const file = join(folder, 'store.yaml');
  // Every JSON text is YAML.
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
  return { hub, folder, config: file, dataDir: join(folder, 'data'), mqttPort, httpPort, bridgePort, shelves };
}

export interface Daemon {
  readonly pid: number;
  readonly process: GuardedProcess;
  /** SIGTERM, and an error when it did not end cleanly within its time. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Options of node, such as `--cpu-prof`. */
  readonly node?: readonly string[];
  /** A program and its options to run it under; it must leave the daemon in its own process. */
  readonly under?: readonly string[];
  /** The built command of another version; absent: this one's. */
  readonly command?: string;
}

export function spawnDaemon(store: Store, command: 'edge' | 'bridge', options: StartOptions = {}): Daemon {
  const log = join(store.folder, `${command}.log`);
  const output = openSync(log, 'a');
  const [program, ...args] = [
    ...(options.under ?? []),
    process.execPath,
    ...(options.node ?? []),
    options.command ?? COMMAND,
    command,
    '--config',
    store.config,
  ];
  const guarded = spawnGuarded(program, args, { output, cwd: store.folder });
  closeSync(output);
  return {
    pid: guarded.pid,
    process: guarded,
    async stop() {
      const { code, signal } = await guarded.end('SIGTERM', STOP_MS);
      if (code !== 0) throw new Error(`${command} ended with ${signal ?? `code ${code}`}: ${tail(log)}`);
    },
  };
}

/** Resolves when the edge can accept and commit. */
export async function startEdge(store: Store, options: StartOptions = {}): Promise<Daemon> {
  const edge = spawnDaemon(store, 'edge', options);
  const ended = new AbortController();
  void edge.process.ended.then(() =>
    ended.abort(new Error(`the edge ended before it was ready: ${tail(join(store.folder, 'edge.log'))}`)),
  );
  await waitUntil(
    'the edge to be ready',
    async () => (await fetch(`http://127.0.0.1:${store.httpPort}/health/ready`)).ok,
    { timeoutMs: 60_000, everyMs: 20, signal: ended.signal },
  );
  return edge;
}

export interface BridgeStatus {
  readonly state: string;
  readonly reason?: string;
  readonly lag?: Readonly<Record<string, number>>;
}

/** Nothing while the bridge does not answer. */
export async function bridgeStatus(store: Store): Promise<BridgeStatus | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${store.bridgePort}/status`);
    return answer.ok ? ((await answer.json()) as BridgeStatus) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs `store-hub <args> --config <the store's>` to its end; throws unless it exits with 0. Returns what it printed. */
export async function runCommand(store: Store, ...args: string[]): Promise<string> {
  const guarded = spawnGuarded(process.execPath, [COMMAND, ...args, '--config', store.config]);
  const output: Buffer[] = [];
  guarded.child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  guarded.child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const { code } = await guarded.ended;
  const text = Buffer.concat(output).toString();
  if (code !== 0) throw new Error(`store-hub ${args.join(' ')} exited with ${code}: ${text.slice(-2000)}`);
  return text;
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').slice(-1500);
}
