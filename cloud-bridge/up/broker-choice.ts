/**
 * Which broker kafkajs asks for a coordinator. It asks any one of them, and gives up when that one cannot be reached:
 * with one dark broker of three, half of all commits fail. And when all answer with a refusal, it says only that it
 * found none. So its broker pool is taught here to ask those first that it is connected to, to go on with the next
 * one, and to say at the end what the last one said.
 */
import { createRequire } from 'node:module';

interface Broker {
  isConnected(): boolean;
}

interface BrokerPool {
  readonly brokers: Readonly<Record<string, Broker>>;
  findBroker(request: { readonly nodeId: string }): Promise<Broker>;
  withBroker<T>(ask: (found: { readonly nodeId: string; readonly broker: Broker }) => Promise<T>): Promise<T | null>;
}

const load = createRequire(import.meta.url);
const { prototype } = load('kafkajs/src/cluster/brokerPool.js') as { readonly prototype: BrokerPool };
const { withBroker } = prototype;
if (typeof withBroker !== 'function') throw new Error('this kafkajs chooses its brokers in another way');

prototype.withBroker = async function (this: BrokerPool, ask) {
  const ids = Object.keys(this.brokers);
  if (ids.length === 0) return await withBroker.call(this, ask);
  const connected = ids.filter((nodeId) => this.brokers[nodeId]?.isConnected());
  let failure: unknown;
  for (const nodeId of [...connected, ...ids.filter((nodeId) => !connected.includes(nodeId))]) {
    try {
      const broker = await this.findBroker({ nodeId });
      return await ask({ nodeId, broker });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
} as BrokerPool['withBroker'];
