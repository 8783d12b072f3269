/** What the tests of halting and resuming share: a store that sells, its copies, and readers of what arrived. */
import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { expect } from 'vitest';
import type { Store } from '../../device-sims/harness/store.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { CHECKPOINT_TOPIC, STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { createTopics } from '../hq/topics.ts';
import { verify } from '../hq/verify.ts';

const run = promisify(execFile);
const PATIENCE = { timeoutMs: 40_000, everyMs: 100 };

/** Sales `from`..`to` of one till; each has an id of its own by which it is found again. */
export async function sell(store: Store, from: number, to: number): Promise<void> {
  const sales = [];
  for (let number = from; number <= to; number += 1) {
    sales.push({
      id: `sale-${number}`,
      till: 'till-1',
      transaction: String(number),
      lines: [{ gtin: '09521234543213', quantity: 1, price: { amount: 99, currency: 'EUR' } }],
    });
  }
  const answer = await store.post('/in/sale/till-1', sales);
  expect(answer.status).toBe(202);
}

interface BridgeStatus {
  readonly state: string;
  readonly reason: string;
}

async function bridgeStatus(store: Store): Promise<BridgeStatus> {
  return (await store.get(`${store.bridgeUrl}/status`)) as BridgeStatus;
}

/** Resolves when head office has everything and the edge knows it. */
export async function drained(store: Store): Promise<void> {
  await waitUntil(
    'head office to have everything',
    async () => {
      const { state } = await bridgeStatus(store);
      const journal = JournalReader.open(store.dataDir);
      try {
        return (state === 'sending' || state === 'idle' || state === 'waiting') && journal.buffer().events === 0;
      } finally {
        journal.close();
      }
    },
    PATIENCE,
  );
}

/** Resolves with the reason once the bridge has halted. */
export async function halted(store: Store): Promise<string> {
  const isHalted = async () => {
    const status = await bridgeStatus(store);
    return status.state === 'halted' ? status.reason : undefined;
  };
  return await waitUntil('the bridge to halt', isHalted, PATIENCE);
}

/** A halt outlives the process: the same word again after a restart. */
export async function haltsForGood(store: Store): Promise<string> {
  const reason = await halted(store);
  await store.bridge.stop();
  await store.bridge.start();
  expect(await halted(store)).toBe(reason);
  return reason;
}

export async function startBoth(store: Store): Promise<void> {
  await store.edge.start();
  await store.bridge.start();
}

export async function stopBoth(store: Store): Promise<void> {
  await store.bridge.stop();
  await store.edge.stop();
}

const FOLDERS = { journal: 'data', bridge: 'bridge-data' } as const;
type Folder = keyof typeof FOLDERS;

/** Keeps a copy of stopped folders beside them. */
export async function backUp(store: Store): Promise<void> {
  for (const folder of Object.values(FOLDERS)) {
    await cp(join(store.dir, folder), join(store.dir, `copy-of-${folder}`), { recursive: true });
  }
}

/** Puts the copies back in place of what is there. */
export async function putBack(store: Store, folders: readonly Folder[], into: Store = store): Promise<void> {
  for (const folder of folders) {
    const target = join(into.dir, FOLDERS[folder]);
    await rm(target, { recursive: true, force: true });
    await cp(join(store.dir, `copy-of-${FOLDERS[folder]}`), target, { recursive: true });
  }
}

export async function forget(store: Store, folders: readonly Folder[]): Promise<void> {
  for (const folder of folders) await rm(join(store.dir, FOLDERS[folder]), { recursive: true, force: true });
}

export async function resume(store: Store, ...flags: string[]) {
  return await store.run(['bridge', 'resume', ...flags]);
}

export async function resumed(store: Store, mode: string): Promise<void> {
  const { code, stdout, stderr } = await resume(store, `--${mode}`, '--yes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('Done');
}

export async function refused(store: Store, mode: string): Promise<string> {
  const { code, stderr } = await resume(store, `--${mode}`, '--yes');
  expect({ code, stderr }).toMatchObject({ code: 1 });
  return stderr;
}

interface Arrived {
  readonly incarnation: string;
  readonly stream: string;
  readonly streamSequence: number;
  readonly readingId: string | undefined;
}

async function topicWithKcat(brokers: readonly string[], hub: string, stream: Stream): Promise<Arrived[]> {
  const args = ['-C', '-b', brokers.join(','), '-t', topicOf(stream), '-o', 'beginning', '-e', '-q'];
  const format = ['-X', 'isolation.level=read_committed', '-f', '%k\t%s\n'];
  const { stdout } = await run('kcat', [...args, ...format], { maxBuffer: 256 * 1024 * 1024 });
  const lines = stdout.split('\n').filter((text) => text.startsWith(`${hub}\t`));
  return lines.map((line) => {
    const event = JSON.parse(line.slice(hub.length + 1)) as Record<string, unknown>;
    return {
      incarnation: String(event.incarnation),
      stream,
      streamSequence: Number(event.streamsequence),
      readingId: (event.data as { readingId?: string }).readingId,
    };
  });
}

/** Everything of a hub that a reader which is not ours finds, in order. */
async function readWithKcat(brokers: readonly string[], hub: string): Promise<Arrived[]> {
  return (await Promise.all(STREAMS.map((stream) => topicWithKcat(brokers, hub, stream)))).flat();
}

/** Neither gap nor duplicate, by `verify` and by kcat, and exactly these sales, each once. */
export async function provenComplete(brokers: readonly string[], hub: string, sales: number): Promise<void> {
  const report = await verify({ brokers: [...brokers] }, { hub });
  expect(report.fault).toBeUndefined();
  expect(report.ok).toBe(true);
  const arrived = await readWithKcat(brokers, hub);
  const next = new Map<string, number>();
  for (const { incarnation, stream, streamSequence } of arrived) {
    const key = `${incarnation} ${stream}`;
    expect(`${key} ${streamSequence}`).toBe(`${key} ${next.get(key) ?? 1}`);
    next.set(key, streamSequence + 1);
  }
  expect(report.records).toBe(arrived.length);
  const ids = arrived.flatMap(({ stream, readingId }) => (stream === 'sales' ? [readingId] : []));
  expect(ids.length).toBe(new Set(ids).size);
  expect(new Set(ids)).toEqual(new Set(Array.from({ length: sales }, (_, index) => `sale-${index + 1}`)));
}

/** Deletes topics and creates them anew, empty. */
export async function rollBack(brokers: readonly string[], topics: readonly string[]): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await waitUntil('the topics to be gone', async () => {
      const left = (await admin.listTopics()).filter((topic) => topics.includes(topic));
      if (left.length > 0) await admin.deleteTopics({ topics: left }).catch(() => undefined);
      return left.length === 0;
    });
  } finally {
    await admin.disconnect();
  }
  await waitUntil('the topics to be back', async () => {
    await createTopics({ brokers: [...brokers] }, { partitions: 4, replication: 1 });
    return true;
  });
}

export const EVERY_TOPIC: readonly string[] = [...STREAMS.map(topicOf), CHECKPOINT_TOPIC];
