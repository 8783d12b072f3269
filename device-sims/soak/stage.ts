/** What a soak plays on: the store's two daemons, a Kafka behind a link, the devices, head office, and a disk to fill. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createStore, type Store } from '../bench/store.ts';
import { type LocalKafka, startKafka } from '../kafka/local-kafka.ts';
import type { Link } from '../link/tcp-proxy.ts';
import { HeadOffice } from './head-office.ts';
import { shelfName } from './readings.ts';
import { type SmallDisk, smallDisk } from './small-disk.ts';
import { Supervised } from './supervised.ts';

export const DEVICES = 16;
const DISK_MB = 3_072;

export interface Stage {
  readonly store: Store;
  readonly kafka: LocalKafka;
  readonly link: Link;
  readonly edge: Supervised;
  readonly bridge: Supervised;
  readonly office: HeadOffice;
  /** Nothing where this machine does not let us mount one; then the reason. */
  readonly disk: SmallDisk | string;
}

/** Starts nothing of the hub yet; `undo` hears what must be done at the end, in reverse. */
export async function buildStage(
  folder: string,
  say: (text: string) => void,
  undo: (name: string, step: () => unknown) => void,
): Promise<Stage> {
  const kafka = await startKafka({ dir: join(folder, 'kafka'), link: true, say });
  undo('kafka', () => kafka.kill());
  const [link] = kafka.links;
  if (link === undefined) throw new Error('the local Kafka came without its link');
  undo('link', () => link.stop());
  const store = await createStore({
    folder: join(folder, 'store'),
    hub: 'store-soak',
    broker: kafka.linkBrokers[0],
    settle: '2s',
    shelves: Array.from({ length: DEVICES }, (_, device) => shelfName(device)),
    journal: { disk_budget: '2GiB', keep_acknowledged: '1m' },
  });
  mkdirSync(store.dataDir, { recursive: true });
  const disk = await smallDisk(join(folder, 'disk.img'), store.dataDir, DISK_MB).catch((error: Error) =>
    error.message.trim(),
  );
  if (typeof disk !== 'string') undo('disk', () => disk.unmount());
  const office = new HeadOffice(kafka.brokers);
  return {
    store,
    kafka,
    link,
    edge: new Supervised(store, 'edge'),
    bridge: new Supervised(store, 'bridge'),
    office,
    disk,
  };
}

async function json(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  return answer.ok ? await answer.json() : undefined;
}

export async function isReady({ httpPort }: Store): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/health/ready`, { signal: AbortSignal.timeout(3_000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Events that wait for head office; nothing while the edge does not answer. */
export async function bufferedEvents({ httpPort }: Store): Promise<number | undefined> {
  const status = await json(`http://127.0.0.1:${httpPort}/status`).catch(() => undefined);
  return (status as { buffer: { events: number } } | undefined)?.buffer.events;
}

/** The bridge's own word; nothing while it does not answer. */
export async function bridgeState({ bridgePort }: Store): Promise<string | undefined> {
  const status = await json(`http://127.0.0.1:${bridgePort}/status`).catch(() => undefined);
  return (status as { state: string } | undefined)?.state;
}

/** Sum of a metric's samples over its labels; nothing while the edge does not answer. */
export async function edgeMetric({ httpPort }: Store, name: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/metrics`, { signal: AbortSignal.timeout(3_000) });
    const lines = (await answer.text()).split('\n').filter((line) => new RegExp(`^${name}[ {]`).test(line));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  } catch {
    return undefined;
  }
}

/** Bytes of the journal's files. */
export function journalBytes({ dataDir }: Store): number {
  return ['journal.db', 'journal.db-wal'].reduce(
    (sum, name) => sum + (statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
