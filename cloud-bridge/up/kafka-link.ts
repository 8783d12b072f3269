/**
 * The narrow seam to head office's Kafka, behind which kafkajs could be exchanged: fence, read the checkpoint, and
 * transactions. What kafkajs gets wrong is made good here and nowhere else:
 *
 * - `send` may lose a partition's records and still resolve: each send is one topic-partition, and its answer is
 *   checked for that partition.
 * - After any failure the producer's sequences cannot be trusted: whoever catches an error from here closes this link
 *   and fences with a new one. A link is never reconnected.
 * - Retries inside are few; the caller owns retrying.
 */
import kafkajs, { type Admin, type Kafka, type Producer, type Transaction } from 'kafkajs';
import type { Logger } from 'pino';
import { messageOf } from '../../edge/contracts/errors.ts';
import { CHECKPOINT_TOPIC, STREAMS, topicOf } from '../../edge/contracts/streams.ts';
import './broker-choice.ts';
import type { KafkaAccess } from './kafka-access.ts';
import { type KeyedResult, readNewest } from './keyed-reader.ts';
import { during, LinkFailure, TopicsMissing } from './link-failure.ts';
import type { PackedPart } from './packed-records.ts';
import { Sockets } from './sockets.ts';
import { ALREADY_GZIPPED, standInMessages } from './stand-in-messages.ts';
import { assertReadable } from './topic-compression.ts';

export interface LinkOptions {
  readonly hub: string;
  readonly partition: number;
  readonly brokers: readonly string[];
  /** Asked for at each fence, so that a changed certificate or password is taken up. */
  readonly access: () => KafkaAccess;
  readonly logger: Logger;
  /** Takes what the client library itself says, at debug; default `logger`. */
  readonly clientLogger?: Logger;
  /** After this the brokers abort an open transaction, ms. Default 30,000. */
  readonly transactionTimeout?: number;
}

/** Where a sent part lies: its first offset. */
export interface SentPart {
  readonly topic: string;
  readonly count: number;
  readonly offset: number;
}

export interface LinkTransaction {
  /** Sends parts: different topics side by side, parts of one topic in order. */
  events(parts: readonly PackedPart[]): Promise<SentPart[]>;
  /** Sends the checkpoint; returns its offset. */
  checkpoint(value: string): Promise<number>;
  commit(): Promise<void>;
}

const DEFAULT_TRANSACTION_TIMEOUT = 30_000;
/** Another hub's open transaction hides the end of the partition until the brokers abort it, ms. */
const READ_DEADLINE = 60_000;

