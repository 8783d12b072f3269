/** A journal that is restored or salvaged just while the bridge has gathered from the one before. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JournalReader } from '../../edge/journal/reader.ts';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../../edge/writer.fixture.ts';
import { gather } from './batcher.ts';
import type { KafkaLink } from './kafka-link.ts';
import { type Connection, send } from './protocol.ts';
import { StateFile } from './state.ts';

test('a batch of the old journal is not sent when the new one was asked to reserve it', async () => {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  const other = join(folder, 'other');
  for (const path of [data, other]) mkdirSync(path);
  for (const path of [data, other]) {
    const writer = openWriter(path, new Clocks());
    writer.process(batchOf([sale(new Clocks(), '1')]));
    writer.close();
  }
  const journal = JournalReader.open(data);
  const state = StateFile.open(join(folder, 'bridge'));
  const begun: string[] = [];
  const connection: Connection = {
    hub: 'store-0042',
    partition: 0,
    state,
    journal,
    edge: {
      reserve: async () => {
        renameSync(join(other, 'journal.db'), join(data, 'journal.db'));
        return { dropped: [{ stream: 'sales', from: 1, to: 1 }], events: 0 };
      },
      acknowledge: async () => undefined,
    },
    link: { begin: () => expect.unreachable() } as unknown as KafkaLink,
    now: Date.now,
    observe: (step) => begun.push(step),
  };
  const limits = { events: 100, bytes: 1_000_000 };
  const batch = await gather(journal, { incarnation: null, vector: {}, closed: [] }, limits);
  await expect(send(connection, batch ?? expect.unreachable())).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
  expect([begun, state.state.inDoubt]).toEqual([[], null]);
  journal.close();
  state.close();
});
