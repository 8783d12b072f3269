/**
 * `verify`: reads what head office really has, committed records only, and proves it complete and free of duplicates.
 * One pass; checkpoints before, events, checkpoints after (completeness.ts says why).
 */
import { CHECKPOINT_TOPIC, STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { Completeness, type VerifyReport } from './completeness.ts';
import type { CloudAccess } from './kafka-client.ts';
import { type CommittedRecord, type PartitionEnds, PartitionReader } from './partition-reader.ts';

export interface VerifyOptions {
  /** Only this hub; without it every hub that head office knows. */
  readonly hub?: string | undefined;
  /** Only this partition number; without it every one (of one hub: those where its checkpoints lie). */
  readonly partition?: number | undefined;
}

/** The checkpoints of one partition, read as far as `position`. */
interface CheckpointTail {
  readonly partition: number;
  position: number;
}

class Verification {
  readonly #reader: PartitionReader;
  readonly #options: VerifyOptions;
  readonly #proof = new Completeness();
  /** In which partitions a hub has checkpoints. */
  readonly #homes = new Map<string, Set<number>>();
  readonly #truncated = new Set<string>();

  constructor(reader: PartitionReader, options: VerifyOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  async run(): Promise<VerifyReport> {
    const { hub, partition } = this.#options;
    const tails: CheckpointTail[] = (await this.#reader.ends(CHECKPOINT_TOPIC))
      .filter((ends) => partition === undefined || ends.partition === partition)
      .map((ends) => ({ partition: ends.partition, position: ends.low }));
    await this.#checkpoints('before', tails);
    const homes = hub === undefined ? undefined : this.#homes.get(hub);
    if (hub !== undefined && homes === undefined) this.#proof.fault(`Head office has no checkpoint of ${hub}.`);
    for (const stream of STREAMS) {
      for (const ends of await this.#reader.ends(topicOf(stream))) {
        if (partition !== undefined && ends.partition !== partition) continue;
        if (ends.low > 0) this.#truncated.add(`${stream}/${ends.partition}`);
        if (homes === undefined || homes.has(ends.partition)) await this.#events(stream, ends);
      }
    }
    await this.#checkpoints('after', tails);
    return this.#proof.report((of, stream) =>
      [...(this.#homes.get(of) ?? [])].some((home) => this.#truncated.has(`${stream}/${home}`)),
    );
  }

  async #checkpoints(when: 'before' | 'after', tails: readonly CheckpointTail[]): Promise<void> {
    const ends = new Map((await this.#reader.ends(CHECKPOINT_TOPIC)).map((end) => [end.partition, end.high]));
    for (const tail of tails) {
      const newest = new Map<string, { text: string; offset: number }>();
      const { partition } = tail;
      tail.position = await this.#read(
        CHECKPOINT_TOPIC,
        partition,
        tail.position,
        ends.get(partition) ?? 0,
        (record) => {
          if (record.key === null || (this.#options.hub !== undefined && record.key !== this.#options.hub)) return;
          if (record.value === null) newest.delete(record.key);
          else newest.set(record.key, { text: record.value.toString('utf8'), offset: record.offset });
        },
      );
      for (const [hub, { text, offset }] of newest) this.#checkpoint(when, hub, text, partition, offset);
    }
  }

  #checkpoint(when: 'before' | 'after', hub: string, text: string, partition: number, offset: number): void {
    const checkpoint = parseCheckpoint(text);
    const place = `${CHECKPOINT_TOPIC} partition ${partition} offset ${offset}`;
    if (typeof checkpoint === 'string') {
      this.#proof.fault(`The record in ${place} ${checkpoint}.`);
    } else if (checkpoint.hub !== hub) {
      this.#proof.fault(`The checkpoint in ${place} names hub ${checkpoint.hub}, its key is ${hub}.`);
    } else {
      this.#proof.checkpoint(when, checkpoint);
      const homes = this.#homes.get(hub) ?? new Set<number>();
      this.#homes.set(hub, homes.add(partition));
    }
  }

  async #events(stream: Stream, ends: PartitionEnds): Promise<void> {
    const { partition } = ends;
    const cut = (): void => {
      this.#truncated.add(`${stream}/${partition}`);
      this.#proof.cut(stream, partition);
    };
    const take = (record: CommittedRecord): void => {
      if (this.#options.hub !== undefined && record.key !== this.#options.hub) return;
      this.#proof.event({
        stream,
        partition: record.partition,
        offset: record.offset,
        key: record.key,
        value: record.value?.toString('utf8') ?? null,
        contentType: record.contentType,
      });
    };
    await this.#read(topicOf(stream), partition, ends.low, ends.high, take, cut);
  }

  async #read(...[topic, partition, from, to, take, cut]: Parameters<PartitionReader['read']>): Promise<number> {
    const reached = await this.#reader.read(topic, partition, from, to, take, cut);
    if (reached < to) {
      this.#proof.fault(
        `An open transaction blocks ${topic} partition ${partition} at offset ${reached}: try again later.`,
      );
    }
    return reached;
  }
}

/**
 * Proves head office's streams, `VerifyReport.ok` says with what result. Throws HubError CLOUD_UNREACHABLE when Kafka
 * does not answer, NOT_FOUND when a topic is missing.
 */
export async function verify(cloud: CloudAccess, options: VerifyOptions = {}): Promise<VerifyReport> {
  const reader = new PartitionReader(cloud);
  try {
    await reader.start();
    return await new Verification(reader, options).run();
  } finally {
    await reader.stop();
  }
}
