/**
 * Head office as the demo sees it: a reader of its own over `retail.*`, committed records only, on a connection that
 * does not go through the link. It remembers where each event lies, and notices what came twice.
 */
import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import { STREAMS, topicOf } from '../../edge/contracts/streams.ts';

const recordSchema = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  data: z.object({ readingId: z.string().optional() }).loose(),
});

export interface HeadOfficeRecord {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly readingId: string | undefined;
  /** `retail.sales, partition 7, offset 12`. */
  readonly place: string;
}

export interface HeadOffice {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** By event id. */
  readonly records: ReadonlyMap<string, HeadOfficeRecord>;
  /** Ids that came more than once. */
  readonly repeated: readonly string[];
  /** What ended the reader, if anything did. */
  readonly failure: Error | undefined;
}

export function headOffice(brokers: string[], heard: (record: HeadOfficeRecord) => void): HeadOffice {
  const records = new Map<string, HeadOfficeRecord>();
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
  const take = (topic: string, partition: number, offset: string, value: Buffer | null): void => {
    const { id, type, subject, data } = recordSchema.parse(JSON.parse(value?.toString('utf8') ?? 'null'));
    if (records.has(id)) repeated.push(id);
    const place = `${topic}, partition ${partition}, offset ${offset}`;
    const record = { id, type, subject, readingId: data.readingId, place };
    records.set(id, record);
    heard(record);
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
        eachMessage: async ({ topic, partition, message }) => take(topic, partition, message.offset, message.value),
      });
    },
    async stop() {
      await consumer.disconnect();
    },
  };
}
