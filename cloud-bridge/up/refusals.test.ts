/** What head office's brokers refuse: rights, topics, sizes, quotas. Said in words, nothing skipped, mended by itself. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';
import type { CloudSecrets } from './kafka-access.ts';
import { LinkedShop } from './outage.fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } = kafkajs;
const USER = 'User:shop';

/** Does not become smaller than three quarters of itself. */
function randomText(characters: number): string {
  return randomBytes(characters).toString('base64').slice(0, characters);
}

describeWithKafka('refused by head office', () => {
  let kafka: LocalKafka;
  let admin: Admin;
  let store: LinkedShop;
  let secrets: CloudSecrets;
  let count = 0;

  type Right = Pick<kafkajs.AclEntry, 'resourceType' | 'resourceName' | 'resourcePatternType' | 'operation'>;

  const right = (type: kafkajs.AclResourceTypes, name: string, operation: kafkajs.AclOperationTypes): Right => ({
    resourceType: type,
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    operation,
  });
  const topicRight = (operation: kafkajs.AclOperationTypes): Right => ({
    ...right(AclResourceTypes.TOPIC, 'retail.', operation),
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  });
  const transactionRight = (hub: string): Right =>
    right(AclResourceTypes.TRANSACTIONAL_ID, hub, AclOperationTypes.WRITE);

  async function allow(...rights: Right[]): Promise<void> {
    const rule = { principal: USER, host: '*', permissionType: AclPermissionTypes.ALLOW };
    await admin.createAcls({ acl: rights.map((one) => ({ ...rule, ...one })) });
  }

  async function forbid(...rights: Right[]): Promise<void> {
    const rule = { principal: USER, host: '*', permissionType: AclPermissionTypes.ALLOW };
    await admin.deleteAcls({ filters: rights.map((one) => ({ ...rule, ...one })) });
  }

  /** Settings of a topic, in place of what it had. */
  async function set(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    });
  }

  beforeAll(async () => {
    kafka = await startKafka({
      doors: { guarded: { users: { shop: 'secret' } } },
      extra: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    });
    admin = new kafkajs.Kafka({ brokers: kafka.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
    await allow(topicRight(AclOperationTypes.WRITE), topicRight(AclOperationTypes.READ));
  });

  afterAll(async () => {
    await admin.disconnect();
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    store = new LinkedShop(`refused-${count}`, kafka.brokers);
    await store.shop.start();
    const file = join(store.shop.dir, 'password');
    writeFileSync(file, 'secret');
    secrets = { sasl: { mechanism: 'plain', username: 'shop', password_file: file } };
    await allow(transactionRight(store.shop.hub));
  });

  afterEach(async () => {
    await store.remove();
  });

  test('no right to see the topics, then none to write to them, then the right', async () => {
    await forbid(topicRight(AclOperationTypes.WRITE), topicRight(AclOperationTypes.READ));
    store.shop.append('sales', 30);
    store.start(kafka.door('guarded'), { secrets });
    expect(await store.fault('topic-not-allowed')).toMatch(
      /does not let "shop" write to retail\.items, .*allow DESCRIBE/,
    );
    await allow(topicRight(AclOperationTypes.READ));
    await waitUntil('it to name a topic', () => /write to retail\.\w+:/.test(store.daemon.report.status().reason));
    await allow(topicRight(AclOperationTypes.WRITE));
    await store.complete('sales', 30);
    expect(store.faultsTold()).toEqual(['topic-not-allowed']);
  });

  test('the right to write revoked while it sends, and given again', async () => {
    store.start(kafka.door('guarded'), { secrets });
    store.shop.append('sales', 30);
    await store.complete('sales', 30);
    await forbid(topicRight(AclOperationTypes.WRITE));
    store.shop.append('sales', 30);
    expect(await store.fault('topic-not-allowed')).toContain('write to retail.sales');
    await allow(topicRight(AclOperationTypes.WRITE));
    await store.complete('sales', 60);
  });

  test('the right to the transactional id missing, then revoked while it sends', async () => {
    await forbid(transactionRight(store.shop.hub));
    store.shop.append('sales', 10);
    store.start(kafka.door('guarded'), { secrets });
    const words = await store.fault('transactions-not-allowed');
    expect(words).toContain(`use the transactional id ${store.shop.hub}: allow DESCRIBE and WRITE`);
    await allow(transactionRight(store.shop.hub));
    await store.complete('sales', 10);
    await forbid(transactionRight(store.shop.hub));
    store.shop.append('sales', 10);
    await store.fault('transactions-not-allowed');
    await allow(transactionRight(store.shop.hub));
    await store.complete('sales', 20);
  });

  test('a topic missing, until it is created', async () => {
    await admin.deleteTopics({ topics: ['retail.climate'] });
    store.shop.append('climate', 5);
    store.start(kafka.brokers);
    expect(await store.fault('topics')).toMatch(/no topic retail\.climate: run `store-hub topics create`/);
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
    await store.complete('climate', 5);
  });

  test('a topic that vanishes while it sends, and comes back', async () => {
    store.shop.append('sales', 5);
    store.start(kafka.brokers);
    await store.complete('sales', 5);
    await admin.deleteTopics({ topics: ['retail.climate'] });
    store.shop.append('climate', 5);
    expect(await store.fault('topics')).toContain('retail.climate');
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
    await store.complete('climate', 5);
  });

  test('too few partitions for this hub, until there are more', async () => {
    store.shop.append('sales', 5);
    const daemon = store.start(kafka.brokers, { partition: 2 });
    expect(await store.fault('topics')).toMatch(
      /no partition 2: compare `cloud\.partition` with `store-hub topics check`/,
    );
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith('retail.'));
    await admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count: 3 })) });
    await waitUntil('all to be acknowledged', () => store.shop.acked('sales') === 5, { timeoutMs: 60_000 });
    expect(daemon.report.status().fault).toBeUndefined();
  });

  test('a topic that takes less than a part: smaller parts, at once and without a gap', async () => {
    await set('retail.sales', { 'max.message.bytes': '20000', 'compression.type': 'gzip' });
    for (let n = 0; n < 150; n += 1) store.shop.append('sales', 1, randomText(2_000));
    store.shop.append('alerts', 3);
    store.start(kafka.brokers);
    await store.complete('sales', 150);
    await store.complete('alerts', 3);
    expect(store.faultsTold()).toEqual(['too-large']);
    expect(store.told().find(({ fault }) => fault)?.msg).toMatch(/retail\.sales .*events together .*smaller parts/);
    await set('retail.sales', { 'max.message.bytes': '2097152', 'compression.type': 'gzip' });
  });

  test('a single event that its topic does not take: held, named, and sent when the topic is mended', async () => {
    await set('retail.sales', { 'max.message.bytes': '40000', 'compression.type': 'gzip' });
    store.shop.append('sales', 40);
    store.shop.append('sales', 1, randomText(120_000));
    store.shop.append('sales', 40);
    store.start(kafka.brokers);
    await waitUntil(
      'the single event to be named',
      () =>
        / event \S+\/0000000000000042 .*bytes, \d+ compressed.*max\.message\.bytes of retail\.sales to 2097152/.test(
          store.daemon.report.status().reason,
        ),
      { timeoutMs: 60_000 },
    );
    expect(await store.fault('too-large')).toContain('Nothing is skipped');
    expect(store.shop.acked('sales')).toBeLessThan(41);
    await set('retail.sales', { 'max.message.bytes': '2097152', 'compression.type': 'gzip' });
    await store.complete('sales', 81);
  });

  test('a quota: slower, and never a gap', async () => {
    const quota = 'producer_byte_rate=30000';
    const entity = ['--entity-type', 'users', '--entity-name', 'shop'];
    await kafka.tool('kafka.admin.ConfigCommand', '--alter', '--add-config', quota, ...entity);
    const begun = performance.now();
    store.start(kafka.door('guarded'), { secrets });
    for (let round = 1; round <= 3; round += 1) {
      for (let n = 0; n < 40; n += 1) store.shop.append('sales', 1, randomText(4_000));
      store.shop.append('climate', 5);
      await store.complete('sales', 40 * round);
    }
    await store.complete('climate', 15);
    const seconds = (performance.now() - begun) / 1000;
    expect(seconds).toBeGreaterThan(2);
    await kafka.tool('kafka.admin.ConfigCommand', '--alter', '--delete-config', 'producer_byte_rate', ...entity);
  });

  test('checkpoints in a compression that cannot be read back: seen before anything is sent', async () => {
    await set('retail.checkpoints', { 'compression.type': 'zstd', 'cleanup.policy': 'compact' });
    store.shop.append('sales', 5);
    store.start(kafka.brokers);
    expect(await store.fault('topics')).toMatch(/compresses retail\.checkpoints with zstd.*compression\.type .* gzip/);
    await set('retail.checkpoints', { 'compression.type': 'gzip', 'cleanup.policy': 'compact' });
    await store.complete('sales', 5);
  });

  test('a second writer under the same name: shut out, and then a halt, not a fight', async () => {
    store.start(kafka.brokers);
    store.shop.append('sales', 5);
    await store.complete('sales', 5);
    const other = new LinkedShop(store.shop.hub, kafka.brokers);
    try {
      store.shop.copy('bridge-data', other.shop.bridgeDir);
      await other.shop.start();
      other.shop.append('sales', 3);
      other.start(kafka.brokers);
      await waitUntil('the second one to halt', () => other.daemon.report.status().state === 'halted');
      expect(other.daemon.report.status().reason).toMatch(/only one with this hub name/);
      store.shop.append('sales', 5);
      await store.complete('sales', 10);
    } finally {
      await other.remove();
    }
  });
});
