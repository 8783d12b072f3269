/** Who takes part: the shop with its devices and its clock, staff with a phone, the shoppers' app, and those who look on. */
import { beaconOf } from '../fleet/bluetooth.ts';
import type { Afternoon } from './afternoon.ts';
import { AlertWatch } from './alert-watch.ts';
import type { Campaign } from './campaigns.ts';
import type { Cleanup } from './cleanup.ts';
import { type Equipment, openEquipment } from './equipment.ts';
import { journalFeed } from './journal-feed.ts';
import { knockedOff, type Mishap } from './mishap.ts';
import type { Narrator } from './narrator.ts';
import type { TrueBasket } from './offer-score.ts';
import { Pace } from './pace.ts';
import { phone } from './phone.ts';
import { type ShoppersApp, shoppersApp } from './shoppers-app.ts';
import type { Stage } from './stage.ts';
import { LEAD, story } from './story.ts';

/** By the shop's clock: until somebody looks at the phone. */
const LOOKS_AFTER_MS = 90_000;

export interface Cast {
  readonly afternoon: Afternoon;
  readonly campaigns: readonly Campaign[];
  readonly pace: Pace;
  readonly equipment: Equipment;
  readonly mishap: Mishap;
  readonly watch: AlertWatch;
  readonly app: ShoppersApp;
  readonly baskets: readonly TrueBasket[];
  /** What went wrong on the way, one sentence each. */
  readonly faults: readonly string[];
  readonly opening: () => void;
  /** Nobody speaks any more; everything that was said is acknowledged. */
  rest(): Promise<void>;
}

export interface CastOptions {
  readonly afternoon: Afternoon;
  readonly campaigns: readonly Campaign[];
  readonly speed: number;
  readonly seed: number;
  readonly serial: boolean;
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

export async function assemble(stage: Stage, options: CastOptions): Promise<Cast> {
  const { afternoon, campaigns, speed, seed, serial, narrator, cleanup, signal } = options;
  const { mqttUrl: url, httpUrl, configFile } = stage.store;
  const { world } = afternoon;
  const faults: string[] = [];
  const failed = (whose: string) => (error: Error) => void faults.push(`${whose}: ${error.message}`);
  const watch = new AlertWatch();
  const tell = story({ afternoon, campaigns, narrator });

  const baskets: TrueBasket[] = [];
  const pace: Pace = new Pace({
    ...{ world, speed, signal },
    underWay: () => equipment.tally.sent - equipment.tally.acknowledged,
    look: (now) => equipment.look(now),
  });
  const address = { mqtt: url, http: httpUrl };
  const equipment = openEquipment({ world, seed, speed, address, dir: stage.equipmentDir, serial, clock: pace.clock });
  const mishap = knockedOff({ equipment, pace, narrator, lead: LEAD });

  const feed = journalFeed(configFile, tell.event);
  cleanup.add('journal tail', () => feed.stop());
  feed.start();
  const app = shoppersApp({ url, httpUrl }, tell.offer, failed("the shoppers' app"));
  cleanup.add("shoppers' app", () => app.stop());
  await app.start();
  const staff = phone({
    ...{ url, httpUrl, name: LEAD, failed: failed(`${LEAD}'s phone`) },
    look: () => pace.until(world.now + LOOKS_AFTER_MS),
    seen(topic, alert) {
      const news = watch.take(topic, alert);
      if (news === undefined) return;
      tell.alert(news);
      mishap.alert(news);
    },
    took({ rule, subject }) {
      tell.took(subject);
      mishap.took(subject);
      if (rule === 'shelf-gap') world.sendStaff(subject);
    },
  });
  cleanup.add('staff', () => staff.stop());
  await staff.start();

  cleanup.add('devices', () => equipment.stop());
  await equipment.start();
  world.watch(tell.fact);
  world.watch((record) => {
    if (record.kind !== 'sold') return;
    const { till, transaction, shopper, lines } = record;
    const items = new Map<string, number>();
    for (const { gtin, count } of lines) items.set(gtin, (items.get(gtin) ?? 0) + count);
    baskets.push({ till, transaction, items, shopper: shopper === undefined ? undefined : beaconOf(shopper).name });
  });
  signal.throwIfAborted();
  return {
    ...{ afternoon, campaigns, pace, equipment, mishap, watch, app, baskets, faults },
    opening: tell.opening,
    async rest() {
      await equipment.stop();
      await staff.stop();
    },
  };
}
