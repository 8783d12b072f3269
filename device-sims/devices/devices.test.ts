/** The devices against a bare broker: what they say is what the contract allows, and agrees with the ledger. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isKind, type ReadingOf, readingSchemas } from '../../edge/contracts/readings.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { seeded } from '../sim/random.ts';
import { coldUnit } from '../world/cold-unit.ts';
import { type Ledger, openLedger } from '../world/ledger.ts';
import { openShop, type Shop } from '../world/shop.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { consentKiosk } from './consent-kiosk.ts';
import type { Device, Surroundings } from './device.ts';
import { fridge } from './fridge.ts';
import { peopleCounter } from './people-counter.ts';
import { presenceGateway } from './presence-gateway.ts';
import { shelfSensor } from './shelf-sensor.ts';
import { till } from './till.ts';

interface Heard {
  readonly kind: string;
  readonly device: string;
  readonly reading: Record<string, unknown>;
}

const ZONES = ['beverages', 'bakery', 'dairy'];

let broker: Aedes;
let server: Server;
let heard: Heard[];
let shop: Shop;
let ledger: Ledger;
let surroundings: Surroundings;
let devices: Device[];

beforeEach(async () => {
  heard = [];
  broker = await Aedes.createBroker();
  broker.on('publish', ({ topic, payload }) => {
    const [root, kind = '', device = ''] = topic.split('/');
    if (root === 'in') heard.push({ kind, device, reading: JSON.parse(payload.toString()) });
  });
  server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  shop = openShop(TINY_SHOP, seeded(5));
  ledger = openLedger(TINY_SHOP, () => 0);
  shop.watch(ledger.record);
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  surroundings = {
    ...{ url, httpUrl: 'http://127.0.0.1:1', shop, random: seeded(6), tally: { sent: 0, acknowledged: 0 } },
    ...{ sent: () => undefined, did: () => undefined },
    failed: (error) => {
      throw error;
    },
  };
  devices = [
    ...TINY_SHOP.shelves.map((shelf) => shelfSensor(shelf, surroundings)),
    till(surroundings),
    peopleCounter(surroundings),
    fridge(coldUnit(4, seeded(7)), surroundings),
    consentKiosk(surroundings),
    ...ZONES.map((zone) => presenceGateway(zone, surroundings, 0)),
  ];
  for (const device of devices) await device.start();
});

afterEach(async () => {
  for (const device of devices) await device.stop(1_000);
  await new Promise<void>((resolve) => broker.close(() => server.close(() => resolve())));
});

function readings<K extends keyof typeof readingSchemas>(kind: K): ReadingOf<K>[] {
  return heard
    .filter((one) => one.kind === kind)
    .map(({ reading }) => readingSchemas[kind].parse(reading) as ReadingOf<K>);
}

test('an hour in the shop arrives as valid readings that agree with what truly happened', async () => {
  // In steps, so that the sensors see some of what is between.
  for (let minute = 1; minute <= 30; minute += 1) {
    shop.advance(minute * 60);
    if (minute % 5 === 0) for (const { shelf } of TINY_SHOP.shelves) shop.refill(shelf);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  shop.closeDoors();
  shop.advance(3_600);
  await waitUntil('the till to have rung everything up', () => readings('sale').length === ledger.sales.length);
  await waitUntil('the counter to have reported the last shopper', () => {
    const counts = readings('traffic');
    return (counts.at(-1)?.total_in ?? 0) - (counts[0]?.total_in ?? 0) === ledger.entered;
  });
  const { tally } = surroundings;
  await waitUntil('every acknowledgement', () => tally.acknowledged === tally.sent);

  for (const { kind, reading } of heard) {
    expect(isKind(kind) && readingSchemas[kind].safeParse(reading).success).toBe(true);
  }
  expect(heard).toHaveLength(tally.sent);
  expect(new Set(heard.map(({ device, reading }) => `${device} ${reading.id}`)).size).toBe(heard.length);
  const sold = readings('sale')
    .flatMap(({ lines }) => lines)
    .reduce((sum, { quantity }) => sum + Number(quantity), 0);
  expect(sold).toBe(ledger.items.sold);
  const said = readings('consent').map(({ shopper, granted }) => [shopper, granted]);
  expect(said).toEqual(ledger.consents.map(({ who, granted }) => [who.app, granted]));
  expect(said.length).toBeGreaterThan(10);
  const named = readings('sale').map(({ transaction, shopper }) => [transaction, shopper]);
  expect(named).toEqual(ledger.sales.map(({ who, transaction }) => [transaction, who.app]));
  expect(new Set(heard.filter(({ kind }) => kind === 'status').map(({ device }) => device)).size).toBe(devices.length);
});

test('each shelf reading leads to the true count, the scale by its weight', async () => {
  shop.advance(300);
  await waitUntil('every shelf to be reported as it is', () =>
    TINY_SHOP.shelves.every((plan) => {
      const last = readings('shelf').findLast(({ shelf }) => shelf === plan.shelf);
      const { tareG, unitWeightG } = plan;
      const count = last?.count ?? Math.round(((last?.weight_g ?? Number.NaN) - tareG) / unitWeightG);
      return count === shop.onShelf(plan.shelf);
    }),
  );
  expect(readings('shelf').some(({ weight_g }) => weight_g !== undefined)).toBe(true);
});

test('gateways sight whoever carries the app where they stand, consent or not, and nobody else', async () => {
  const open = () =>
    new Set(ledger.stays.filter(({ ended }) => ended === undefined).map(({ zone, who }) => `${zone} ${who.app}`));
  // Until somebody without consent stands somewhere, beside the guest who has it.
  const consented = () => new Set(ledger.consents.filter(({ granted }) => granted).map(({ who }) => who.app));
  const stands = (hasConsent: boolean) =>
    ledger.stays.some(
      ({ who: { app }, ended }) => app !== undefined && ended === undefined && consented().has(app) === hasConsent,
    );
  let now = 30;
  for (; now < 3_600 && !(stands(true) && stands(false)); now += 1) shop.advance(now);
  const expected = [...open()].filter((one) => !one.endsWith('undefined'));
  expect(expected.length).toBeGreaterThanOrEqual(2);
  const sightings = () =>
    heard
      .filter(({ kind, reading }) => kind === 'presence' && reading.present === true)
      .map(({ reading }) => `${reading.zone} ${reading.shopper}`);
  await waitUntil('each of them to be sighted twice', () =>
    expected.every((one) => sightings().filter((other) => other === one).length >= 2),
  );
  expect([...new Set(sightings())].filter((one) => !expected.includes(one))).toEqual([]);
  shop.closeDoors();
  shop.advance(7_200);
  const left = () => readings('presence').filter(({ present }) => !present);
  await waitUntil('each of them to be told of as gone', () => left().length === expected.length);
  for (const { zone, shopper } of left()) expect(expected).toContain(`${zone} ${shopper}`);
});
