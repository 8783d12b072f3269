/**
 * The checkpoints must stay readable for this hub: brokers may be set to compress them anew, in a way that nothing here
 * can unpack. That is seen before anything is sent, because afterwards the hub could not tell how far it has come.
 */
import kafkajs, { type Admin } from 'kafkajs';
import { CHECKPOINT_TOPIC } from '../../edge/contracts/streams.ts';
import { TopicsMissing } from './link-failure.ts';

const READABLE: readonly unknown[] = ['producer', 'gzip', 'uncompressed'];

/** Throws TopicsMissing. Where head office does not let the hub ask, it is taken for right. */
export async function assertReadable(admin: Admin): Promise<void> {
  const resource = {
    type: kafkajs.ConfigResourceTypes.TOPIC,
    name: CHECKPOINT_TOPIC,
    configNames: ['compression.type'],
  };
  const answer = await admin
    .describeConfigs({ includeSynonyms: false, resources: [resource] })
    .catch((error: unknown) => {
      if (/not authorized/i.test(String(error))) return undefined;
      throw error;
    });
  const compression = answer?.resources[0]?.configEntries[0]?.configValue;
  if (compression === undefined || READABLE.includes(compression)) return;
  throw new TopicsMissing(
    `head office compresses ${CHECKPOINT_TOPIC} with ${compression}, which cannot be read back here: set compression.type of its topics to gzip (\`store-hub topics check\`)`,
  );
}
