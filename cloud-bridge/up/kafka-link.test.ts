import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';
import { KafkaLink } from './kafka-link.ts';
import { TopicsMissing } from './link-failure.ts';
import { type PackedPart, RecordPacker } from './packed-records.ts';
import { arrived, checkpoints } from './shop.fixture.ts';

const PARTITION = 3;
const logger = pino({ level: 'silent' });

function value(hub: string, streamSequence: number, text = ''): string {
  return JSON.stringify({ id: `${hub}/a/${streamSequence}`, incarnation: 'a', streamsequence: streamSequence, text });
}

async function packed(hub: string, topic: string, values: readonly string[]): Promise<PackedPart[]> {
  const parts: Promise<PackedPart>[] = [];
  let packer = new RecordPacker(topic, hub, 'application/cloudevents+json');
  for (const text of values) {
    if (packer.add(text)) continue;
    parts.push(packer.pack());
    packer = new RecordPacker(topic, hub, 'application/cloudevents+json');
    packer.add(text);
  }
  return Promise.all([...parts, packer.pack()]);
}

describeWithKafka('the link to Kafka', () => {
  let kafka: LocalKafka;
  const links: KafkaLink[] = [];

  function linkOf(hub: string, change: { partition?: number; transactionTimeout?: number } = {}): KafkaLink {
    const options = { hub, partition: PARTITION, brokers: kafka.brokers, access: () => ({}), logger, ...change };
    const link = new KafkaLink(options);
    links.push(link);
    return link;
  }

  beforeAll(async () => {
    kafka = await startKafka();
  });

  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.close()));
  });

  afterAll(async () => {
    await kafka.stop();
  });

  test('says which topics are missing, and what to do', async () => {
    const attempt = linkOf('store-1').fence();
    await expect(attempt).rejects.toThrow(TopicsMissing);
    await expect(attempt).rejects.toThrow(/retail\.items.*store-hub topics create/);
    await createTopics({ brokers: kafka.brokers }, { partitions: 4, replication: 1 });
  });

  test('says that the partition is missing', async () => {
    await expect(linkOf('store-1', { partition: 9 }).fence()).rejects.toThrow(/no partition 9.*cloud\.partition/);
  });

  test('delivers records byte for byte, in order, in several parts, and tells where they lie', async () => {
    const link = linkOf('store-1');
    await link.fence();
    const values = Array.from({ length: 4_500 }, (_, n) =>
      value('store-1', n + 1, `Käse 12 € 🧀 ${'x'.repeat(n % 400)}`),
    );
    const parts = await packed('store-1', 'retail.sales', values);
    expect(parts.length).toBeGreaterThan(2);
    const alert = await packed('store-1', 'retail.alerts', [value('store-1', 1, 'a'.repeat(200_000))]);
    const transaction = await link.begin();
    const sent = await transaction.events([...parts, ...alert]);
    await transaction.checkpoint('{"first":true}');
    await transaction.commit();

    const sales = await arrived(kafka.brokers, 'store-1', 'sales', PARTITION);
    expect(sales.map((event) => event.text)).toEqual(values);
    const offsets = sent.filter((part) => part.topic === 'retail.sales').map((part) => part.offset);
    expect(offsets).toEqual([0, parts[0]?.count, (parts[0]?.count ?? 0) + (parts[1]?.count ?? 0)]);
    expect(await arrived(kafka.brokers, 'store-1', 'alerts', PARTITION)).toHaveLength(1);
  });

  test('reads back the newest committed checkpoint of its own hub only', async () => {
    const mine = linkOf('store-2');
    await mine.fence();
    expect((await mine.readCheckpoint(undefined)).found).toBeUndefined();
    const first = await mine.commitCheckpoint('{"n":1}');
    const second = await mine.commitCheckpoint('{"n":2}');
    const other = linkOf('store-3');
    await other.fence();
    await other.commitCheckpoint('{"n":3}');
    expect(second).toBeGreaterThan(first);
    for (const from of [undefined, first, second, 1_000_000]) {
      expect((await mine.readCheckpoint(from)).found).toEqual({ offset: second, value: '{"n":2}' });
    }
  });

  test('shuts out an older producer of the same hub, and what that left open never appears', async () => {
    const zombie = linkOf('store-4');
    await zombie.fence();
    await zombie.commitCheckpoint('{"n":1}');
    const open = await zombie.begin();
    await open.events(await packed('store-4', 'retail.sales', [value('store-4', 1)]));
    await open.checkpoint('{"n":2}');

    const successor = linkOf('store-4');
    await successor.fence();
    expect((await successor.readCheckpoint(undefined)).found?.value).toBe('{"n":1}');
    await expect(open.commit()).rejects.toThrow();
    await successor.commitCheckpoint('{"n":3}');
    expect(await checkpoints(kafka.brokers, 'store-4', PARTITION)).toEqual(['{"n":1}', '{"n":3}']);
    expect(await arrived(kafka.brokers, 'store-4', 'sales', PARTITION)).toEqual([]);
  });

  test("finds its checkpoint behind another hub's open transaction, once the brokers have ended that", async () => {
    const mine = linkOf('store-5');
    await mine.fence();
    const blocker = linkOf('store-6', { transactionTimeout: 2_000 });
    await blocker.fence();
    const open = await blocker.begin();
    await open.checkpoint('{"never":true}');
    await mine.commitCheckpoint('{"mine":true}');
    expect((await mine.readCheckpoint(undefined)).found?.value).toBe('{"mine":true}');
  });

  test('does not take an aborted checkpoint for a committed one when transactions of two hubs overlap', async () => {
    const mine = linkOf('store-7');
    await mine.fence();
    await mine.commitCheckpoint('{"n":1}');
    const other = linkOf('store-8');
    await other.fence();
    const otherOpen = await other.begin();
    await otherOpen.checkpoint('{"other":1}');
    const mineOpen = await mine.begin();
    await mineOpen.checkpoint('{"n":2}');
    await linkOf('store-8').fence();
    const successor = linkOf('store-7');
    await successor.fence();
    expect((await successor.readCheckpoint(undefined)).found?.value).toBe('{"n":1}');
  });

  test('gives nothing through a closed link', async () => {
    const link = linkOf('store-9');
    await link.fence();
    const transaction = await link.begin();
    await transaction.checkpoint('{"n":1}');
    await link.close();
    await expect(transaction.commit()).rejects.toThrow('closed');
    await expect(link.begin()).rejects.toThrow('closed');
  });
});
