/**
 * A real Apache Kafka on this machine, without containers: one node, or three. It listens on loopback only, ends with
 * the process that started it, and can be killed and started again on the same data. With `link`, clients that
 * bootstrap from `linkBrokers` reach each node through a proxy only, which can be cut.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePort } from '../harness/free-port.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { type Link, startLink } from '../link/tcp-proxy.ts';
import type { DoorOptions, NodeDoor } from './broker-doors.ts';
import { kafkaJars, whyNoKafka } from './kafka-jars.ts';
import { type KafkaNode, kafkaNode } from './kafka-node.ts';

const run = promisify(execFile);

export interface LocalKafkaOptions {
  /** Folder for data and logs; absent: a temporary one, which `stop` removes. */
  readonly dir?: string;
  /** Port of the (first) node; absent: any free one. */
  readonly port?: number;
  /** 1 (default) or 3. */
  readonly nodes?: 1 | 3;
  /** Adds a link in front of each node. */
  readonly link?: boolean;
  /** Further listeners by name: with TLS, with passwords. They lead to the nodes directly. */
  readonly doors?: Readonly<Record<string, DoorOptions>>;
  /** Further broker properties; they win. */
  readonly extra?: Readonly<Record<string, string>>;
  /** Further arguments for the format tool, such as `--add-scram`. */
  readonly format?: readonly string[];
  /** Hears what is being waited for. */
  readonly say?: (line: string) => void;
  /** Gives up starting; what was begun is ended. */
  readonly signal?: AbortSignal | undefined;
}

export interface LocalKafka {
  /** Addresses that lead to the nodes directly. */
  readonly brokers: string[];
  /** Addresses that lead through the links; empty without `link`. */
  readonly linkBrokers: string[];
  /** Addresses of the nodes' listener with this name of `doors`. */
  door(name: string): string[];
  /** One for each node; empty without `link`. */
  readonly links: Link[];
  readonly nodes: KafkaNode[];
  readonly dir: string;
  /** Runs one of Kafka's own tools, such as `kafka.admin.ConfigCommand`, against the first node; what it printed. */
  tool(main: string, ...args: string[]): Promise<string>;
  /** Ends everything at once, links too, and removes a temporary folder. */
  stop(): Promise<void>;
  /** kill -9 of every node; the data stay. */
  kill(): Promise<void>;
  /** Waits until all nodes are there and answer: after `nodes[i].start()`. */
  ready(): Promise<void>;
  /** Ends cleanly what still runs and starts all nodes on the same data and ports; ready when it returns. */
  restart(): Promise<void>;
}

/** Why this machine cannot run a local Kafka, in one sentence; nothing when it can. */
export function kafkaMissing(): Promise<string | undefined> {
  return whyNoKafka();
}

/** Whether this node itself answers an admin request, and knows of all nodes. */
async function answers(node: KafkaNode, nodes: number): Promise<boolean> {
  const brokers = [node.address];
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, connectionTimeout: 1_000, retry: { retries: 0 } });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length === nodes;
  } finally {
    await admin.disconnect();
  }
}

async function awaitReady(nodes: readonly KafkaNode[], signal?: AbortSignal): Promise<void> {
  for (const node of nodes) {
    const look = async () => !node.running() || (await answers(node, nodes.length));
    await waitUntil(`Kafka's node ${node.id} to answer`, look, {
      timeoutMs: 90_000,
      everyMs: 100,
      ...(signal ? { signal } : {}),
    });
    if (!node.running()) throw new Error(`Kafka's node ${node.id} ended; its log says:\n${await node.logTail()}`);
  }
}

