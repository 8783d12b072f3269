/** Tests that need a real Kafka: skipped loudly on a machine that cannot run one, failed there when CI is set. */
import { describe, test } from 'vitest';
import { kafkaMissing } from '../kafka/local-kafka.ts';

const missing = await kafkaMissing();

export function describeWithKafka(name: string, body: () => void): void {
  if (missing === undefined) {
    describe(name, body);
  } else if (process.env.CI) {
    describe(name, () => {
      test('needs a local Kafka', () => {
        throw new Error(missing);
      });
    });
  } else {
    console.warn(`\nSKIPPED, because ${missing}: ${name}\n`);
    describe.skip(name, body);
  }
}
