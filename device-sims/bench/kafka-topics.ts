/** The topic of the bare producer: one partition, set up as the hub's own topics are where it matters for speed. */
import { Kafka, logLevel } from 'kafkajs';

export async function createBareTopic(broker: string, topic: string): Promise<void> {
  const admin = new Kafka({ clientId: 'bench', brokers: [broker], logLevel: logLevel.ERROR }).admin();
  await admin.connect();
  try {
    const configEntries = [
      { name: 'compression.type', value: 'gzip' },
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
      { name: 'max.message.bytes', value: String(2 * 1024 * 1024) },
    ];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }] });
  } finally {
    await admin.disconnect();
  }
}
