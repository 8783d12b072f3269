/**
 * Reads the newest record of one key in one partition, committed records only.
 *
 * The reading goes up to the high watermark of its beginning, which means that the position has reached it: the last
 * offset is normally the marker of a transaction, which is no record. It asks for the true high watermark: what
 * kafkajs' admin gives is the last stable offset, and another hub's open transaction would hide our record behind it.
 *
 * No consumer group is joined (a killed predecessor could make the next member wait): kafkajs hands its cluster to
 * partition assigners, and one can fetch with it. Which records are committed is judged by head office's reader,
 * because kafkajs' own filter errs when transactions of two hubs overlap in a partition.
 */
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { type Cluster, type Kafka } from 'kafkajs';
import { committedOf } from '../hq/partition-reader.ts';

export interface KeyedReading {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** Where its newest record was once; absent: nowhere. Ignored when the partition does not reach from there. */
  readonly from: number | undefined;
  /** Milliseconds. */
  readonly deadline: number;
}

export interface KeyedResult {
  /** First and next offset of the partition. */
  readonly low: number;
  readonly high: number;
  readonly found: { readonly offset: number; readonly value: string } | undefined;
}

type Fetched = Parameters<typeof committedOf>[0];

const READ_COMMITTED = 1;
const FETCH_BYTES = 512 * 1024;

/** Throws when the deadline passes: another hub's transaction may still be open in this partition. */
export async function readNewest(kafka: Kafka, reading: KeyedReading): Promise<KeyedResult> {
  let cluster: Cluster | undefined;
  const consumer = kafka.consumer({
    groupId: 'store-hub-reader-never-joined',
    allowAutoTopicCreation: false,
    // For the watermarks; each fetch asks for committed records itself.
    readUncommitted: true,
    partitionAssigners: [
      (context) => {
        cluster = context.cluster;
        return kafkajs.PartitionAssigners.roundRobin(context);
      },
    ],
  });
  try {
    await consumer.connect();
    if (!cluster) throw new Error('kafkajs did not hand out its cluster');
    await cluster.addTargetTopic(reading.topic);
    await cluster.refreshMetadataIfNecessary();
    const high = await watermark(cluster, reading, false);
    const low = await watermark(cluster, reading, true);
    const { from } = reading;
    const start = from === undefined || from < low || from >= high ? low : from;
    return { low, high, found: await follow(cluster, reading, start, high) };
  } finally {
    consumer.disconnect().catch(() => undefined);
  }
}

async function watermark(cluster: Cluster, { topic, partition }: KeyedReading, first: boolean): Promise<number> {
  const request = { topic, partitions: [{ partition }], fromBeginning: first };
  const [answer] = await cluster.fetchTopicsOffset([request]);
  const offset = answer?.partitions.find((one) => one.partition === partition)?.offset;
  if (offset === undefined) throw new Error(`no broker knows the offsets of ${topic}`);
  return Number(offset);
}

async function follow(
  cluster: Cluster,
  reading: KeyedReading,
  from: number,
  to: number,
): Promise<KeyedResult['found']> {
  const begun = performance.now();
  let found: KeyedResult['found'];
  let position = from;
  while (position < to) {
    const fetched = await fetchOnce(cluster, reading, position);
    for (const { key, offset, value } of committedOf(fetched, position)) {
      if (Number(offset) >= to || key?.toString('utf8') !== reading.key) continue;
      found = value === null ? undefined : { offset: Number(offset), value: value.toString('utf8') };
    }
    const after = positionAfter(fetched, position);
    if (after > position) position = after;
    // Compaction keeps empty batches, which kafkajs unpacks to nothing: step over them.
    else if (Number(fetched.lastStableOffset) > position) position += 1;
    else if (performance.now() - begun > reading.deadline) {
      const seconds = Math.round(reading.deadline / 1000);
      throw new Error(`somebody's open transaction hid the end of ${reading.topic} for ${seconds} s`);
    } else await pause(100);
  }
  return found;
}

function positionAfter(fetched: Fetched, position: number): number {
  const last = fetched.messages.at(-1);
  if (!last) return position;
  const batch = last.batchContext;
  const batchEnd = batch ? Number(batch.firstOffset) + batch.lastOffsetDelta : 0;
  return Math.max(position, Number(last.offset) + 1, batchEnd + 1);
}

async function fetchOnce(cluster: Cluster, reading: KeyedReading, position: number): Promise<Fetched> {
  const { topic, partition } = reading;
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  if (nodeId === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`);
  const broker = await cluster.findBroker({ nodeId });
  const answer: { responses: { partitions: Fetched[] }[] } = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: 200,
    minBytes: 1,
    maxBytes: FETCH_BYTES,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(position), maxBytes: FETCH_BYTES }] }],
  });
  const fetched = answer.responses[0]?.partitions[0];
  if (!fetched) throw new Error(`a fetch of ${topic} brought no answer for partition ${partition}`);
  return fetched;
}
