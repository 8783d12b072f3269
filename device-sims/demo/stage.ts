/**
 * Everything the demo needs before the afternoon begins: a working folder, Kafka behind a link, a store with its two
 * daemons, the topics. Each part is told to the audience and entered for cleaning up as soon as it exists.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configOf } from '../fleet/fleet.ts';
import { freePort, portNear } from '../harness/free-port.ts';
import { makeStore, type Store } from '../harness/store.ts';
import { kafkaMissing, type LocalKafka, startKafka } from '../kafka/local-kafka.ts';
import { type Link, startLink } from '../link/tcp-proxy.ts';
import { type Afternoon, COVERAGE } from './afternoon.ts';
import { type Campaign, campaignEntries } from './campaigns.ts';
import type { Cleanup } from './cleanup.ts';
import { type HeadOffice, headOffice } from './head-office.ts';
import type { Narrator } from './narrator.ts';

const PARTITIONS = 8;
const PARTITION = 7;
/** Times of the shop's clock, ms. */
const DWELL = 20_000;
const THERMOMETER_RHYTHM = 15 * 60_000;
/** By the hub's clock: so long a busy machine may hold up everything, and no thermometer is quiet. */
const SHORTEST_RHYTHM = 10_000;
/** By the hub's clock, as its gateways for Bluetooth repeat what they hear every ten seconds. */
const ABSENT_AFTER = '12s';

export interface Stage {
  readonly store: Store;
  /** Absent: head office is out of reach for the whole demo. */
  readonly kafka: LocalKafka | undefined;
  /** What reads at head office; absent without Kafka. */
  readonly office: HeadOffice | undefined;
  readonly link: Link;
  /** For files of old tills and for serial lines. */
  readonly equipmentDir: string;
}

export interface StageOptions {
  readonly afternoon: Afternoon;
  readonly campaigns: readonly Campaign[];
  readonly speed: number;
  /** A few scales are on pseudo-terminals. */
  readonly serial: boolean;
  readonly offline: boolean;
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

async function openKafka(
  dir: string,
  { offline, narrator, cleanup, signal }: StageOptions,
): Promise<LocalKafka | undefined> {
  if (offline) {
    narrator.say('setup', 'without Kafka, as asked: the bridge will buffer');
    return undefined;
  }
  const missing = await kafkaMissing();
  if (missing) {
    narrator.say('setup', `no Kafka on this machine: ${missing}`);
    narrator.say('setup', 'going on without head office: the bridge will buffer');
    return undefined;
  }
  const say = (line: string) => narrator.say('setup', line);
  const port = await portNear(9092);
  const kafka = await startKafka({ dir, port, link: true, say, signal });
  // Its data go with the working folder, so there is nothing to end kindly.
  cleanup.add('Kafka', () => kafka.kill().then(kafka.stop));
  say(
    `Apache Kafka runs on ${kafka.brokers.join(', ')} (head office), reached through a link on ${kafka.linkBrokers.join(', ')}`,
  );
  return kafka;
}

/** A link that leads nowhere stands for a head office that cannot be reached. */
async function openLink(kafka: LocalKafka | undefined, { cleanup }: StageOptions): Promise<Link> {
  const [ready] = kafka?.links ?? [];
  if (ready) return ready;
  const link = await startLink({ target: { port: await freePort() } });
  link.cut();
  cleanup.add('link', () => link.stop());
  return link;
}

/** A calendar day; a day either way covers every time zone. */
function dayFromNow(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

async function createTopics(store: Store, { narrator, signal }: StageOptions): Promise<void> {
  const args = ['topics', 'create', '--partitions', String(PARTITIONS), '--replication', '1'];
  const { code, stdout, stderr } = await store.run(args, { signal });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`store-hub topics create ended with ${code}: ${stderr}`);
  const count = stdout.split('\n').filter((line) => line.includes(': created')).length;
  narrator.say('setup', `store-hub topics create: ${count} topics of ${PARTITIONS} partitions`);
}

/** The hub's configuration for the world; what is short in the shop is as much shorter as its time is faster. */
function configFor({ afternoon, campaigns, speed, serial }: StageOptions, dir: string): Record<string, unknown> {
  const { rules, devices, ...world } = configOf({ file: afternoon.file, coverage: COVERAGE, speed, dir, serial });
  const rhythm = `${Math.round(Math.max(SHORTEST_RHYTHM, THERMOMETER_RHYTHM / speed))}ms`;
  const watched = (devices as readonly { readonly name: string }[]).map((device) => {
    return device.name.startsWith('thermometer-') ? { ...device, rhythm } : device;
  });
  const offers = {
    dwell: `${Math.round(DWELL / speed)}ms`,
    absent_after: ABSENT_AFTER,
    identities_per_device: 100_000,
  };
  return {
    ...world,
    devices: watched,
    rules: { ...(rules as object), location_offer: offers },
    campaigns: campaignEntries(campaigns, dayFromNow(-1), dayFromNow(1)),
    cloud: { partition: PARTITION, linger: '200ms', retry_max: '5s' },
  };
}

export async function setStage(options: StageOptions): Promise<Stage> {
  const { narrator, cleanup, signal } = options;
  const dir = await mkdtemp(join(tmpdir(), 'store-hub-demo-'));
  cleanup.add('working folder', () => rm(dir, { recursive: true, force: true }));
  narrator.say('setup', `working folder ${dir} (removed at the end)`);

  const kafka = await openKafka(join(dir, 'kafka'), options);
  signal.throwIfAborted();
  const link = await openLink(kafka, options);
  const equipmentDir = join(dir, 'equipment');
  const store = await makeStore({
    dir,
    brokers: [link.address],
    ports: { mqtt: await portNear(1883), http: await portNear(8080), bridge: await portNear(8081) },
    config: configFor(options, equipmentDir),
  });
  if (kafka) await createTopics(store, options);
  const office = kafka && headOffice(kafka.brokers);
  if (office) {
    cleanup.add('head office', () => office.stop());
    await office.start();
  }
  signal.throwIfAborted();

  cleanup.add('bridge', () => store.bridge.stop(3_000));
  await store.bridge.start({ signal });
  narrator.say('setup', `store-hub bridge runs: it carries events of ${store.hub} to partition ${PARTITION}`);
  // Last: from now on it waits for its thermometers.
  cleanup.add('edge', () => store.edge.stop(6_000));
  await store.edge.start({ signal });
  narrator.say('setup', `store-hub edge is ready: devices at ${store.mqttUrl}`);
  return { store, kafka, office, link, equipmentDir };
}
