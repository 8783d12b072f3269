/**
 * Head office as the demo sees it: a reader of its own over `retail.*`, committed records only, on a connection that
 * does not go through the link. It notices what came twice.
 */
import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import { STREAMS, topicOf } from '../../edge/contracts/streams.ts';

const recordSchema = z.object({ id: z.string() });

export interface HeadOffice {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ids of the events that it has. */
  readonly records: ReadonlySet<string>;
  /** Ids that came more than once. */
  readonly repeated: readonly string[];
  /** What ended the reader, if anything did. */
  readonly failure: Error | undefined;
}

export function headOffice(brokers: string[]): HeadOffice {
  const records = new Set<string>();
  const repeated: string[] = [];
  let failure: Error | undefined;
  const kafka = new Kafka({ clientId: 'head-office', brokers, logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({
    groupId: `demo-${randomBytes(4).toString('hex')}`,
    readUncommitted: false,
    maxWaitTimeInMs: 250,
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) failure = payload.error;
  });
  const take = (value: Buffer | null): void => {
    const { id } = recordSchema.parse(JSON.parse(value?.toString('utf8') ?? 'null'));
    if (records.has(id)) repeated.push(id);
    records.add(id);
  };
  return {
    records,
    repeated,
    get failure() {
      return failure;
    },
    async start() {
      await consumer.connect();
      await consumer.subscribe({ topics: STREAMS.map(topicOf), fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => take(message.value),
      });
    },
    async stop() {
      await consumer.disconnect();
    },
  };
}