/** The first transaction makes the brokers create their own topics, which takes seconds on a busy machine. */
async function awaitTransactions(brokers: string[], signal?: AbortSignal): Promise<void> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const look = async (): Promise<boolean> => {
    const producer = kafka.producer({ transactionalId: 'nobody', maxInFlightRequests: 1 });
    try {
      await producer.connect();
      await (await producer.transaction()).abort();
      return true;
    } finally {
      await producer.disconnect();
    }
  };
  await waitUntil('Kafka to offer transactions', look, { timeoutMs: 90_000, ...(signal ? { signal } : {}) });
}

interface Cluster {
  readonly nodes: KafkaNode[];
  readonly links: Link[];
  readonly doors: Map<string, string[]>;
}

async function plan(options: LocalKafkaOptions, dir: string, java: readonly string[]): Promise<Cluster> {
  const count = options.nodes ?? 1;
  // The format tool takes a word that begins with a dash for an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const ports: { id: number; port: number; controllerPort: number }[] = [];
  for (let id = 1; id <= count; id += 1) {
    const port = id === 1 && options.port ? options.port : await freePort();
    ports.push({ id, port, controllerPort: await freePort() });
  }
  const voters = ports.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(',');
  const nodes: KafkaNode[] = [];
  const links: Link[] = [];
  const doors = new Map<string, string[]>();
  for (const { id, port, controllerPort } of ports) {
    const own: NodeDoor[] = [];
    if (options.link) {
      const target = await freePort();
      const link = await startLink({ target: { port: target } });
      links.push(link);
      own.push({ name: 'LINK', port: target, advertised: link.port, options: {} });
    }
    for (const [name, door] of Object.entries(options.doors ?? {})) {
      const doorPort = await freePort();
      own.push({ name: name.toUpperCase(), port: doorPort, advertised: doorPort, options: door });
      doors.set(name, [...(doors.get(name) ?? []), `127.0.0.1:${doorPort}`]);
    }
    const { extra = {}, format = [] } = options;
    const folder = join(dir, `node-${id}`);
    nodes.push(
      kafkaNode({
        id,
        dir: folder,
        clusterId,
        port,
        controllerPort,
        voters,
        nodes: count,
        doors: own,
        extra,
        format,
        java,
      }),
    );
  }
  return { nodes, links, doors };
}

/** One broker, started and cleanly stopped for the sake of the class archive. */
async function rehearse(java: readonly string[], signal?: AbortSignal): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'store-hub-kafka-'));
  const { nodes } = await plan({}, dir, java);
  try {
    for (const node of nodes) await node.start();
    await awaitReady(nodes, signal);
    for (const node of nodes) await node.shutDown();
  } finally {
    for (const node of nodes) await node.kill();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Starts and waits until it answers; throws with the broker's own last words when it does not. */
export async function startKafka(options: LocalKafkaOptions = {}): Promise<LocalKafka> {
  const missing = await kafkaMissing();
  if (missing) throw new Error(missing);
  const { signal, say = () => undefined } = options;
  const { java } = await kafkaJars({ rehearse: (command) => rehearse(command, signal), say, signal });
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'store-hub-kafka-')));
  const { nodes, links, doors } = await plan(options, dir, java);

  const start = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.start()));
    await awaitReady(nodes, signal);
  };
  const kill = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()));
  };
  const stop = async (): Promise<void> => {
    await Promise.all(links.map((link) => link.stop()));
    if (options.dir === undefined) await kill();
    else await Promise.all(nodes.map((node) => node.shutDown()));
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    await start();
    await awaitTransactions(
      nodes.map((node) => node.address),
      signal,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers: nodes.map((node) => node.address),
    linkBrokers: links.map((link) => link.address),
    links,
    door: (name) => doors.get(name) ?? [],
    nodes,
    dir,
    async tool(main, ...args) {
      const { stdout } = await run('java', [...java, main, '--bootstrap-server', nodes[0]?.address ?? '', ...args]);
      return stdout;
    },
    stop,
    kill,
    ready: () => awaitReady(nodes),
    async restart() {
      await Promise.all(nodes.map((node) => node.shutDown()));
      await start();
    },
  };
}
