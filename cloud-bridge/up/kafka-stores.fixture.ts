/** Stores with both daemons and one real Kafka with head office's topics, for the tests of a `describe`. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { makeStore, type Store } from '../../device-sims/harness/store.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { createTopics } from '../hq/topics.ts';

export interface KafkaStores {
  /** From the first test on. */
  readonly brokers: string[];
  /** A store that is not started; it is removed after its test. Without a name it has one of its own. */
  open(hub?: string): Promise<Store>;
}

/** Called inside a `describe`: Kafka runs as long as its tests. */
export function kafkaStores(prefix: string, partitions: number): KafkaStores {
  let kafka: LocalKafka | undefined;
  let number = 0;
  const stores: Store[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
    await createTopics({ brokers: kafka.brokers }, { partitions, replication: 1 });
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop();
  });
  afterAll(async () => {
    await kafka?.stop();
  });
  const brokers = (): string[] => {
    if (kafka === undefined) throw new Error('Kafka runs from the first test on');
    return [...kafka.brokers];
  };
  return {
    get brokers() {
      return brokers();
    },
    async open(hub = `${prefix}${++number}`) {
      const store = await makeStore({ hub, brokers: brokers() });
      stores.push(store);
      return store;
    },
  };
}
