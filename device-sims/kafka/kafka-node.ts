/** One broker process (KRaft, broker and controller in one), with its properties file, its data and its log. */
import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type GuardedProcess, spawnGuarded } from '../harness/guarded-process.ts';
import { doorProperties, type NodeDoor, protocolOf } from './broker-doors.ts';

const run = promisify(execFile);

export interface NodePlan {
  readonly id: number;
  /** Folder of this node. */
  readonly dir: string;
  readonly clusterId: string;
  readonly port: number;
  readonly controllerPort: number;
  /** All nodes of the cluster as `controller.quorum.voters` wants them. */
  readonly voters: string;
  readonly nodes: number;
  /** Further listeners. One may send its clients to another port: that of a link. */
  readonly doors: readonly NodeDoor[];
  readonly extra: Readonly<Record<string, string>>;
  /** Further arguments for the format tool, such as `--add-scram`. */
  readonly format: readonly string[];
  /** Arguments for `java`, up to the main class. */
  readonly java: readonly string[];
}

export interface KafkaNode {
  readonly id: number;
  readonly address: string;
  readonly pid: number | undefined;
  /** Starts the process; it answers some time later. */
  start(): Promise<void>;
  running(): boolean;
  /** The end of its log, for an error message. */
  logTail(): Promise<string>;
  /** SIGTERM: a clean end that keeps the data. */
  shutDown(): Promise<void>;
  /** SIGKILL; the data stay. */
  kill(): Promise<void>;
}

function properties(plan: NodePlan): string {
  const replication = Math.min(plan.nodes, 3);
  const listeners = [`PLAINTEXT://127.0.0.1:${plan.port}`, `CONTROLLER://127.0.0.1:${plan.controllerPort}`];
  const advertised = [`PLAINTEXT://127.0.0.1:${plan.port}`];
  const protocols = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT'];
  for (const door of plan.doors) {
    listeners.push(`${door.name}://127.0.0.1:${door.port}`);
    advertised.push(`${door.name}://127.0.0.1:${door.advertised}`);
    protocols.push(`${door.name}:${protocolOf(door.options)}`);
  }
  const all: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(plan.id),
    'controller.quorum.voters': plan.voters,
    listeners: listeners.join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(plan.dir, 'data'),
    'offsets.topic.replication.factor': String(replication),
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': String(replication),
    'transaction.state.log.min.isr': String(Math.max(1, replication - 1)),
    'transaction.state.log.num.partitions': '3',
    'default.replication.factor': String(replication),
    'min.insync.replicas': String(Math.max(1, replication - 1)),
    'group.initial.rebalance.delay.ms': '0',
    // Head office must not wait long for a bridge that died inside a transaction.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
    'auto.create.topics.enable': 'false',
    // A killed node may come back at once instead of waiting for its old session.
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '3000',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'num.network.threads': '2',
    'num.io.threads': '4',
    ...Object.assign({}, ...plan.doors.map(doorProperties)),
    ...plan.extra,
  };
  return `${Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

export function kafkaNode(plan: NodePlan): KafkaNode {
  const file = join(plan.dir, 'server.properties');
  const log = join(plan.dir, 'kafka.log');
  let process: GuardedProcess | undefined;

  return {
    id: plan.id,
    address: `127.0.0.1:${plan.port}`,
    get pid() {
      return process?.running() ? process.pid : undefined;
    },
    async start() {
      await mkdir(plan.dir, { recursive: true });
      await writeFile(file, properties(plan));
      if (!existsSync(join(plan.dir, 'data', 'meta.properties'))) {
        // Archiving is for the broker that follows.
        const plain = plan.java.filter((argument) => !argument.startsWith('-XX:ArchiveClassesAtExit'));
        const tool = [...plain, 'kafka.tools.StorageTool', 'format', '-t', plan.clusterId, '-c', file, '-g'];
        await run('java', [...tool, ...plan.format]);
      }
      const output = openSync(log, 'a');
      try {
        process = spawnGuarded('java', [...plan.java, 'kafka.Kafka', file], { output });
      } finally {
        closeSync(output);
      }
    },
    running: () => process?.running() ?? false,
    async logTail() {
      const text = await readFile(log, 'utf8').catch(() => '');
      return text.split('\n').slice(-12).join('\n');
    },
    async shutDown() {
      // Without a majority of controllers a node waits in vain for leave to go.
      await process?.end('SIGTERM', plan.nodes === 1 ? 10_000 : 3_000);
    },
    async kill() {
      await process?.end('SIGKILL');
    },
  };
}