export class KafkaLink {
  readonly #options: LinkOptions;
  readonly #transactionTimeout: number;
  /** How long an answer may take to begin, ms. */
  readonly #stall: number;
  readonly #sockets: Sockets;
  #kafka: Kafka | undefined;
  #producer: Producer | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#transactionTimeout = options.transactionTimeout ?? DEFAULT_TRANSACTION_TIMEOUT;
    this.#stall = Math.max(2_000, Math.min(12_000, this.#transactionTimeout / 2));
    this.#sockets = new Sockets(this.#stall);
  }

  /** How long one transaction may take from first send to commit, ms: well before the brokers would abort it. */
  get attemptDeadline(): number {
    return Math.floor(this.#transactionTimeout * 0.8);
  }

  /**
   * Takes over the transactional id: every older producer of this hub is shut out, and what it left open is resolved
   * before this returns. Throws TopicsMissing.
   */
  async fence(): Promise<void> {
    const { hub, brokers, access, logger, clientLogger = logger } = this.#options;
    const kafka = new kafkajs.Kafka({
      clientId: `store-hub-${hub}`,
      brokers: [...brokers],
      ...access(),
      connectionTimeout: Math.min(10_000, this.#stall),
      authenticationTimeout: 15_000,
      requestTimeout: 15_000,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 2_000 },
      socketFactory: (request) => this.#sockets.open(request),
      logLevel: clientLogger.isLevelEnabled('debug') ? kafkajs.logLevel.DEBUG : kafkajs.logLevel.NOTHING,
      // kafkajs calls every ordinary retry an error, so all it says is for debugging.
      logCreator: () => (entry) => clientLogger.debug({ namespace: entry.namespace, ...entry.log }, entry.log.message),
    });
    this.#kafka = kafka;
    await during(
      { during: 'connecting' },
      this.#withAdmin((admin) => this.#assertTopics(admin)),
    );
    const producer = kafka.producer({
      transactionalId: hub,
      maxInFlightRequests: 1,
      transactionTimeout: this.#transactionTimeout,
      allowAutoTopicCreation: false,
      createPartitioner: () => () => this.#options.partition,
      // The first retry is soon: right after a commit the brokers are often still writing its markers.
      retry: { retries: 10, initialRetryTime: 4, maxRetryTime: 1_000 },
    });
    this.#producer = producer;
    await during({ during: 'connecting' }, producer.connect());
    // The first transaction of a producer fences. It is empty, so ending it sends nothing.
    const empty = await during({ during: 'fencing' }, producer.transaction());
    await empty.abort();
  }

  /** The newest checkpoint of this hub, looked for from `from` on (absent: from the earliest). Only after `fence`. */
  async readCheckpoint(from: number | undefined): Promise<KeyedResult> {
    const reading = readNewest(this.#client(), {
      topic: CHECKPOINT_TOPIC,
      partition: this.#options.partition,
      key: this.#options.hub,
      from,
      deadline: READ_DEADLINE,
    });
    return await during({ during: 'reading', topic: CHECKPOINT_TOPIC }, reading);
  }

  /** Opens a transaction. The link must be closed if anything of it throws. */
  async begin(): Promise<LinkTransaction> {
    if (!this.#producer || this.#closed) throw new Error('the link is closed');
    const transaction = await this.#producer.transaction();
    return {
      events: async (parts) => {
        const topics = [...new Set(parts.map((part) => part.topic))];
        const sent = await Promise.all(
          topics.map((topic) =>
            this.#sendInOrder(
              transaction,
              parts.filter((part) => part.topic === topic),
            ),
          ),
        );
        return sent.flat();
      },
      checkpoint: (value) => this.#sendCheckpoint(transaction, value),
      commit: async () => {
        // A late continuation of a given-up attempt must not commit behind its successor's back.
        if (this.#closed) throw new Error('the link is closed');
        await during({ during: 'committing' }, transaction.commit());
      },
    };
  }

  /** Commits a transaction of nothing but a checkpoint; returns its offset. An operator's resume does this. */
  async commitCheckpoint(value: string): Promise<number> {
    const transaction = await this.begin();
    const offset = await transaction.checkpoint(value);
    await transaction.commit();
    return offset;
  }

  /** Ends the connection at once. What is under way fails; nothing of it can be committed any more from here. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sockets.closeAll();
    await this.#producer?.disconnect().catch(() => undefined);
    this.#producer = undefined;
  }

  async #sendInOrder(transaction: Transaction, parts: readonly PackedPart[]): Promise<SentPart[]> {
    const sent: SentPart[] = [];
    for (const part of parts) {
      const messages = standInMessages(part, this.#options.partition);
      const sending = transaction.send({ topic: part.topic, messages, compression: ALREADY_GZIPPED });
      const answer = await during({ during: 'sending', topic: part.topic, part }, sending);
      sent.push({ topic: part.topic, count: part.count, offset: this.#offsetIn(answer, part.topic) });
    }
    return sent;
  }

  async #sendCheckpoint(transaction: Transaction, value: string): Promise<number> {
    const { hub, partition } = this.#options;
    const message = { key: hub, value, partition, headers: { 'content-type': 'application/json' } };
    const sending = transaction.send({
      topic: CHECKPOINT_TOPIC,
      messages: [message],
      compression: kafkajs.CompressionTypes.GZIP,
    });
    const answer = await during({ during: 'sending', topic: CHECKPOINT_TOPIC }, sending);
    return this.#offsetIn(answer, CHECKPOINT_TOPIC);
  }

  /** The first offset that a send got in our partition; an answer without it is a loss. */
  #offsetIn(answer: readonly kafkajs.RecordMetadata[], topic: string): number {
    const entry = answer.find((one) => one.topicName === topic && one.partition === this.#options.partition);
    if (entry?.errorCode !== 0 || entry.baseOffset === undefined) {
      throw new Error(`no broker confirmed the records of ${topic}`);
    }
    return Number(entry.baseOffset);
  }

  async #assertTopics(admin: Admin): Promise<void> {
    const wanted = [...STREAMS.map(topicOf), CHECKPOINT_TOPIC];
    const { topics } = await admin.fetchTopicMetadata({ topics: wanted }).catch(async (error: unknown) => {
      const present = new Set(await admin.listTopics());
      const missing = wanted.filter((topic) => !present.has(topic));
      if (missing.length === 0) throw error;
      // What this hub may not see is not listed either.
      if (/not authorized/i.test(messageOf(error))) {
        throw new LinkFailure({ during: 'connecting', topic: missing.join(', ') }, error);
      }
      throw new TopicsMissing(`head office has no topic ${missing.join(', ')}: run \`store-hub topics create\``);
    });
    await assertReadable(admin);
    const { partition } = this.#options;
    const narrow = topics.filter((topic) => !topic.partitions.some((one) => one.partitionId === partition));
    if (narrow.length === 0) return;
    const names = narrow.map((topic) => topic.name).join(', ');
    throw new TopicsMissing(
      `${names} at head office has no partition ${partition}: compare \`cloud.partition\` with \`store-hub topics check\``,
    );
  }

  async #withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#client().admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      admin.disconnect().catch(() => undefined);
    }
  }

  #client(): Kafka {
    if (!this.#kafka || this.#closed) throw new Error('the link is closed');
    return this.#kafka;
  }
}
