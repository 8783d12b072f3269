/** The decoder and the writer as the hub has them, each alone in this thread, without a shop around them. */
import { join } from 'node:path';
import { HubJson } from '../../edge/codecs/hub-json.ts';
import { Writer } from '../../edge/writer.ts';
import type { BenchContext } from './context.ts';

type Context = ConstructorParameters<typeof HubJson>[0];
type Options = ConstructorParameters<typeof Writer>[0];

export function decoderAlone(more: Partial<Context> = {}): HubJson {
  return new HubJson({
    facing: () => undefined,
    conceal: String,
    dayAt: (ms) => new Date(ms).toISOString().slice(0, 10),
    ...more,
  });
}

/** Its journal is a folder of this name in the bench's. */
export function writerAlone({ folder }: BenchContext, name: string, more: Partial<Options> = {}): Writer {
  return new Writer(
    {
      ...{ dataDir: join(folder, name), hub: `bench-${name}`, planogram: [], campaigns: [], devices: [] },
      rules: {
        shelf_gap: { settle: 20_000, remind: 1_800_000 },
        location_offer: {
          ...{ dwell: 8_000, valid: 900_000, absent_after: 600_000 },
          ...{ identities_per_device: 200, works_here: 14_400_000 },
        },
      },
      ...{ timezone: 'UTC', identityKey: '00'.repeat(32), diskBudget: 2 ** 34, synced: true },
      retention: { cloud: true, keepMs: 86_400_000, keepAcknowledgedMs: 86_400_000 },
      ...{ version: 'bench', configHash: 'bench' },
      ...more,
    },
    { wall: Date.now, monotonic: () => performance.now() },
  );
}
