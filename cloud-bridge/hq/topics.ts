/** `topics create` and `topics check`: head office's eleven topics, made alike and compared with how they must be. */
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { HubError } from '../../edge/contracts/errors.ts';
import { CHECKPOINT_TOPIC } from '../../edge/contracts/streams.ts';
import { type CloudAccess, withAdmin } from './kafka-client.ts';
import { ALL_TOPICS, DEVICES_TOPIC, EVENT_TOPICS, satisfied, settingsOf } from './topic-plan.ts';

export interface TopicPlan {
  /** Partitions of every topic; default 64. */
  readonly partitions?: number | undefined;
  /** Copies of every partition; default 3. */
  readonly replication?: number | undefined;
}

export interface CreatedTopics {
  readonly created: readonly string[];
  /** Were there before and were left alone. */
  readonly existing: readonly string[];
}

/** One difference between a topic as it is and as it must be. */
export interface TopicDifference {
  readonly topic: string;
  readonly key: string;
  readonly is: string;
  readonly want: string;
}

/** Creates what is missing. Throws WRONG_USE when there are fewer brokers than copies, CLOUD_UNREACHABLE. */
export async function createTopics(cloud: CloudAccess, plan: TopicPlan = {}): Promise<CreatedTopics> {
  const { partitions = 64, replication = 3 } = plan;
  return await withAdmin(cloud, async (admin) => {
    const present = new Set(await admin.listTopics());
    const missing = ALL_TOPICS.filter((topic) => !present.has(topic));
    const { brokers } = await admin.describeCluster();
    if (missing.length > 0 && replication > brokers.length) {
      throw new HubError(
        'WRONG_USE',
        `replication ${replication} needs ${replication} brokers and this cluster has ${brokers.length}: pass --replication ${brokers.length}`,
      );
    }
    if (missing.length > 0) {
      await admin.createTopics({
        // kafkajs' own wait gives up when a broker has not heard of the topic yet.
        waitForLeaders: false,
        timeout: 30_000,
        topics: missing.map((topic) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: settingsOf(topic, replication).map(({ key, want }) => ({ name: key, value: want })),
        })),
      });
      await untilThere(admin, missing);
    }
    return { created: missing, existing: ALL_TOPICS.filter((topic) => present.has(topic)) };
  });
}

const LEADERS_DEADLINE = 30_000;

/** Brokers learn of new topics one after the other: resolves once every partition has a leader. */
async function untilThere(admin: Admin, topics: readonly string[]): Promise<void> {
  const end = performance.now() + LEADERS_DEADLINE;
  for (;;) {
    try {
      const { topics: known } = await admin.fetchTopicMetadata({ topics: [...topics] });
      const leaders = known.flatMap(({ partitions }) => partitions.map(({ leader }) => leader));
      if (known.length === topics.length && leaders.every((leader) => leader >= 0)) return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    if (performance.now() > end) throw new Error('the new topics have no leaders yet');
    await pause(100);
  }
}

interface TopicShape {
  readonly partitions: number;
  readonly replication: number;
}

async function shapesOf(admin: Admin, topics: readonly string[]): Promise<Map<string, TopicShape>> {
  const shapes = new Map<string, TopicShape>();
  if (topics.length === 0) return shapes;
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  for (const { name, partitions } of metadata.topics) {
    // The fewest copies of any partition: one that is short is what matters.
    const replication = Math.min(...partitions.map((partition) => partition.replicas.length));
    shapes.set(name, { partitions: partitions.length, replication });
  }
  return shapes;
}

async function configsOf(admin: Admin, topics: readonly string[]): Promise<Map<string, Map<string, string>>> {
  const configs = new Map<string, Map<string, string>>();
  if (topics.length === 0) return configs;
  const answer = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  for (const resource of answer.resources) {
    const entries = resource.configEntries.map((entry): [string, string] => [entry.configName, entry.configValue]);
    configs.set(resource.resourceName, new Map(entries));
  }
  return configs;
}

/** The longest `retention.ms` of the event topics besides `retail.devices`; -1 when one keeps without end. */
function longestRetention(configs: ReadonlyMap<string, ReadonlyMap<string, string>>): number {
  const kept = EVENT_TOPICS.filter((topic) => topic !== DEVICES_TOPIC)
    .map((topic) => Number(configs.get(topic)?.get('retention.ms') ?? 0))
    .filter((value) => Number.isFinite(value));
  return kept.some((value) => value < 0) ? -1 : Math.max(0, ...kept);
}

/** As the topics have it, and three at least as far as there are brokers: one that is down right now takes no copy away. */
export function wantedReplication(model: number, liveBrokers: number): number {
  return Math.max(model, Math.min(3, liveBrokers));
}

/**
 * Every difference between the topics and what they must be; none is well. Without an explicit plan all topics must be
 * alike, and have at least three copies as far as there are brokers. `partition` is the hub's own: it must exist.
 */
export async function checkTopics(
  cloud: CloudAccess & { readonly partition?: number | undefined },
  plan: TopicPlan = {},
): Promise<TopicDifference[]> {
  return await withAdmin(cloud, async (admin) => {
    const listed = new Set(await admin.listTopics());
    const present = ALL_TOPICS.filter((topic) => listed.has(topic));
    const shapes = await shapesOf(admin, present);
    const configs = await configsOf(admin, present);
    const { brokers } = await admin.describeCluster();
    const model = shapes.get(CHECKPOINT_TOPIC) ?? shapes.values().next().value;
    const partitions = plan.partitions ?? model?.partitions ?? 64;
    const replication = plan.replication ?? wantedReplication(model?.replication ?? 0, brokers.length);
    const differences: TopicDifference[] = [];
    for (const topic of ALL_TOPICS) {
      const shape = shapes.get(topic);
      if (shape === undefined) {
        differences.push({ topic, key: 'topic', is: 'missing', want: 'present' });
        continue;
      }
      const compare = (key: string, is: number, want: number) => {
        if (is !== want) differences.push({ topic, key, is: String(is), want: String(want) });
      };
      compare('partitions', shape.partitions, partitions);
      compare('replication', shape.replication, replication);
      if (cloud.partition !== undefined && cloud.partition >= shape.partitions) {
        const want = `more than ${cloud.partition}, this hub's cloud.partition`;
        differences.push({ topic, key: 'partitions', is: String(shape.partitions), want });
      }
      for (const setting of settingsOf(topic, shape.replication, longestRetention(configs))) {
        const is = configs.get(topic)?.get(setting.key) ?? 'unknown';
        if (!satisfied(setting, is)) differences.push({ topic, key: setting.key, is, want: setting.want });
      }
    }
    return differences;
  });
}
