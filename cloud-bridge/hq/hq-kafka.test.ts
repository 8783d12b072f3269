/** Topics and verification on a real broker. */
import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { CLOUDEVENT_CONTENT_TYPE, cloudEventText } from '../../edge/contracts/envelope.ts';
import { CHECKPOINT_TOPIC, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { kafkaOf } from './kafka-client.ts';
import { type CommittedRecord, PartitionReader } from './partition-reader.ts';
import { ALL_TOPICS } from './topic-plan.ts';
import { checkTopics, createTopics, wantedReplication } from './topics.ts';
import { verify } from './verify.ts';

const INCARNATION = '1m7w2y7m0v7f3';

describeWithKafka("head office's Kafka", () => {
  let kafka: LocalKafka;
  let client: Kafka;
  const cloud = () => ({ brokers: kafka.brokers });

  beforeAll(async () => {
    kafka = await startKafka();
    client = kafkaOf(cloud());
  });
  afterAll(async () => {
    await kafka.stop();
  });

  async function deleteTopics(): Promise<void> {
    const admin = client.admin();
    await admin.connect();
    const left = async () => (await admin.listTopics()).filter((topic) => ALL_TOPICS.includes(topic));
    await waitUntil('the topics to be gone', async () => {
      const topics = await left();
      if (topics.length > 0) await admin.deleteTopics({ topics }).catch(() => undefined);
      return topics.length === 0;
    });
    await admin.disconnect();
  }

  async function alter(topic: string, settings: Record<string, string>): Promise<void> {
    const admin = client.admin();
    await admin.connect();
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    });
    await admin.disconnect();
  }

  describe('topics', () => {
    test.each([
      ['a broker of three is down', 3, 2, 3],
      ['there are fewer copies than brokers would allow', 1, 3, 3],
      ['there is one broker', 1, 1, 1],
      ['somebody wanted five', 5, 7, 5],
    ])('must have enough copies: %s', (_, model, liveBrokers, wanted) => {
      expect(wantedReplication(model, liveBrokers)).toBe(wanted);
    });

    beforeEach(deleteTopics);

    test('are all missing at first, then created as they must be, then left alone', async () => {
      expect(await checkTopics(cloud())).toEqual(
        ALL_TOPICS.map((topic) => ({ topic, key: 'topic', is: 'missing', want: 'present' })),
      );
      const plan = { partitions: 8, replication: 1 };
      expect(await createTopics(cloud(), plan)).toEqual({ created: ALL_TOPICS, existing: [] });
      expect(await checkTopics(cloud(), plan)).toEqual([]);
      expect(await checkTopics(cloud())).toEqual([]);
      expect(await createTopics(cloud(), plan)).toEqual({ created: [], existing: ALL_TOPICS });
    });

    test('need as many brokers as copies', async () => {
      await expect(createTopics(cloud())).rejects.toMatchObject({
        code: 'WRONG_USE',
        message: expect.stringContaining('--replication 1'),
      });
    });

    test('that somebody made or changed otherwise are named, setting by setting', async () => {
      const admin = client.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'retail.sales', numPartitions: 2, replicationFactor: 1 }] });
      await admin.disconnect();
      await createTopics(cloud(), { partitions: 8, replication: 1 });
      await alter('retail.sales', {
        'retention.ms': '-1',
        'compression.type': 'zstd',
      });
      await waitUntil('the change to arrive', async () => (await checkTopics(cloud())).some(({ is }) => is === 'zstd'));
      const found = await checkTopics({ ...cloud(), partition: 7 });
      expect(found).toContainEqual({ topic: 'retail.sales', key: 'partitions', is: '2', want: '8' });
      expect(found).toContainEqual({ topic: 'retail.sales', key: 'compression.type', is: 'zstd', want: 'gzip' });
      expect(found).toContainEqual(expect.objectContaining({ want: expect.stringContaining('cloud.partition') }));
      // Sales are kept for ever, so what explains their gaps must be, too.
      expect(found).toContainEqual(
        expect.objectContaining({ topic: 'retail.devices', key: 'retention.ms', want: '-1' }),
      );
      expect(found.filter(({ topic }) => topic !== 'retail.sales' && topic !== 'retail.devices')).toEqual([]);
    });
  });

  describe('verify', () => {
    let producer: Producer;
    let sequence: number;

    beforeEach(async () => {
      sequence = 0;
      await deleteTopics();
      await createTopics(cloud(), { partitions: 4, replication: 1 });
      producer = await transactional('store-0042');
    });

    async function transactional(hub: string): Promise<Producer> {
      const made = client.producer({ transactionalId: hub, maxInFlightRequests: 1, transactionTimeout: 5_000 });
      await made.connect();
      return made;
    }

    function sales(hub: string, from: number, to: number): string[] {
      const texts: string[] = [];
      for (let streamSequence = from; streamSequence <= to; streamSequence += 1) {
        sequence += 1;
        texts.push(
          cloudEventText(hub, {
            stream: 'sales',
            incarnation: INCARNATION,
            sequence,
            streamSequence,
            type: 'retail.sales.sold.v1',
            source: 'till-1',
            subject: `till-1/${streamSequence}`,
            time: 1_795_000_000_000,
            received: 1_795_000_000_000,
            quality: 'ok',
            history: false,
            data: '{}',
          }),
        );
      }
      return texts;
    }

    function checkpointText(hub: string, last: Partial<Record<Stream, number>>): string {
      const streams = Object.fromEntries(
        Object.entries(last).map(([stream, value]) => [stream, { last: String(value).padStart(16, '0'), dropped: [] }]),
      );
      const batch = '00'.repeat(16);
      return JSON.stringify({
        hub,
        incarnation: INCARNATION,
        batch,
        time: new Date().toISOString(),
        streams,
        closed: [],
      });
    }

    async function transaction(
      by: Producer,
      hub: string,
      parts: readonly { topic: string; values: string[] }[],
      end: 'commit' | 'abort' | 'leave open' = 'commit',
      partition = 1,
    ): Promise<void> {
      const running = await by.transaction();
      for (const { topic, values } of parts) {
        const headers = { 'content-type': CLOUDEVENT_CONTENT_TYPE };
        const messages = values.map((value) => ({ key: hub, value, partition, headers }));
        await running.send({ topic, messages, compression: kafkajs.CompressionTypes.GZIP });
      }
      if (end === 'commit') await running.commit();
      if (end === 'abort') await running.abort();
    }

    const batch = (hub: string, from: number, to: number, last = to) => [
      { topic: topicOf('sales'), values: sales(hub, from, to) },
      { topic: CHECKPOINT_TOPIC, values: [checkpointText(hub, { sales: last })] },
    ];

    test('has nothing against empty topics, but misses a hub that it is asked for', async () => {
      expect(await verify(cloud())).toEqual({ ok: true, hubs: [], records: 0, faults: 0 });
      expect(await verify(cloud(), { hub: 'store-0042' })).toMatchObject({
        ok: false,
        fault: 'Head office has no checkpoint of store-0042.',
      });
    });

    test('sees what was committed, past aborted transactions and markers, and leaves no group behind', async () => {
      await transaction(producer, 'store-0042', batch('store-0042', 1, 10));
      const before = sequence;
      await transaction(producer, 'store-0042', batch('store-0042', 11, 20), 'abort');
      sequence = before;
      await transaction(producer, 'store-0042', batch('store-0042', 11, 25));
      const report = await verify(cloud());
      expect(report.fault).toBeUndefined();
      expect(report).toMatchObject({ ok: true, records: 25 });
      expect(report.hubs[0]?.streams.sales).toEqual({
        first: 1,
        last: 25,
        checkpoint: 25,
        dropped: 0,
        gaps: 0,
        duplicates: 0,
      });
      const admin = client.admin();
      await admin.connect();
      expect((await admin.listGroups()).groups).toEqual([]);
      await admin.disconnect();
    });

    test('tells overlapping aborted transactions of two hubs in one partition from committed ones', async () => {
      const other = await transactional('store-0007');
      const first = await producer.transaction();
      const second = await other.transaction();
      const send = (running: typeof first, hub: string, value: string) =>
        running.send({ topic: topicOf('sales'), messages: [{ key: hub, value, partition: 1 }] });
      await send(first, 'store-0042', 'never');
      await send(second, 'store-0007', 'never');
      await send(first, 'store-0042', 'never');
      await send(second, 'store-0007', 'never');
      await second.abort();
      await first.abort();
      await transaction(other, 'store-0007', batch('store-0007', 1, 3));
      await transaction(producer, 'store-0042', batch('store-0042', 1, 2));
      expect(await verify(cloud())).toMatchObject({ ok: true, records: 5 });
      expect(await verify(cloud(), { hub: 'store-0007' })).toMatchObject({ ok: true, records: 3 });
      expect(await verify(cloud(), { partition: 0 })).toMatchObject({ ok: true, records: 0, hubs: [] });
      await other.disconnect();
    });

    test('finds a duplicate, a gap and a checkpoint without its events', async () => {
      await transaction(producer, 'store-0042', batch('store-0042', 1, 5));
      await transaction(producer, 'store-0042', batch('store-0042', 5, 6));
      expect((await verify(cloud())).fault).toContain('Event 5 of store-0042');
      await transaction(producer, 'store-0042', batch('store-0042', 9, 9));
      expect((await verify(cloud())).hubs[0]?.streams.sales).toMatchObject({ duplicates: 1, gaps: 2 });
      const hub = 'store-0007';
      const other = await transactional(hub);
      await transaction(other, hub, [{ topic: CHECKPOINT_TOPIC, values: [checkpointText(hub, { sales: 4 })] }]);
      await other.disconnect();
      expect(await verify(cloud(), { hub })).toMatchObject({ ok: false, hubs: [{ streams: { sales: { gaps: 4 } } }] });
    });

    test('waits for an open transaction to end instead of taking its events for a lost tail', async () => {
      await transaction(producer, 'store-0042', batch('store-0042', 1, 3));
      const other = await transactional('store-0007');
      await transaction(other, 'store-0007', batch('store-0007', 1, 2), 'leave open');
      await transaction(producer, 'store-0042', batch('store-0042', 4, 6));
      const report = await verify(cloud());
      expect(report.fault).toBeUndefined();
      expect(report.hubs).toMatchObject([{ hub: 'store-0042', streams: { sales: { last: 6, checkpoint: 6 } } }]);
      await other.disconnect().catch(() => undefined);
    });

    test('begins again where it stopped, although a fetch brought more', async () => {
      await transaction(producer, 'store-0042', batch('store-0042', 1, 6));
      const reader = new PartitionReader(cloud());
      await reader.start();
      const offsets: number[] = [];
      const take = ({ offset }: CommittedRecord) => offsets.push(offset);
      const reached = await reader.read(topicOf('sales'), 1, 0, 2, take);
      expect(reached).toBe(2);
      await reader.read(topicOf('sales'), 1, reached, 6, take);
      expect(offsets).toEqual([0, 1, 2, 3, 4, 5]);
      await reader.stop();
    });

    test('reads on at what is left when retention overtakes it', async () => {
      await transaction(producer, 'store-0042', batch('store-0042', 1, 10));
      await transaction(producer, 'store-0042', batch('store-0042', 11, 20));
      await waitUntil('the records to be deleted', async () => {
        const admin = client.admin();
        await admin.connect();
        try {
          // kafkajs deletes only in topics that it has heard of; the brokers may still be settling who leads this one.
          await admin.fetchTopicOffsets(topicOf('sales'));
          await admin.deleteTopicRecords({ topic: topicOf('sales'), partitions: [{ partition: 1, offset: '5' }] });
          return true;
        } catch {
          return false;
        } finally {
          await admin.disconnect();
        }
      });
      const reader = new PartitionReader(cloud());
      await reader.start();
      const offsets: number[] = [];
      let cuts = 0;
      const cut = () => {
        cuts += 1;
      };
      const take = ({ offset }: CommittedRecord) => offsets.push(offset);
      // Ten records and the marker of each transaction.
      expect(await reader.read(topicOf('sales'), 1, 2, 22, take, cut)).toBe(22);
      expect({ cuts, first: offsets[0], last: offsets.at(-1), count: offsets.length }).toEqual({
        cuts: 1,
        first: 5,
        last: 20,
        count: 15,
      });
      // Beyond the end is not what retention does.
      await expect(reader.read(topicOf('sales'), 1, 500, 501, take, cut)).rejects.toMatchObject({
        code: 'CLOUD_UNREACHABLE',
      });
      await reader.stop();
      expect(await verify(cloud())).toMatchObject({ ok: true, records: 15 });
    });

    test('reads on past compacted checkpoints', async () => {
      await alter(CHECKPOINT_TOPIC, {
        'cleanup.policy': 'compact',
        'segment.ms': '200',
        'max.compaction.lag.ms': '100',
        'min.cleanable.dirty.ratio': '0.01',
      });
      for (let round = 0; round < 6; round += 1) {
        await transaction(producer, 'store-0042', batch('store-0042', round * 2 + 1, round * 2 + 2));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect(await verify(cloud())).toMatchObject({ ok: true, records: 12 });
    });
  });

  test('names a topic that is missing, and a Kafka that is not there', async () => {
    await deleteTopics();
    await expect(verify(cloud())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('retail.checkpoints'),
    });
    const nobody = { brokers: ['127.0.0.1:1'] };
    await expect(verify(nobody)).rejects.toMatchObject({ code: 'CLOUD_UNREACHABLE' });
    await expect(createTopics(nobody)).rejects.toMatchObject({ code: 'CLOUD_UNREACHABLE' });
  });
});
