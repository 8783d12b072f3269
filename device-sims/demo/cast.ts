/** Who takes part: the simulated shop and its ledger, its devices, a member of staff, and those who look on. */
import { consentKiosk, KIOSK } from '../devices/consent-kiosk.ts';
import type { Device, Surroundings } from '../devices/device.ts';
import type { Tally } from '../devices/device-line.ts';
import { fridge } from '../devices/fridge.ts';
import { peopleCounter } from '../devices/people-counter.ts';
import { phones } from '../devices/phones.ts';
import { presenceGateway } from '../devices/presence-gateway.ts';
import { shelfSensor } from '../devices/shelf-sensor.ts';
import { signageScreen } from '../devices/signage-screen.ts';
import { staffPhone } from '../devices/staff-phone.ts';
import { till } from '../devices/till.ts';
import { type ColdUnit, coldUnit } from '../world/cold-unit.ts';
import { type Ledger, openLedger } from '../world/ledger.ts';
import { seeded } from '../world/random.ts';
import { openShop, type Shop } from '../world/shop.ts';
import type { ShopPlan } from '../world/shop-plan.ts';
import { type AlertWatch, alertWatch } from './alert-watch.ts';
import type { Cleanup } from './cleanup.ts';
import { type HeadOffice, headOffice } from './head-office.ts';
import { journalFeed } from './journal-feed.ts';
import type { Narrator } from './narrator.ts';
import type { SaidOfOffers } from './offer-score.ts';
import type { Stage } from './stage.ts';
import { type Story, story } from './story.ts';

const STAFF = 'Mia';

export interface Cast {
  readonly shop: Shop;
  readonly unit: ColdUnit;
  readonly ledger: Ledger;
  readonly watch: AlertWatch;
  readonly tally: Tally;
  readonly said: SaidOfOffers;
  readonly story: Story;
  readonly devices: readonly Device[];
  /** Absent without Kafka. */
  readonly office: HeadOffice | undefined;
  /** What went wrong on the way, one sentence each. */
  readonly faults: readonly string[];
  /** Devices and staff report no more; everything sent is acknowledged, or time is up. */
  rest(patienceMs: number): Promise<void>;
}

export interface CastOptions {
  readonly plan: ShopPlan;
  readonly seed: number;
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

async function openOffice({ kafka }: Stage, tell: Story, cleanup: Cleanup): Promise<HeadOffice | undefined> {
  if (!kafka) return undefined;
  const office = headOffice(kafka.brokers, tell.record);
  cleanup.add('head office', () => office.stop());
  await office.start();
  return office;
}

export async function assemble(stage: Stage, options: CastOptions): Promise<Cast> {
  const { plan, seed, narrator, cleanup, signal } = options;
  const { mqttUrl: url, httpUrl, configFile } = stage.store;
  const shop = openShop(plan, seeded(seed));
  const unit = coldUnit(plan.fridge.celsius, seeded(seed + 1));
  const ledger = openLedger(plan, Date.now);
  const watch = alertWatch(ledger, Date.now);
  const tally: Tally = { sent: 0, acknowledged: 0 };
  const faults: string[] = [];
  const tell = story({ plan, narrator, ledger, watch, staff: STAFF });
  // The ledger first: the story asks it.
  shop.watch(ledger.record);
  shop.watch(tell.fact);

  const office = await openOffice(stage, tell, cleanup);
  const feed = journalFeed(configFile, tell.event);
  cleanup.add('journal tail', () => feed.stop());
  feed.start();

  const staff = staffPhone({
    ...{ url, httpUrl, name: STAFF, reactionMs: 1_200, walkMs: 2_000 },
    refill: shop.refill,
    seen: tell.alert,
    did: tell.deed,
    failed: (error) => faults.push(`${STAFF}'s phone: ${error.message}`),
  });
  cleanup.add('staff', () => staff.stop());
  await staff.start();

  const consents = new Map<string, string>();
  const granted = new Map<string, string>();
  const surroundings: Surroundings = {
    ...{ url, httpUrl, shop, random: seeded(seed + 2), tally },
    sent(reading) {
      if (reading.shopper !== undefined && reading.device === KIOSK) consents.set(reading.id, reading.shopper);
      tell.reading(reading);
    },
    did(deed) {
      if (deed.kind === 'claimed' && deed.answer.granted) granted.set(deed.answer.claim, deed.transaction);
      tell.offer(deed);
    },
    failed: (error) => faults.push(`a device: ${error.message}`),
  };
  const zones = [...new Set(plan.shelves.map(({ zone }) => zone))];
  const screens = plan.guest ? [signageScreen(plan.guest.zone, surroundings)] : [];
  const devices = [
    ...plan.shelves.map((shelf) => shelfSensor(shelf, surroundings)),
    till(surroundings),
    peopleCounter(surroundings),
    fridge(unit, surroundings),
    consentKiosk(surroundings),
    ...zones.map((zone) => presenceGateway(zone, surroundings)),
    phones(surroundings),
    ...screens,
  ];
  const stopDevices = async (patienceMs: number): Promise<void> => {
    await Promise.all(devices.map((device) => device.stop(patienceMs)));
  };
  cleanup.add('devices', () => stopDevices(0));
  for (const device of devices) await device.start();
  signal.throwIfAborted();
  const rest = async (patienceMs: number): Promise<void> => {
    await stopDevices(patienceMs);
    await staff.stop();
  };
  const said: SaidOfOffers = {
    ...{ consents, granted },
    get plays() {
      return screens.reduce((sum, { played }) => sum + played, 0);
    },
  };
  return { shop, unit, ledger, watch, tally, said, story: tell, devices, office, faults, rest };
}
