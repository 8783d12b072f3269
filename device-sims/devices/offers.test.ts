/** Phones and the till against a stand-in for the hub: offers come by MQTT, seen ones and coupons are told by HTTP. */
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitUntil } from '../harness/wait-until.ts';
import { seeded } from '../sim/random.ts';
import { type Ledger, openLedger } from '../world/ledger.ts';
import { openShop, type Shop } from '../world/shop.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import type { Deed, Device, Surroundings } from './device.ts';
import { phones } from './phones.ts';
import { till } from './till.ts';

const GUEST = TINY_SHOP.guest?.app ?? '';
const TOPIC = `out/offers/shopper/${GUEST}`;
const OFFER = {
  ...{ id: 'o'.repeat(26), campaign: 'juice-10', gtin: '09521234000013', text: '10 % off', expires: '', events: [] },
  code: '7K2M-QX9D-3HTA',
};

let broker: Aedes;
let mqtt: Server;
let http: HttpServer;
let sales: Record<string, unknown>[];
let asked: { path: string; body: string }[];
let answers: { status: number; body: object }[];
let shop: Shop;
let ledger: Ledger;
let deeds: Deed[];
let failures: Error[];
let devices: Device[];
let subscribed: string[];

beforeEach(async () => {
  sales = [];
  asked = [];
  answers = [];
  deeds = [];
  failures = [];
  subscribed = [];
  broker = await Aedes.createBroker();
  broker.on('publish', ({ topic, payload }) => {
    if (topic.startsWith('in/sale/')) sales.push(JSON.parse(payload.toString()));
  });
  broker.on('subscribe', (subscriptions) => subscribed.push(...subscriptions.map(({ topic }) => topic)));
  mqtt = createServer(broker.handle);
  await new Promise<void>((resolve) => mqtt.listen(0, '127.0.0.1', resolve));
  http = createHttp((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      asked.push({ path: request.url ?? '', body });
      const answer = request.url === '/api/claims' ? answers.shift() : { status: 200, body: {} };
      response.writeHead(answer?.status ?? 500).end(JSON.stringify(answer?.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  shop = openShop(TINY_SHOP, seeded(5));
  ledger = openLedger(TINY_SHOP, () => 0);
  shop.watch(ledger.record);
  const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
  const surroundings: Surroundings = {
    ...{ url: `mqtt://127.0.0.1:${portOf(mqtt)}`, httpUrl: `http://127.0.0.1:${portOf(http)}`, shop },
    ...{ random: seeded(6), tally: { sent: 0, acknowledged: 0 }, sent: () => undefined },
    did: (deed) => deeds.push(deed),
    failed: (error) => failures.push(error),
  };
  devices = [till(surroundings), phones(surroundings)];
  for (const device of devices) await device.start();
  // The guest stands among the beverages.
  shop.advance(60);
  await waitUntil('the guest to look at the phone', () => subscribed.includes(TOPIC));
});

afterEach(async () => {
  for (const device of devices) await device.stop(1_000);
  await new Promise<void>((resolve) => http.close(() => resolve()));
  await new Promise<void>((resolve) => broker.close(() => mqtt.close(() => resolve())));
});

function publish(payload: object): void {
  const packet = { cmd: 'publish', qos: 1, topic: TOPIC, payload: JSON.stringify(payload), retain: false, dup: false };
  broker.publish({ ...packet, cmd: 'publish', qos: 1 }, () => undefined);
}

async function offered(payload: object): Promise<void> {
  publish(payload);
  await waitUntil('the phone to show it', () => deeds.some(({ kind }) => kind === 'shown'));
}

const ofGuest = () => sales.find(({ shopper }) => shopper === GUEST);

test('a phone shows an offer once, tells that it was seen, and its owner takes the product', async () => {
  await offered(OFFER);
  publish(OFFER);
  await waitUntil('it to be told as seen', () => asked.some(({ path }) => path === `/api/offers/${OFFER.id}/seen`));
  expect(ledger.offers).toMatchObject([{ who: { app: GUEST }, offer: { id: OFFER.id, code: OFFER.code } }]);
  answers.push({ status: 200, body: { claim: 'c'.repeat(26), campaign: 'juice-10' } });
  shop.advance(200);
  await waitUntil('the guest to have paid', () => ofGuest() !== undefined);
  expect(failures).toEqual([]);
});

test('the till asks for the coupon before it rings up, and takes off what is granted', async () => {
  await offered(OFFER);
  answers.push({ status: 200, body: { claim: 'c'.repeat(26), campaign: 'juice-10' } });
  shop.advance(200);
  await waitUntil('the guest to have paid', () => ofGuest() !== undefined);
  const sale = ofGuest();
  const claims = asked.filter(({ path }) => path === '/api/claims').map(({ body }) => JSON.parse(body));
  expect(claims).toEqual([
    {
      ...{ till: 'till-1', transaction: sale?.transaction, business_day: sale?.business_day, code: OFFER.code },
      shopper: GUEST,
    },
  ]);
  const bought = ledger.sales.find(({ who }) => who.app === GUEST)?.lines[0];
  const full = (bought?.quantity ?? 0) * 149;
  expect(sale).toMatchObject({
    coupon: OFFER.code,
    lines: [{ gtin: OFFER.gtin, discount: { amount: Math.round(full / 10) } }],
    total: { amount: full - Math.round(full / 10), currency: 'EUR' },
  });
  expect(sale?.business_day).toMatch(/^\d{4}-\d{2}-\d{2}$/);
});

test('a coupon that is refused costs the full price and is not on the receipt', async () => {
  await offered(OFFER);
  answers.push({ status: 409, body: { reason: 'used' } });
  shop.advance(200);
  await waitUntil('the guest to have paid', () => ofGuest() !== undefined);
  expect(deeds.find(({ kind }) => kind === 'claimed')).toMatchObject({ answer: { granted: false, reason: 'used' } });
  expect(ofGuest()).not.toHaveProperty('coupon');
  expect(ofGuest()?.lines).toMatchObject([{ gtin: OFFER.gtin }]);
  expect(JSON.stringify(ofGuest())).not.toContain('discount');
  expect(failures).toEqual([]);
});

test('a hub that cannot answer is asked again for the same transaction', async () => {
  await offered(OFFER);
  answers.push({ status: 503, body: {} }, { status: 200, body: { claim: 'c'.repeat(26), campaign: 'juice-10' } });
  shop.advance(200);
  await waitUntil('the guest to have paid', () => ofGuest() !== undefined);
  const claims = asked.filter(({ path }) => path === '/api/claims').map(({ body }) => body);
  expect(claims).toHaveLength(2);
  expect(claims[0]).toBe(claims[1]);
  expect(ofGuest()).toMatchObject({ coupon: OFFER.code });
});

test('an offer that was withdrawn leaves the phone and is not shown at the till', async () => {
  await offered(OFFER);
  publish({ ...OFFER, withdrawn: 'no-stock' });
  await waitUntil('the phone to hide it', () => deeds.some(({ kind }) => kind === 'hidden'));
  shop.advance(200);
  await waitUntil('the guest to have paid', () => ofGuest() !== undefined);
  expect(ledger.offers).toMatchObject([{ gone: 0 }]);
  expect(asked.filter(({ path }) => path === '/api/claims')).toEqual([]);
});
