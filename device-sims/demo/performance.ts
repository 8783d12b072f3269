/** The demo's course: opening, business, the cut link, closing, the proof, the summary. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Device, Surroundings } from '../devices/device.ts';
import type { Tally } from '../devices/device-line.ts';
import { fridge } from '../devices/fridge.ts';
import { peopleCounter } from '../devices/people-counter.ts';
import { shelfSensor } from '../devices/shelf-sensor.ts';
import { staffPhone } from '../devices/staff-phone.ts';
import { till } from '../devices/till.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { coldUnit } from '../world/cold-unit.ts';
import { openLedger } from '../world/ledger.ts';
import { seeded } from '../world/random.ts';
import { openShop } from '../world/shop.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { alertWatch } from './alert-watch.ts';
import type { Cleanup } from './cleanup.ts';
import { type HeadOffice, headOffice } from './head-office.ts';
import { journalFeed } from './journal-feed.ts';
import type { Narrator } from './narrator.ts';
import type { DemoOptions } from './options.ts';
import { bufferLine, bufferOf, type Outage, outage } from './outage.ts';
import { judgeHeadOffice, judgeStore, parseExport } from './score.ts';
import { SETTLE_MS, type Stage, type StageOptions } from './stage.ts';
import { story } from './story.ts';
import { summary } from './summary.ts';

/** The shop's time passes this much faster than ours: a customer a minute is dull to watch. */
const PACE = 10;
const STAFF = 'Mia';

export interface Theatre {
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
  readonly setStage: (options: StageOptions) => Promise<Stage>;
}

export interface Performance {
  /** What was not as it must be, one sentence each. */
  readonly faults: string[];
  /** The last lines of both daemons. */
  readonly logs: () => string[];
}

const verifySchema = z.looseObject({
  ok: z.boolean(),
  hubs: z.array(
    z.looseObject({
      hub: z.string(),
      streams: z.record(z.string(), z.looseObject({ gaps: z.unknown(), duplicates: z.unknown() })),
    }),
  ),
});

async function verify({ store }: Stage, signal: AbortSignal): Promise<{ ok: boolean; text: string }> {
  const { code, stdout, stderr } = await store.run(['verify', '--hub', store.hub, '--json'], { signal });
  signal.throwIfAborted();
  const text = stdout.trim() || stderr.trim();
  if (code !== 0) return { ok: false, text };
  const { ok, hubs } = verifySchema.parse(JSON.parse(stdout));
  return { ok: ok && hubs.length > 0, text };
}

async function exported({ store }: Stage, signal: AbortSignal) {
  const { code, stdout, stderr } = await store.run(['journal', 'export'], { signal });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`store-hub journal export ended with ${code}: ${stderr}`);
  return parseExport(stdout);
}

function devicesOf(surroundings: Surroundings, unit: ReturnType<typeof coldUnit>): Device[] {
  return [
    ...TINY_SHOP.shelves.map((shelf) => shelfSensor(shelf, surroundings)),
    till(surroundings),
    peopleCounter(surroundings),
    fridge(unit, surroundings),
  ];
}

