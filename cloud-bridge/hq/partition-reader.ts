/**
 * Reads single partitions from one offset to another, committed records only, and leaves nothing behind at the
 * brokers: no consumer group, no committed offset. kafkajs has no assignment without a group, but hands its cluster to
 * partition assigners, and fetching is typed there. Filtering aborted records is done here: kafkajs' own filter takes
 * up one aborted transaction a record, and shows an aborted record when two hubs' transactions overlap in a partition.
 */
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { type Cluster, type Consumer } from 'kafkajs';
import { HubError } from '../../edge/contracts/errors.ts';
import { type CloudAccess, cloudError, connectInTime, kafkaOf } from './kafka-client.ts';

/** One committed record. `timestamp` is epoch ms as the broker tells it. */
export interface CommittedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly contentType: string | undefined;
}

/** Offsets of a partition: the oldest that is retained, and the one after the newest (open transactions included). */
export interface PartitionEnds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

interface RawMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | Buffer[] | undefined>;
  readonly isControlRecord: boolean;
  readonly batchContext?: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly producerId: string;
    readonly inTransaction: boolean;
  };
}

interface RawPartition {
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { producerId: string; firstOffset: string }[] | null;
  readonly messages: readonly RawMessage[];
}

const READ_COMMITTED = 1;
/** Compressed bytes a fetch; unpacked they are some ten times as many. */
const FETCH_BYTES = 512 * 1024;
const ATTEMPTS = 6;
/** An open transaction ends at its timeout (30 s for hubs) and the broker's sweep (10 s), at the latest. Milliseconds. */
const BLOCKED_LIMIT = 60_000;

function isAbortMarker(message: RawMessage): boolean {
  return message.key !== null && message.key.length >= 4 && message.key.readInt16BE(2) === 0;
}

/** The records of one fetch that belong to committed transactions (or none), from `from` on. */
export function committedOf(fetched: RawPartition, from: number): RawMessage[] {
  const aborted = [...(fetched.abortedTransactions ?? [])]
    .map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }))
    .sort((a, b) => a.first - b.first);
  const open = new Set<string>();
  const committed: RawMessage[] = [];
  let next = 0;
  for (const message of fetched.messages) {
    const offset = Number(message.offset);
    for (let entry = aborted[next]; entry !== undefined && entry.first <= offset; entry = aborted[next]) {
      open.add(entry.producerId);
      next += 1;
    }
    const producer = message.batchContext?.producerId ?? '';
    if (message.isControlRecord) {
      if (isAbortMarker(message)) open.delete(producer);
    } else if (offset >= from && !(message.batchContext?.inTransaction === true && open.has(producer))) {
      committed.push(message);
    }
  }
  return committed;
}

/** The offset to go on at after this fetch. A compacted batch reaches further than its last record. */
function positionAfter(fetched: RawPartition, from: number): number {
  const last = fetched.messages.at(-1);
  if (last === undefined) return from;
  const context = last.batchContext;
  const batchEnd = context === undefined ? 0 : Number(context.firstOffset) + context.lastOffsetDelta;
  return Math.max(from, Number(last.offset) + 1, batchEnd + 1);
}

function contentTypeOf(message: RawMessage): string | undefined {
  const header = message.headers['content-type'];
  return Buffer.isBuffer(header) ? header.toString('utf8') : undefined;
}

/** kafkajs wraps what it has tried several times. */
function isUnknownTopic(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || isUnknownTopic(error.cause);
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSOffsetOutOfRange';
}

export class PartitionReader {
  readonly #cloud: CloudAccess;
  #consumer: Consumer | undefined;
  #cluster: Cluster | undefined;

  constructor(cloud: CloudAccess) {
    this.#cloud = cloud;
  }

