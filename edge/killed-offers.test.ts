import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { type Publisher, startPublisher, startSubscriber } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { JournalReader } from './journal/reader.ts';

const KILLS = 12;
const SHOPPERS = 40;
const GTIN = '09521234543213';
const BUDGET = 70;
const QUANTITY = 12;

let store: Store | undefined;
afterEach(async () => {
  await store?.stop();
  store = undefined;
});

interface Decided {
  readonly id: string;
  readonly claim: string;
  readonly campaign: string;
  readonly shopper: string;
  readonly offer: string;
  readonly transaction: string;
}

function decided(dataDir: string, kind: string): Decided[] {
  const reader = JournalReader.open(dataDir);
  try {
    const found: Decided[] = [];
    for (let from = 1; ; ) {
      const rows = reader.page({ from, stream: 'offers', limit: 2000 });
      for (const { sequence, type, data } of rows) {
        from = sequence + 1;
        if (type === `retail.offers.${kind}.v1` && !data.includes('"audience":"zone"')) found.push(JSON.parse(data));
      }
      if (rows.length === 0) return found;
    }
  } finally {
    reader.close();
  }
}

function most(of: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const one of of) counts.set(one, (counts.get(one) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

/** A device keeps a reading until it is acknowledged. */
async function send(publisher: Publisher, kind: string, device: string, reading: object): Promise<void> {
  for (;;) {
    try {
      return await publisher.publish(kind, device, reading);
    } catch {
      await delay(20);
    }
  }
}

it(`${KILLS} kills -9 under load exceed no cap, no budget and no quantity, and attribute no purchase twice`, {
  timeout: 240_000,
}, async () => {
  const campaign = { zone: 'beverages', gtin: GTIN, from: '2000-01-01', until: '2099-12-31', valid: '1s' };
  const own = await makeStore({
    config: {
      planogram: [{ shelf: 'A1', zone: 'beverages', gtin: GTIN, name: 'Water', capacity: 24, minimum: 0 }],
      rules: { location_offer: { dwell: '30ms' } },
      campaigns: [
        { ...campaign, id: 'once', text: 'once', priority: 2, per_shopper: '1 per 1d', quantity: QUANTITY },
        { ...campaign, id: 'often', text: 'often', priority: 1, budget: BUDGET },
      ],
    },
  });
  store = own;
  await own.edge.start();
  let running = true;
  let sales = 0;
  const sent = new Set<string>();
  const people = await startPublisher(own.mqttUrl);
  const phone = await startSubscriber(own.mqttUrl, 'out/offers/shopper/#', ({ payload }) => {
    sent.add((JSON.parse(payload) as { id: string }).id);
  });
  await send(people, 'shelf', 'sensor', { shelf: 'A1', count: 20 });

  /** Comes in, stays for longer or shorter than dwell, buys or does not, leaves; again and again. */
  const shopper = async (name: string): Promise<void> => {
    await send(people, 'consent', 'app', { shopper: name, granted: true, scope: 'offers' });
    while (running) {
      await send(people, 'presence', 'gate', { zone: 'beverages', shopper: name, present: true });
      await delay(20 + 60 * Math.random());
      sales += 1;
      const line = { gtin: GTIN, quantity: 1, price: { amount: 99, currency: 'EUR' } };
      const transaction = String(sales);
      if (sales % 3 === 0)
        await send(people, 'sale', 'till', { till: 'till', transaction, lines: [line], shopper: name });
      await send(people, 'presence', 'gate', { zone: 'beverages', shopper: name, present: false });
      await delay(20);
    }
  };
  const all = Array.from({ length: SHOPPERS }, (_, index) => shopper(`loyalty-${index}`));
  for (let kill = 0; kill < KILLS; kill += 1) {
    await delay(200 + 500 * Math.random());
    await own.edge.kill();
    await own.edge.start();
  }
  await delay(1500);
  running = false;
  await Promise.all(all);
  const [made, redeemed, attributed] = ['made', 'redeemed', 'attributed'].map((kind) => decided(own.dataDir, kind));
  if (!made || !redeemed || !attributed) throw new Error('nothing was decided');
  const of = (events: readonly Decided[], id: string) => events.filter((event) => event.campaign === id);
  expect(most(of(made, 'once').map((event) => event.shopper))).toBe(1);
  expect(of(made, 'often')).toHaveLength(BUDGET);
  expect(of(redeemed, 'once')).toHaveLength(QUANTITY);
  expect(most(redeemed.map(({ offer }) => offer))).toBe(1);
  expect(most(attributed.map((event) => `${event.campaign} ${event.transaction}`))).toBe(1);
  expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  const known = new Set(made.map(({ id }) => id));
  expect([...sent].filter((id) => !known.has(id))).toEqual([]);
  expect(sent.size).toBeGreaterThan(SHOPPERS / 2);
  // No key of the rule is set aside.
  expect(JSON.stringify(await own.get(`${own.httpUrl}/health/ready`))).not.toContain('location-offer');
  await people.close();
  await phone.close();
});
