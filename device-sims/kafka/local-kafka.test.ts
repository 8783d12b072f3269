import { existsSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithKafka } from '../harness/need-kafka.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { type LocalKafka, startKafka } from './local-kafka.ts';

function client(brokers: string[]): Kafka {
  return new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 2, initialRetryTime: 100 },
  });
}

async function send(brokers: string[], value: string): Promise<void> {
  const producer = client(brokers).producer({ allowAutoTopicCreation: false });
  try {
    await producer.connect();
    await producer.send({ topic: 'facts', messages: [{ value }] });
  } finally {
    await producer.disconnect();
  }
}

async function highWatermark(brokers: string[]): Promise<number> {
  const admin = client(brokers).admin();
  try {
    await admin.connect();
    const [partition] = await admin.fetchTopicOffsets('facts');
    return Number(partition?.high);
  } finally {
    await admin.disconnect();
  }
}

describeWithKafka('a local Kafka', () => {
  let kafka: LocalKafka;
  let pids: (number | undefined)[];

  beforeAll(async () => {
    kafka = await startKafka({ link: true });
    pids = kafka.nodes.map((node) => node.pid);
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'facts', numPartitions: 1, replicationFactor: 1 }] });
    await admin.disconnect();
  });

  afterAll(async () => {
    await kafka.stop();
  });

  test('takes records, directly and through its link', async () => {
    await send(kafka.brokers, 'one');
    await send(kafka.linkBrokers, 'two');
    expect(await highWatermark(kafka.brokers)).toBe(2);
  });

  test('is out of reach through a cut link, and in reach directly, until healed', async () => {
    for (const link of kafka.links) link.cut();
    await expect(send(kafka.linkBrokers, 'lost')).rejects.toThrow();
    await send(kafka.brokers, 'three');
    for (const link of kafka.links) link.heal();
    await send(kafka.linkBrokers, 'four');
    expect(await highWatermark(kafka.brokers)).toBe(4);
  });

  test('has its records after kill -9 and restart, on the same addresses', async () => {
    await kafka.kill();
    await expect(send(kafka.brokers, 'nobody there')).rejects.toThrow();
    await kafka.restart();
    expect(await highWatermark(kafka.brokers)).toBe(4);
    await send(kafka.linkBrokers, 'five');
    expect(await highWatermark(kafka.brokers)).toBe(5);
  });

  test('commits a transaction', async () => {
    const producer = client(kafka.linkBrokers).producer({ transactionalId: 'store-0042', maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: 'facts', messages: [{ value: 'six' }] });
    await transaction.commit();
    await producer.disconnect();
    // The record and the marker of its commit.
    await waitUntil('the marker', async () => (await highWatermark(kafka.brokers)) === 7);
  });

  test('leaves no process and no file when stopped', async () => {
    await kafka.stop();
    expect(pids.every((pid) => pid !== undefined && !existsSync(`/proc/${pid}`))).toBe(true);
    expect(existsSync(kafka.dir)).toBe(false);
  });
});