  /** Throws HubError CLOUD_UNREACHABLE within 10 s. */
  async start(): Promise<void> {
    this.#consumer = kafkaOf(this.#cloud).consumer({
      groupId: 'store-hub-reader-never-joined',
      allowAutoTopicCreation: false,
      // Only so that `ends` gets true high watermarks: an admin client, like any that is not told otherwise, asks with
      // read_committed and is given the last stable offset, which lies before everything that another hub's open transaction hides.
      readUncommitted: true,
      partitionAssigners: [
        (context) => {
          this.#cluster = context.cluster;
          return kafkajs.PartitionAssigners.roundRobin(context);
        },
      ],
    });
    await connectInTime(this.#cloud, this.#consumer.connect());
  }

  async stop(): Promise<void> {
    await this.#consumer?.disconnect().catch(() => undefined);
  }

  /** Every partition of a topic, ascending. Throws NOT_FOUND when there is no such topic. */
  async ends(topic: string): Promise<PartitionEnds[]> {
    return await this.#persist(topic, async (cluster) => {
      const partitions = cluster
        .findTopicPartitionMetadata(topic)
        .map(({ partitionId }) => ({ partition: partitionId }));
      const offsets = async (fromBeginning: boolean) => {
        const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning }]);
        return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      };
      const high = await offsets(false);
      const low = await offsets(true);
      return partitions
        .map(({ partition }) => ({ partition, low: low.get(partition) ?? 0, high: high.get(partition) ?? 0 }))
        .sort((a, b) => a.partition - b.partition);
    });
  }

  /**
   * Gives every committed record with `from <= offset < to` to `take`, in order, and resolves with the offset where
   * whoever reads on begins: `to`, or less when somebody's open transaction stood in the way for a minute. When head office's retention
   * overtakes it, it says so through `cut` and goes on at the oldest record that is left: all that `take` was given
   * before is deleted by then.
   */
  async read(
    topic: string,
    partition: number,
    from: number,
    to: number,
    take: (record: CommittedRecord) => void,
    cut?: () => void,
  ): Promise<number> {
    let position = from;
    let blockedSince: number | undefined;
    while (position < to) {
      const fetched = await this.#fetch(topic, partition, position);
      if (typeof fetched === 'number') {
        position = fetched;
        cut?.();
        continue;
      }
      for (const message of committedOf(fetched, position)) {
        const offset = Number(message.offset);
        if (offset >= to) break;
        take({
          topic,
          partition,
          offset,
          timestamp: Number(message.timestamp),
          key: message.key?.toString('utf8') ?? null,
          value: message.value,
          contentType: contentTypeOf(message),
        });
      }
      const after = positionAfter(fetched, position);
      if (after > position) {
        position = after;
        blockedSince = undefined;
      } else if (Number(fetched.lastStableOffset) > position) {
        // Compaction keeps empty batches, which kafkajs unpacks to nothing: step over them.
        position += 1;
      } else {
        const now = performance.now();
        blockedSince ??= now;
        if (now - blockedSince > BLOCKED_LIMIT) break;
      }
    }
    // A fetch brings more than was asked for: what came meanwhile was not taken.
    return Math.min(position, Math.max(from, to));
  }

  /** One fetch, or the partition's start when it has moved beyond `position`. */
  async #fetch(topic: string, partition: number, position: number): Promise<RawPartition | number> {
    try {
      return await this.#fetchOnce(topic, partition, position);
    } catch (error) {
      if (!(error instanceof HubError) || !isOutOfRange(error.cause)) throw error;
      const low = (await this.ends(topic)).find((ends) => ends.partition === partition)?.low ?? 0;
      if (low <= position) throw error;
      return low;
    }
  }

  /** From the partition's leader. */
  async #fetchOnce(topic: string, partition: number, position: number): Promise<RawPartition> {
    return await this.#persist(topic, async (cluster) => {
      const nodeId = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0];
      if (nodeId === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`);
      const broker = await cluster.findBroker({ nodeId });
      const answer: { responses: { partitions: RawPartition[] }[] } = await broker.fetch({
        isolationLevel: READ_COMMITTED,
        maxWaitTime: 500,
        minBytes: 1,
        maxBytes: FETCH_BYTES,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(position), maxBytes: FETCH_BYTES }] }],
      });
      const fetched = answer.responses[0]?.partitions[0];
      if (fetched === undefined) throw new Error(`a fetch of ${topic} brought no answer for partition ${partition}`);
      return fetched;
    });
  }

  /** Leaders move and links break: what fails is tried again with fresh metadata, a few times. */
  async #persist<T>(topic: string, work: (cluster: Cluster) => Promise<T>): Promise<T> {
    const cluster = this.#cluster;
    if (cluster === undefined) throw new Error('the reader was not started');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await cluster.addTargetTopic(topic);
        await cluster.refreshMetadataIfNecessary();
        return await work(cluster);
      } catch (error) {
        if (isUnknownTopic(error) && attempt > 1) {
          throw new HubError('NOT_FOUND', `head office has no topic ${topic}: run \`store-hub topics create\``);
        }
        if (isOutOfRange(error) || attempt >= ATTEMPTS) throw cloudError(this.#cloud, error);
        await pause(200 * attempt);
        await cluster.refreshMetadata().catch(() => undefined);
      }
    }
  }
}