export async function perform(options: DemoOptions, theatre: Theatre): Promise<Performance> {
  const { narrator, cleanup, signal } = theatre;
  const length = options.minutes * 60_000;
  narrator.heading(`store-hub demo: a small shop for ${options.minutes} minutes, ten times faster than life`);
  const stage = await theatre.setStage({ ...theatre, plan: TINY_SHOP, offline: options.offline });
  const { store, kafka, link } = stage;

  const shop = openShop(TINY_SHOP, seeded(options.seed));
  const unit = coldUnit(TINY_SHOP.fridge.celsius, seeded(options.seed + 1));
  const ledger = openLedger(TINY_SHOP, Date.now);
  const watch = alertWatch(ledger, Date.now);
  const tally: Tally = { sent: 0, acknowledged: 0 };
  const faults: string[] = [];

  let office: HeadOffice | undefined;
  const tell = story({ plan: TINY_SHOP, narrator, ledger, watch, staff: STAFF });
  shop.watch(ledger.record);
  shop.watch(tell.fact);
  if (kafka) {
    const reader = headOffice(kafka.brokers, tell.record);
    cleanup.add('head office', () => reader.stop());
    await reader.start();
    office = reader;
  }

  const feed = journalFeed(store.configFile, tell.event);
  cleanup.add('journal tail', () => feed.stop());
  feed.start();

  const surroundings = { url: store.mqttUrl, shop, random: seeded(options.seed + 2), tally, sent: tell.reading };
  const devices = devicesOf(surroundings, unit);
  const staff = staffPhone({
    url: store.mqttUrl,
    httpUrl: store.httpUrl,
    name: STAFF,
    reactionMs: 1_200,
    walkMs: 2_000,
    refill: shop.refill,
    seen: tell.alert,
    did: tell.deed,
    failed: (error) => faults.push(`${STAFF}'s phone: ${error.message}`),
  });
  cleanup.add('staff', () => staff.stop());
  await staff.start();
  cleanup.add('devices', () => Promise.all(devices.map((device) => device.stop(signal.aborted ? 0 : 10_000))));
  for (const device of devices) await device.start();
  signal.throwIfAborted();
  narrator.say(
    'setup',
    `${devices.length} devices are connected over MQTT: ${devices.map(({ name }) => name).join(', ')}`,
  );
  narrator.plain();
  narrator.heading(`  Staff page: ${store.httpUrl}/   (open it, on a phone or here)`);
  narrator.plain();

  narrator.restartClock();
  const opened = performance.now();
  let defrosting = false;
  const clock = setInterval(() => {
    const now = ((performance.now() - opened) / 1000) * PACE;
    shop.advance(now);
    unit.advance(now);
    if (unit.defrosting !== defrosting) {
      defrosting = unit.defrosting;
      tell.defrost(TINY_SHOP.fridge.unit, defrosting);
    }
  }, 50);
  cleanup.add('shop', async () => clearInterval(clock));
  const until = async (part: number) => {
    await sleep(Math.max(0, opened + part * length - performance.now()), undefined, { signal });
  };

  let cut: Outage | undefined;
  await until(0.35);
  if (kafka) cut = await outage({ store, link, narrator, signal }, 0.25 * length);
  else
    for (const part of [0.5, 0.7]) await until(part).then(async () => narrator.say('buffer', await bufferLine(store)));

  await until(0.8);
  shop.closeDoors();
  narrator.say('shop', `the doors close; ${shop.inside()} shoppers are still inside`);
  const quiet = () =>
    shop.inside() === 0 && watch.open().length === 0 && ledger.gaps.every(({ ended }) => ended !== undefined);
  await waitUntil('the shop to be empty and every alert resolved', quiet, { timeoutMs: 60_000, signal });
  // The counter above the door looks every two seconds.
  await sleep(2_500, undefined, { signal });
  clearInterval(clock);
  await Promise.all(devices.map((device) => device.stop(10_000)));
  await staff.stop();
  narrator.say('setup', `the devices have stopped: ${tally.acknowledged} of ${tally.sent} readings acknowledged`);

  let proof: { ok: boolean; text: string } | undefined;
  if (kafka) {
    const sent = async () => (await bufferOf(store)).events === 0;
    await waitUntil('the buffer to be empty', sent, { timeoutMs: 30_000, signal });
  }
  const journal = await exported(stage, signal);
  faults.push(...judgeStore({ ledger, tally, alerts: watch.alerts, journal, settleMs: SETTLE_MS }));
  if (office) {
    const reader = office;
    const arrived = () => reader.failure !== undefined || journal.every(({ id }) => reader.records.has(id));
    // What is missing then is named below.
    await waitUntil('head office to have read it', arrived, { timeoutMs: 10_000, signal }).catch(() => undefined);
    signal.throwIfAborted();
    if (reader.failure) faults.push(`head office's reader ended: ${reader.failure.message}`);
    faults.push(...judgeHeadOffice(journal, reader.records, reader.repeated));
    proof = await verify(stage, signal);
    if (!proof.ok) faults.push(`store-hub verify: ${proof.text}`);
  } else {
    const { events } = await bufferOf(store);
    if (events !== journal.length) faults.push(`the buffer holds ${events} events, the journal ${journal.length}`);
  }
  summary({ narrator, ledger, tally, journal, alerts: watch.alerts, office, cut, proof, faults });
  const logs = () => [...store.edge.lines.slice(-8), ...store.bridge.lines.slice(-8)];
  return { faults, logs };
}
